"""Criteria of one image: in which frame boxes lie, which boxes count, why there is no value."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image
from skimage import data
from torch.nn import functional as F

from mmisr.analysis.comparison.result import RECORDS, ArmImage, ArmRun, ImageRow
from mmisr.analysis.quality_against_ap.criteria import (
    NO_BLOCK,
    NO_BOX,
    NO_CONTRAST,
    arm_quality,
)
from mmisr.evaluation.functional.coco_records import ImageRecord, save_records
from mmisr.evaluation.size_bins import PROTOCOLS
from mmisr.structures.marks import Mark

HR_BOXES = [[28.0, 32.0, 72.0, 60.0]]
QUALITY = {"psnr_whole": 20.0, "psnr_in_box": 21.0, "ssim_whole": 0.5, "ssim_in_box": 0.6}
NONE = np.zeros(0)


@pytest.fixture(scope="module")
def hr() -> np.ndarray:
    return data.camera()[60:156, 180:276]


@pytest.fixture(scope="module")
def sr(hr) -> np.ndarray:
    """Of half the size and back, as a factor of 2 leaves it."""
    pixels = torch.from_numpy(hr)[None, None].float()
    small = F.interpolate(pixels, scale_factor=0.5, mode="area")
    large = F.interpolate(small, scale_factor=2, mode="bicubic")
    return large[0, 0].round().clamp(0, 255).byte().numpy()


def arm(folder, pixels, xyxy, source=96, marks=0) -> ArmRun:
    """An arm of one image that is 48 pixels wide as LR and has one or more boxes."""
    (folder / "sr").mkdir(parents=True)
    Image.fromarray(pixels).save(folder / "sr" / "00000.png")
    number = len(xyxy)
    record = ImageRecord(
        img_id=1,
        gt_xyxy=np.array(xyxy),
        gt_labels=np.zeros(number, dtype=np.int64),
        gt_areas=np.ones(number),
        gt_ignore=np.zeros(number, dtype=bool),
        det_xyxy=np.zeros((0, 4)),
        det_labels=NONE.astype(np.int64),
        det_scores=NONE,
        det_areas=NONE,
        gt_marks=np.full(number, marks),
    )
    save_records(folder / RECORDS, [record])
    rows = [ImageRow(1, "a.png", (source, source), (48, 48))]
    return ArmRun(folder.name, folder, rows, [ArmImage(QUALITY)], protocol=PROTOCOLS["coco"])


def judged(run, reference, folder):
    (quality,) = arm_quality(run, reference, folder)
    return quality


def test_boxes_of_lr_are_the_same_places_of_hr(hr, sr, tmp_path):
    """Annotations may be in the frame of LR, as with ``PairedLR(holds="hr")``."""
    reference = arm(tmp_path / "hr", hr, HR_BOXES)
    of_hr = judged(arm(tmp_path / "a", sr, HR_BOXES), reference, tmp_path / "quality")
    in_lr = np.array(HR_BOXES) / 2
    of_lr = judged(arm(tmp_path / "b", sr, in_lr, source=48), reference, tmp_path / "quality")
    assert of_hr == of_lr
    assert of_hr.value("ifc_in_box") > 0


def test_which_boxes_count_is_the_protocols(hr, sr, tmp_path):
    reference = arm(tmp_path / "hr", hr, HR_BOXES)
    run = arm(tmp_path / "a", sr, HR_BOXES, marks=int(Mark.UNCERTAIN))
    as_coco = judged(run, reference, tmp_path)
    assert as_coco.values["nqm_in_box"] is not None
    tiny = replace(run, protocol=PROTOCOLS["tinyperson"])
    assert judged(tiny, reference, tmp_path).reasons["nqm_in_box"] == NO_BOX
    assert judged(run, reference, tmp_path) == as_coco


def test_each_criterion_says_why_it_has_no_value(hr, sr, tmp_path):
    at_the_border = [[0.0, 20.0, 9.0, 60.0]]
    reference = arm(tmp_path / "hr", hr, at_the_border)
    reasons = judged(arm(tmp_path / "a", sr, at_the_border), reference, tmp_path).reasons
    assert reasons == {"ifc_in_box": NO_BLOCK}
    flat = np.full_like(hr, 90)
    reference = arm(tmp_path / "flat_hr", flat, HR_BOXES)
    reasons = judged(arm(tmp_path / "flat", flat, HR_BOXES), reference, tmp_path).reasons
    assert reasons["nqm_in_box"] == NO_CONTRAST
    assert "ifc_in_box" not in reasons
