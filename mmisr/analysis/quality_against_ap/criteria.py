"""Image-quality criteria of every image of an arm, kept beside the arm."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from mmisr.analysis.comparison.result import ArmRun, ImageRow
from mmisr.analysis.comparison.schema import of_fields
from mmisr.evaluation.functional.coco_records import ImageRecord
from mmisr.evaluation.functional.quality.ifc import ifc_of_masks
from mmisr.evaluation.functional.quality.luma import luma
from mmisr.evaluation.functional.quality.nqm import nqm_of_masks
from mmisr.evaluation.functional.quality.vif import has_vif, vif, vif_in_boxes
from mmisr.evaluation.functional.region_quality import box_mask
from mmisr.ops.files import write_text
from mmisr.structures.frames import FrameMap, hw_of
from mmisr.structures.pixels import to_unit

REGIONS = ("whole", "in_box")
STORED = ("psnr", "ssim")
"""Criteria that a comparison has computed already, on unrounded pixels."""
SCHEMA = 2
"""Of the files that keep criteria; raised when one is computed in another way."""
OTHER_SIZE = "what the detector saw has another size than HR"
NO_BOX = "no object is annotated"
NO_PIXEL = "the region has no pixel that counts"
NO_BLOCK = "the boxes lie at the border, which is left out, or are smaller than a block"
NO_CONTRAST = "the HR image has no contrast there"


def criteria_names() -> list[str]:
    """The criteria that can be computed here; VIF where torchmetrics is installed."""
    names = [*STORED, "ifc", "nqm"]
    return [*names, "vif"] if has_vif() else names


def figure_names() -> list[str]:
    """The names of all criteria in all regions, ``<criterion>_<region>``."""
    return [f"{criterion}_{region}" for criterion in criteria_names() for region in REGIONS]


@dataclass(frozen=True)
class ImageQuality:
    """The criteria of one image.

    Args:
        values: By ``<criterion>_<region>``; None where one does not exist, ``"inf"`` for infinity.
        reasons: Why one does not exist, by the same names.
    """

    values: dict[str, float | str | None] = field(default_factory=dict)
    reasons: dict[str, str] = field(default_factory=dict)

    def value(self, name: str) -> float:
        """A criterion; NaN where it does not exist."""
        value = self.values.get(name)
        return math.nan if value is None else float(value)


def arm_quality(
    run: ArmRun, reference: ArmRun, folder: Path, on_image: Callable[[], Any] = lambda: None
) -> list[ImageQuality]:
    """The criteria of every image of an arm; read where they were computed before.

    Convention: PSNR and SSIM are those of the comparison; the others see luminance of 8-bit pixels.
    IFC leaves out a border as wide as the factor of SR.

    Args:
        run: The arm.
        reference: The arm ``hr``, whose pictures are the HR images.
        folder: Where criteria are kept, a file for each arm.
        on_image: Called when an image is done.

    Returns:
        One entry per image.

    Raises:
        ValueError: An arm kept no pictures.
    """
    path = folder / f"{run.folder.name}.json"
    protocol = run.protocol
    made_of = {
        "schema": SCHEMA,
        # It says which boxes count.
        "protocol": protocol and protocol.name,
        "reference": reference.folder.name,
        "criteria": criteria_names(),
    }
    known = _read(path, made_of)
    if known is not None:
        for _ in known:
            on_image()
        return known
    images = []
    for index in range(len(run.rows)):
        images.append(_image_quality(run, reference, index))
        on_image()
    content = {**made_of, "images": [asdict(image) for image in images]}
    write_text(path, json.dumps(content) + "\n")
    return images


def _read(path: Path, made_of: Mapping[str, Any]) -> list[ImageQuality] | None:
    if not path.is_file():
        return None
    text = path.read_text(encoding="utf-8")
    content = json.loads(text)
    entries = content.pop("images")
    if content != made_of:
        return None
    images = []
    for entry in entries:
        image = of_fields(ImageQuality, entry)
        images.append(image)
    return images


def _image_quality(run: ArmRun, reference: ArmRun, index: int) -> ImageQuality:
    image = _Image(
        record=run.records[index],
        row=run.rows[index],
        hr=_picture(reference, index),
        sr=_picture(run, index),
    )
    quality = ImageQuality()
    stored = run.images[index].quality
    for criterion in criteria_names():
        if criterion in STORED:
            found = [_stored(stored[f"{criterion}_{name}"], image, name) for name in REGIONS]
        else:
            found = _computed(criterion, image)
        for region, (value, reason) in zip(REGIONS, found, strict=True):
            name = f"{criterion}_{region}"
            quality.values[name] = value
            if reason:
                quality.reasons[name] = reason
    return quality


@dataclass(frozen=True)
class _Image:
    """An image to be judged."""

    record: ImageRecord
    row: ImageRow
    hr: Tensor
    sr: Tensor

    @property
    def xyxy(self) -> Tensor:
        """Boxes of the objects that count, in pixels of HR."""
        boxes = self.record.gt_xyxy[~self.record.gt_ignore]
        to_hr = FrameMap.between(self.row.source_hw, hw_of(self.hr))
        return to_hr.boxes(torch.as_tensor(boxes))

    @property
    def mask(self) -> Tensor:
        """(H, W) the pixels of HR in the boxes."""
        return box_mask(self.xyxy, hw_of(self.hr))

    @property
    def factor(self) -> int:
        """The factor of SR: how much larger HR is than LR."""
        hr_height, _ = hw_of(self.hr)
        lr_height, _ = self.row.lr_hw
        return max(1, round(hr_height / lr_height))

    def absent(self, region: str) -> str:
        """Why there is nothing to compare; empty where there is something."""
        if self.hr.shape != self.sr.shape:
            return OTHER_SIZE
        return NO_BOX if region == "in_box" and not len(self.xyxy) else ""


Value = float | str | None


def _stored(value: float | None, image: _Image, region: str) -> tuple[Value, str]:
    if value is None:
        return None, image.absent(region) or NO_PIXEL
    return _plain(value), ""


def _computed(criterion: str, image: _Image) -> list[tuple[Value, str]]:
    """Value and reason, by region."""
    try:
        values = _judge(criterion, image)
    except ValueError as error:  # an image that is too small for the criterion
        return [(None, str(error))] * len(REGIONS)
    found: list[tuple[Value, str]] = []
    for region, value in zip(REGIONS, values, strict=True):
        if math.isnan(value):
            found.append((None, image.absent(region) or _nothing(criterion, image, region)))
        else:
            found.append((_plain(value), ""))
    return found


def _nothing(criterion: str, image: _Image, region: str) -> str:
    """Why two images of one size have no value."""
    if criterion == "ifc":
        return NO_BLOCK
    if region == "in_box" and not image.mask.any():
        return NO_PIXEL
    return NO_CONTRAST


def _plain(value: float) -> Value:
    """JSON has no infinity: it is written as a word."""
    return "inf" if math.isinf(value) else value


def _judge(criterion: str, image: _Image) -> list[float]:
    """A criterion by region; NaN where it does not exist."""
    if image.absent("whole"):
        return [math.nan] * len(REGIONS)
    hr = luma(image.hr)
    sr = luma(image.sr)
    if criterion == "vif":
        whole = vif(hr, sr)
        in_box = vif_in_boxes(hr, sr, image.xyxy)
        return [whole, in_box]
    masks = [None, image.mask]
    if criterion == "ifc":
        return ifc_of_masks(hr, sr, masks, image.factor)
    return nqm_of_masks(hr, sr, masks)


def _picture(run: ArmRun, index: int) -> Tensor:
    """(3, H, W) in [0, 1] of what the detector saw."""
    path = run.picture(index)
    if path is None:
        raise ValueError(
            f"arm {run.name} kept no picture of {run.rows[index].file_name}, which criteria are "
            "computed on: run the comparison again"
        )
    with Image.open(path) as picture:
        pixels = np.array(picture.convert("RGB"))
    return to_unit(torch.from_numpy(pixels).permute(2, 0, 1))
