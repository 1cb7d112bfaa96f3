"""See to it that what belongs together is moved together: the HR image, its LR image, and the boxes."""

from __future__ import annotations

from typing import Any

import numpy as np
from mmengine.dataset import Compose

from mmisr.ops.motion import PARTNER, FrameError, check_partner, is_moved


class WatchedPipeline(Compose):
    """A pipeline that stops where a transform moves one of a pair alone, and names the transform and its place.

    Two orders go wrong in silence. A transform that resizes, crops, flips or turns before annotations are read leaves the
    boxes in the pixels of the file. One that changes ``img`` after the LR image was made leaves the LR image behind.

    The transforms are given as to mmengine's ``Compose``.
    """

    def __call__(self, data: dict) -> dict | None:
        """Run the transforms.

        Raises:
            FrameError: One of them moved one of a pair alone.
        """
        before_boxes = _BeforeBoxes()
        for place, transform in enumerate(self.transforms):
            found = transform(data)
            if found is None:
                return None
            data = found
            name = f"transform {place} of the pipeline ({_name(transform)})"
            before_boxes.look(data, name)
            before_boxes.check(data)
            check_partner(data, name)
        return data


class _BeforeBoxes:
    """What happened to the image before its annotations were read.

    Plain mmdet tests with boxes in the pixels of the file and maps its predictions back to them; a pair has one frame for both.
    """

    def __init__(self) -> None:
        self.file_hw: tuple[int, ...] | None = None
        self.mover: str | None = None
        self.reader: str | None = None

    def look(self, data: dict, name: str) -> None:
        """Note who moved the image, and who read the boxes."""
        if self.reader is not None or not isinstance(data.get("img"), np.ndarray):
            return
        if "gt_bboxes" in data:
            self.reader = name
        elif self.file_hw is None:
            self.file_hw = data["img"].shape[:2]
        elif self.mover is None and (data["img"].shape[:2] != self.file_hw or is_moved(data)):
            self.mover = name

    def check(self, data: dict) -> None:
        """Refuse an LR image whose boxes are in other pixels."""
        if PARTNER in data and self.reader is not None and self.mover is not None:
            raise FrameError(
                f"{self.mover} moves the image before {self.reader} reads its boxes, which are in the pixels of the file: "
                "read the annotations directly after the image"
            )


def _name(transform: Any) -> str:
    return getattr(transform, "__name__", None) or type(transform).__name__
