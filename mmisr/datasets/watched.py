"""See to it that what belongs together is moved together.

The HR image, its LR image, and the boxes.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from mmengine.dataset import Compose
from numpy.typing import NDArray

from mmisr.ops.motion import HOMOGRAPHY, PARTNER, FrameError, check_partner, is_moved


class WatchedPipeline(Compose):
    """A pipeline that stops where a transform moves one of a pair alone.

    Two orders go wrong in silence. A transform that resizes, crops, flips or turns before
    annotations are read leaves the boxes in the pixels of the file. One that changes ``img`` after
    the LR image was made leaves the LR image behind. The error names the transform and its place.

    The transforms are given as to mmengine's ``Compose``.
    """

    def __call__(self, data: dict) -> dict | None:
        """Run the transforms.

        Raises:
            FrameError: One of them moved one of a pair alone, or packed the HR image in place of
                the LR image.
        """
        before_boxes = _BeforeBoxes()
        has_lr = False
        for number, transform in enumerate(self.transforms):
            results = transform(data)
            if results is None:  # mmengine's sign for a sample to be drawn again
                return None
            data = results
            name = f"transform {number} of the pipeline ({_name(transform)})"
            before_boxes.look(data, name)
            before_boxes.check(data)
            check_partner(data, name)
            has_lr = has_lr or PARTNER in data
            if has_lr:
                _check_packed(data, name)
        return data


class _BeforeBoxes:
    """What happened to the image before its annotations were read.

    Plain mmdet tests with boxes in the pixels of the file and maps its predictions back to them; a
    pair has one frame for both.
    """

    def __init__(self) -> None:
        self.file_hw: tuple[int, ...] | None = None
        self.loaded: NDArray[Any] | None = None
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
            # A tile was moved to its own pixels when it was read, and its boxes with it.
            self.loaded = data.get(HOMOGRAPHY)
        elif self.mover is None:
            has_moved = data["img"].shape[:2] != self.file_hw or is_moved(data, self.loaded)
            self.mover = name if has_moved else None

    def check(self, data: dict) -> None:
        """Refuse an LR image whose boxes are in other pixels."""
        if PARTNER in data and self.reader is not None and self.mover is not None:
            raise FrameError(
                f"{self.mover} moves the image before {self.reader} reads its boxes, which are in "
                f"the pixels of the file: "
                "read the annotations directly after the image"
            )


def _check_packed(data: dict, name: str) -> None:
    """Refuse samples that plain mmdet packed after the LR image was made.

    They hold the HR image, and a pair would enlarge that.

    mmdet's own ``test.py --tta`` packs so, and flips the HR image alone before.
    """
    samples = data.get("data_samples")
    for sample in samples if isinstance(samples, list) else [samples]:
        if sample is not None and "lr_shape" not in sample.metainfo:
            raise FrameError(
                f"{name} packs the HR image although an LR image was made: let the pipeline (and "
                f"every branch of a TestTimeAug) "
                "make the LR image and end in mmisr.PackSRDetInputs; for test-time augmentation, "
                "`mmisr test --tta` makes it so"
            )


def _name(transform: Any) -> str:
    return getattr(transform, "__name__", None) or type(transform).__name__
