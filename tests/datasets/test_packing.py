"""Loading and packing: channel orders, frames, areas."""

import numpy as np
import pytest
import torch
from mmengine.dataset import Compose
from PIL import Image

from mmisr.datasets.images import ImageError
from mmisr.datasets.loading import LoadImage
from mmisr.datasets.packing import PackSRDetInputs, PackSRInputs
from mmisr.registry import TRANSFORMS

LOAD = [{"type": "mmisr.LoadImage"}, {"type": "mmdet.LoadAnnotations", "with_bbox": True}]
DEGRADE = [
    {"type": "mmisr.CropToMultiple", "multiple": 4},
    {"type": "mmisr.SimulateLR", "scale": 4},
]
PAIR, EDITOR = {"type": "mmisr.PackSRDetInputs"}, {"type": "mmisr.PackSRInputs"}


def run(info: dict, *transforms: dict) -> dict:
    return Compose([TRANSFORMS.build(t) for t in transforms])(info)


@pytest.fixture
def info(coco) -> dict:
    """50x61 image; one box beyond the crop's edge at row 48, a crowd, and an annotated area.

    The area is not the box's.
    """
    path = coco() / "images/b.png"
    instances = [
        {"bbox": [8, 8, 24, 20], "bbox_label": 0, "ignore_flag": 0, "area": 100.0},
        {"bbox": [30, 40, 40, 50], "bbox_label": 2, "ignore_flag": 0, "area": 100.0},
        {"bbox": [10, 48.5, 20, 50], "bbox_label": 0, "ignore_flag": 0, "area": 15.0},
        {"bbox": [0, 0, 60, 8], "bbox_label": 1, "ignore_flag": 1, "area": 480.0},
    ]
    return {"img_path": str(path), "img_id": 2, "height": 50, "width": 61, "instances": instances}


def pixels(info: dict) -> torch.Tensor:
    return torch.from_numpy(np.asarray(Image.open(info["img_path"])).copy()).permute(2, 0, 1)


def test_pair_sample(info):
    packed = run(info, *LOAD, *DEGRADE, PAIR)
    lr, sample = packed["inputs"], packed["data_samples"]
    assert (lr.dtype, tuple(lr.shape)) == (torch.uint8, (3, 12, 15))
    assert torch.equal(sample.hr, pixels(info)[:, :48, :60])  # RGB, cropped to the multiple
    block = sample.hr.float().reshape(3, 12, 4, 15, 4).mean(dim=(2, 4))
    assert (lr.float() - block).abs().mean() < 6  # RGB too, and in place
    for key in ("ori_shape", "img_shape", "source_shape"):
        assert sample.metainfo[key] == (48, 60)
    assert sample.lr_shape == (12, 15)
    assert sample.scale_factor == (1.0, 1.0)
    assert (sample.img_id, sample.lr_recipe) == (2, "matlab_bicubic@1+x4")


def test_boxes_labels_and_areas_are_in_the_source_frame(info):
    sample = run(info, *LOAD, *DEGRADE, PAIR)["data_samples"]
    truth, ignored = sample.gt_instances, sample.ignored_instances
    assert truth.bboxes.tolist() == [[8, 8, 24, 20], [30, 40, 40, 48]]
    assert (truth.labels.tolist(), truth.labels.dtype) == ([0, 2], torch.int64)
    assert truth.areas.tolist() == pytest.approx(
        [100, 80]
    )  # annotated; the second lost a fifth of its box
    assert ignored.bboxes.tolist() == [[0, 0, 60, 8]]
    assert ignored.labels.tolist() == [1]
    assert ignored.areas.tolist() == [480]
    assert type(truth.bboxes) is torch.Tensor
    assert truth.bboxes.dtype == truth.areas.dtype == torch.float32


def test_marks_follow_their_boxes(info):
    """They are those of the file while boxes have their entries; else what is ignored is a crowd.

    The third box lies outside the crop, the last is ignored.
    """
    for instance, marks in zip(info["instances"], (8, 224, 16, 6), strict=True):
        instance["marks"] = marks
    sample = run(info, *LOAD, *DEGRADE, PAIR)["data_samples"]
    assert sample.gt_instances.marks.tolist() == [8, 224]
    assert sample.ignored_instances.marks.tolist() == [6]
    info["instances"] = [{k: v for k, v in i.items() if k != "marks"} for i in info["instances"]]
    sample = run(info, *LOAD, *DEGRADE, PAIR)["data_samples"]
    assert sample.gt_instances.marks.tolist() == [0, 0]
    assert sample.ignored_instances.marks.tolist() == [2]


def test_areas_follow_a_resize(info):
    half = {"type": "mmdet.Resize", "scale_factor": 0.5, "keep_ratio": True}
    native = [{"type": "mmisr.NativeLR"}, PAIR]
    before = run(dict(info), *LOAD, *native)["data_samples"].gt_instances
    after = run(dict(info), *LOAD, half, *native)["data_samples"].gt_instances
    np.testing.assert_allclose(after.areas / before.areas, 0.25, rtol=0.03)
    assert before.areas[0] == 100


