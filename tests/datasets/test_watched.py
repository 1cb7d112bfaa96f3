"""What belongs together is moved together, or the transform that does not is named."""

import json

import numpy as np
import pytest
import torch
from PIL import Image

from mmisr.ops.motion import FrameError, is_moved, note_motion
from mmisr.registry import DATASETS

LOAD = {"type": "mmisr.LoadImage"}
BOXES = {"type": "mmdet.LoadAnnotations", "with_bbox": True}
LR = {"type": "mmisr.SimulateLR", "scale": 2}
NATIVE = {"type": "mmisr.NativeLR"}
PACK = {"type": "mmisr.PackSRDetInputs"}
FLIP = {"type": "mmdet.RandomFlip", "prob": 1.0}
RESIZE = {"type": "mmdet.Resize", "scale": (32, 32), "keep_ratio": False}
MOVERS = {
    "RandomFlip": FLIP,
    "Resize": RESIZE,
    "RandomPatch": {"type": "mmisr.RandomPatch", "size": 16},
    "CropToMultiple": {"type": "mmisr.CropToMultiple", "multiple": 20},
    "RandomCrop": {"type": "mmdet.RandomCrop", "crop_size": (20, 20)},
    "RandomAffine": {"type": "mmdet.RandomAffine", "max_rotate_degree": 30.0},
}


@pytest.fixture
def dataset(tmp_path):
    """Build a data set of one 64x48 image with one box, with the given pipeline."""
    pixels = np.random.default_rng(0).integers(0, 256, (48, 64, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    box = {
        "id": 1,
        "image_id": 1,
        "category_id": 1,
        "bbox": [8, 4, 24, 20],
        "area": 480,
        "iscrowd": 0,
    }
    images = [{"id": 1, "file_name": "a.png", "width": 64, "height": 48}]
    content = {"images": images, "annotations": [box], "categories": [{"id": 1, "name": "car"}]}
    (tmp_path / "a.json").write_text(json.dumps(content))

    def build(*pipeline):
        place = {"data_root": str(tmp_path), "ann_file": "a.json", "data_prefix": {"img": ""}}
        return DATASETS.build(
            {
                "type": "mmisr.SRCocoDataset",
                "metainfo": {"classes": ("car",)},
                "pipeline": list(pipeline),
                **place,
            }
        )

    return build


@pytest.mark.parametrize(
    "name", [name for name in MOVERS if name != "RandomAffine"]
)  # it needs boxes itself
def test_a_move_before_the_boxes_are_read_is_named(dataset, name):
    with pytest.raises(
        FrameError,
        match=rf"transform 1 of the pipeline \({name}\) moves .* before "
        "transform 2 of the .*LoadAnn",
    ):
        dataset(LOAD, MOVERS[name], BOXES, LR, PACK)[0]


@pytest.mark.parametrize("name", MOVERS)
@pytest.mark.parametrize("maker", [LR, NATIVE])
def test_a_move_after_the_lr_image_was_made_is_named(dataset, name, maker):
    np.random.seed(0)
    with pytest.raises(
        FrameError,
        match=rf"transform 3 of the pipeline \({name}\) changed the HR image "
        r"\(64x48 before, \d+x\d+ after\)",
    ):
        dataset(LOAD, BOXES, maker, MOVERS[name], PACK)[0]


def test_a_turn_is_named_on_both_sides(dataset, monkeypatch):
    monkeypatch.setattr(np.random, "randint", lambda *_: 2)
    turn = {"type": "mmisr.RandomTurn"}
    with pytest.raises(FrameError, match=r"transform 1 of the pipeline \(RandomTurn\) moves"):
        dataset(LOAD, turn, BOXES, LR, PACK)[0]
    with pytest.raises(FrameError, match=r"transform 3 of the pipeline \(RandomTurn\) changed"):
        dataset(LOAD, BOXES, LR, turn, PACK)[0]


def test_the_packer_says_it_where_the_pipeline_is_not_ours(dataset):
    results = {"img": np.zeros((8, 8, 3), np.uint8), "img_path": "a.png"}
    steps = dataset(LOAD, BOXES, LR, PACK).pipeline.transforms
    results = steps[2]({**results, "img_shape": (8, 8)})
    results["img"] = results["img"][:, :4]
    with pytest.raises(
        FrameError,
        match="a transform between the one that made the LR image and the one that packs changed",
    ):
        steps[3](results)


@pytest.mark.parametrize("name", [name for name in MOVERS if name != "RandomAffine"])
def test_in_the_right_order_boxes_and_pixels_move_together(dataset, name):
    np.random.seed(0)
    packed = dataset(
        LOAD, BOXES, MOVERS[name], {"type": "mmisr.CropToMultiple", "multiple": 2}, LR, PACK
    )[0]
    sample = packed["data_samples"]
    h, w = packed["inputs"].shape[-2:]
    assert sample.hr.shape[-2:] == (2 * h, 2 * w)
    assert sample.source_shape == (2 * h, 2 * w)
    reduced = torch.nn.functional.interpolate(sample.hr[None].float(), size=(h, w), mode="area")[0]
    flat = torch.stack([reduced.flatten(), packed["inputs"].float().flatten()])
    assert torch.corrcoef(flat)[0, 1] > 0.9


def test_flipped_boxes_lie_where_the_flipped_pixels_do(dataset):
    sample = dataset(LOAD, BOXES, FLIP, LR, PACK)[0]["data_samples"]
    assert sample.gt_instances.bboxes.tolist() == [[64 - 32, 4, 64 - 8, 24]]
    assert is_moved(sample.metainfo)
    assert not is_moved(dataset(LOAD, BOXES, LR, PACK)[0]["data_samples"].metainfo)


def test_light_may_change_before_the_lr_image_is_made_and_not_after(dataset):
    light = {"type": "mmdet.PhotoMetricDistortion"}
    dataset(LOAD, light, BOXES, LR, PACK)[0]
    dataset(LOAD, BOXES, light, LR, PACK)[0]
    with pytest.raises(FrameError, match="PhotoMetricDistortion"):
        dataset(LOAD, BOXES, LR, light, PACK)[0]


def test_plain_mmdet_keeps_its_own_order(dataset):
    keys = ("img_id", "ori_shape", "img_shape", "scale_factor")
    plain = dataset(LOAD, RESIZE, BOXES, {"type": "mmdet.PackDetInputs", "meta_keys": keys})[0]
    assert plain["inputs"].shape[-2:] == (32, 32)
    assert plain["data_samples"].gt_instances.bboxes.tensor.tolist() == [[8, 4, 32, 24]]


def test_the_feed_of_the_oracle_is_no_move(dataset):
    packed = dataset(LOAD, BOXES, LR, {"type": "mmisr.FeedHR"}, PACK)[0]
    assert packed["inputs"].shape[-2:] == (48, 64)


def test_convention_a_noted_motion_maps_points_from_the_file(dataset):
    np.random.seed(3)
    build = dataset(
        LOAD,
        BOXES,
        {"type": "mmisr.RandomPatch", "size": 40, "around_box": 0.0},
        {"type": "mmisr.RandomTurn"},
    )
    for _ in range(8):
        results = build[0]
        corners = np.array([[8, 4, 1], [32, 24, 1]], dtype=float) @ results["homography_matrix"].T
        found = np.concatenate([corners[:, :2].min(0), corners[:, :2].max(0)]).clip(0, 40)
        if len(results["gt_bboxes"]):
            assert np.allclose(results["gt_bboxes"].tensor[0], found, atol=1e-4)


def test_motions_add_up():
    results: dict = {}
    note_motion(results, np.diag([2.0, 2.0, 1.0]))
    note_motion(results, np.array([[1.0, 0, -3], [0, 1, 0], [0, 0, 1]]))
    assert (results["homography_matrix"] @ [5, 1, 1]).tolist() == [7, 2, 1]