def test_areas_of_boxes_where_annotations_were_lost(info):
    np.random.seed(0)
    crop = {"type": "mmdet.RandomCrop", "crop_size": (30, 30), "allow_negative_crop": True}
    truth = run(info, *LOAD, crop, {"type": "mmisr.NativeLR"}, PAIR)["data_samples"].gt_instances
    sides = truth.bboxes[:, 2:] - truth.bboxes[:, :2]
    assert len(truth) < 3
    assert torch.equal(truth.areas, sides.prod(1))


def test_native_lr_has_no_hr(info):
    packed = run(info, *LOAD, {"type": "mmisr.NativeLR"}, PAIR)
    sample = packed["data_samples"]
    assert torch.equal(packed["inputs"], pixels(info))
    assert "hr" not in sample
    assert sample.lr_shape == sample.source_shape == (50, 61)
    assert sample.gt_instances.bboxes[0].tolist() == [8, 8, 24, 20]


def test_oracle_arm_feeds_hr_under_the_lr_shape(info):
    packed = run(info, *LOAD, *DEGRADE, {"type": "mmisr.FeedHR"}, PAIR)
    assert torch.equal(packed["inputs"], packed["data_samples"].hr)
    assert packed["data_samples"].lr_shape == (12, 15)


def test_editor_sample(info):
    packed = run(info, *LOAD, *DEGRADE, EDITOR)
    sample = packed["data_samples"]
    assert tuple(packed["inputs"].shape) == (3, 12, 15)
    assert torch.equal(sample.gt_img, pixels(info)[:, :48, :60])
    assert sample.boxes_source.dtype == sample.boxes_lr.dtype == np.float32
    np.testing.assert_array_equal(sample.boxes_lr, sample.boxes_source / 4)
    assert sample.boxes_lr[0].tolist() == [2, 2, 6, 5]
    assert (sample.img_id, sample.lr_shape, sample.source_shape) == (2, (12, 15), (48, 60))
    orders = {
        sample.gt_channel_order,
        sample.img_channel_order,
        sample.gt_color_type,
        sample.img_color_type,
    }
    assert orders == {"RGB", "color"}


def test_an_image_without_boxes(info):
    info["instances"] = []
    sample = run(dict(info), *LOAD, *DEGRADE, PAIR)["data_samples"]
    assert (
        tuple(sample.gt_instances.bboxes.shape)
        == tuple(sample.ignored_instances.bboxes.shape)
        == (0, 4)
    )
    assert run(dict(info), *LOAD, *DEGRADE, EDITOR)["data_samples"].boxes_lr.shape == (0, 4)


def test_an_image_without_annotations_loaded(info):
    packed = run(info, LOAD[0], *DEGRADE, PAIR)
    assert len(packed["data_samples"].gt_instances) == 0


def test_mmdets_flip_moves_lr_with_the_boxes(info):
    flip = {"type": "mmdet.RandomFlip", "prob": 1.0}
    plain = run(
        dict(info), *LOAD, {"type": "mmisr.CropToMultiple", "multiple": 4}, *DEGRADE, EDITOR
    )
    turned = run(
        dict(info), *LOAD, {"type": "mmisr.CropToMultiple", "multiple": 4}, flip, *DEGRADE, EDITOR
    )
    assert torch.equal(turned["inputs"], plain["inputs"].flip(-1))
    left = 15 - plain["data_samples"].boxes_lr[:, 2]
    np.testing.assert_allclose(turned["data_samples"].boxes_lr[:, 0], left)


@pytest.mark.parametrize("packer", [PackSRDetInputs, PackSRInputs])
def test_packing_without_lr(packer):
    with pytest.raises(
        KeyError,
        match=f"mmisr.{packer.__name__} needs the LR image.*mmisr.SimulateLR or mmisr.NativeLR",
    ):
        packer()({"img": np.zeros((8, 8, 3), np.uint8)})


def test_an_editor_needs_hr(info):
    with pytest.raises(KeyError, match="PackSRInputs needs an HR image to learn from"):
        run(info, *LOAD, {"type": "mmisr.NativeLR"}, EDITOR)


def test_loading_gives_bgr(info):
    loaded = LoadImage()(dict(info))
    np.testing.assert_array_equal(
        loaded["img"][..., ::-1], np.asarray(Image.open(info["img_path"]))
    )
    assert loaded["img_shape"] == loaded["ori_shape"] == (50, 61)


def test_loading_an_image_of_another_size_than_annotated(info):
    with pytest.raises(ImageError, match="b.png must be 99x50 as its annotation says, found 61x50"):
        LoadImage()({**info, "width": 99})


def test_an_array_in_memory_is_kept():
    image = np.zeros((5, 6, 3), np.uint8)
    assert LoadImage()({"img": image})["img"] is image


@pytest.mark.parametrize(
    ("image", "text"),
    [
        (np.zeros((5, 6), np.uint8), r"got uint8 of shape \(5, 6\)"),
        (np.zeros((5, 6, 3), np.float32), "got float32"),
        (np.zeros((0, 6, 3), np.uint8), r"got uint8 of shape \(0, 6, 3\)"),
        (torch.zeros(3, 5, 6), "got Tensor"),
        (None, "got NoneType"),
    ],
)
def test_other_things_in_memory(image, text):
    with pytest.raises(TypeError, match=r"must be a \(H, W, 3\) uint8 BGR numpy array, " + text):
        LoadImage()({"img": image})
