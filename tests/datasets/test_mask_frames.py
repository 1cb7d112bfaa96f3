"""A mask and its box move alike, through every transform, into every frame."""

import json

import numpy as np
import pytest
import torch
from mmengine.dataset import Compose

from mmisr.datasets.coco import SRCocoDataset
from mmisr.openmmlab.datasets import HorizontalBoxes
from mmisr.openmmlab.masks import BitmapMasks, PolygonMasks
from mmisr.openmmlab.samples import annotated_boxes, annotated_masks, hints_from, hints_of
from mmisr.ops.motion import FrameError
from mmisr.registry import DATASETS, TRANSFORMS

HW = (70, 94)
BOXES = [[3, 5, 28, 21], [40, 30, 81, 69], [60, 2, 90, 9], [20, 40, 21, 60], [92, 68, 94, 70]]
"""xyxy; one is a pixel wide, one lies in the corner."""

COLOURS = [50, 90, 130, 170, 210]


def objects(notch: int = 0) -> np.ndarray:
    """(N, H, W) bool: every box filled but for a square at its upper left corner."""
    masks = np.zeros((len(BOXES), *HW), dtype=np.uint8)
    for mask, (x1, y1, x2, y2) in zip(masks, BOXES, strict=True):
        mask[y1:y2, x1:x2] = 1
        mask[y1 : y1 + min(notch, (y2 - y1) // 2), x1 : x1 + min(notch, (x2 - x1) // 2)] = 0
    return masks


def results(kind: str, notch: int = 0) -> dict:
    """What LoadAnnotations leaves: each object painted in its colour on black."""
    masks = objects(notch)
    image = np.zeros((*HW, 3), np.uint8)
    for mask, colour in zip(masks, COLOURS, strict=True):
        image[mask > 0] = colour
    polygons = [[np.array([x1, y1, x2, y1, x2, y2, x1, y2])] for x1, y1, x2, y2 in BOXES]
    return {
        "img": image,
        "img_shape": HW,
        "ori_shape": HW,
        "img_id": 1,
        "img_path": "a.png",
        "gt_bboxes": HorizontalBoxes(torch.tensor(BOXES, dtype=torch.float32)),
        "gt_bboxes_labels": np.arange(len(BOXES)),
        "gt_ignore_flags": np.zeros(len(BOXES), dtype=bool),
        "gt_masks": BitmapMasks(masks, *HW) if kind == "bitmap" else PolygonMasks(polygons, *HW),
    }


def tight(mask: torch.Tensor) -> torch.Tensor:
    """xyxy of the pixels of one mask."""
    y, x = torch.nonzero(mask, as_tuple=True)
    return torch.stack([x.min(), y.min(), x.max() + 1, y.max() + 1]).float()


TRANSFORM = {
    "nothing": [],
    "crop to a multiple": [dict(type="mmisr.CropToMultiple", multiple=8)],
    "patch around a box": [dict(type="mmisr.RandomPatch", size=32, around_box=1.0)],
    "patch anywhere": [dict(type="mmisr.RandomPatch", size=48, around_box=0.0)],
    "patch larger than the image": [dict(type="mmisr.RandomPatch", size=96)],
    "turn": [dict(type="mmisr.RandomTurn")],
    "horizontal flip": [dict(type="mmdet.RandomFlip", prob=1.0, direction="horizontal")],
    "vertical flip": [dict(type="mmdet.RandomFlip", prob=1.0, direction="vertical")],
    "diagonal flip": [dict(type="mmdet.RandomFlip", prob=1.0, direction="diagonal")],
    "mmdet's crop": [dict(type="mmdet.RandomCrop", crop_size=(40, 60))],
    "all": [
        dict(type="mmisr.RandomPatch", size=64, around_box=0.7),
        dict(type="mmdet.RandomFlip", prob=0.5),
        dict(type="mmisr.RandomTurn"),
    ],
}
RESIZE = [dict(type="mmdet.Resize", scale=(133, 61), keep_ratio=False)]
DEGRADE = {
    "native": [dict(type="mmisr.NativeLR")],
    **{
        f"x{s}": [
            dict(type="mmisr.CropToMultiple", multiple=s),
            dict(type="mmisr.SimulateLR", scale=s),
        ]
        for s in (2, 3, 4)
    },
    "hr": [
        dict(type="mmisr.CropToMultiple", multiple=4),
        dict(type="mmisr.SimulateLR", scale=4),
        dict(type="mmisr.FeedHR"),
    ],
}
PAIR, EDITOR = dict(type="mmisr.PackSRDetInputs"), dict(type="mmisr.PackSRInputs")


def run(content: dict, *transforms: dict) -> dict:
    return Compose([TRANSFORMS.build(t) for t in transforms])(content)


def packed(content: dict, steps: list[dict], packer: dict) -> tuple[object, tuple[int, int]]:
    """A sample and the size of its LR image."""
    sample = run(content, *steps, packer)
    return sample["data_samples"], tuple(sample["inputs"].shape[-2:])


@pytest.mark.parametrize("kind", ["bitmap", "polygon"])
@pytest.mark.parametrize("degrade", DEGRADE.values(), ids=DEGRADE)
@pytest.mark.parametrize(
    "moves", [*TRANSFORM.values(), RESIZE], ids=[*TRANSFORM, "resize without the ratio"]
)
def test_the_tight_box_of_the_moved_mask_is_the_moved_box(moves, degrade, kind):
    packers = [PAIR] if degrade is DEGRADE["native"] else [PAIR, EDITOR]
    seen = 0
    for seed in range(3):
        for packer in packers:
            np.random.seed(seed)
            sample, lr_hw = packed(results(kind), moves + degrade, packer)
            for frame in ("source", "lr"):
                boxes = annotated_boxes(sample, frame, lr_hw)
                masks = annotated_masks(sample, frame, lr_hw)
                assert len(boxes) == len(masks)
                for box, mask in zip(boxes, masks, strict=True):
                    if not mask.any():  # a crop left less than a pixel of the box
                        assert moves is RESIZE
                        assert (box[2:] - box[:2]).min() < 1
                        continue
                    assert (tight(mask) - box).abs().max() <= 1, (frame, box, tight(mask))
                    seen += 1
            assert tuple(masks.shape[1:]) == lr_hw
    assert seen >= 3


@pytest.mark.parametrize("moves", TRANSFORM.values(), ids=TRANSFORM)
def test_masks_stay_on_the_paint(moves):
    """Objects with a notch: every pixel of the moved mask, and no other, has its colour."""
    for seed in range(8):
        np.random.seed(seed)
        moved = run(results("bitmap", notch=5), *moves)
        assert len(moved["gt_masks"]) == len(moved["gt_bboxes"])
        for label, mask in zip(moved["gt_bboxes_labels"], moved["gt_masks"].masks, strict=True):
            painted = moved["img"][..., 0] == COLOURS[label]
            if moves is TRANSFORM["patch larger than the image"]:
                painted[HW[0] :] = False  # mirrored, without a box of its own
                painted[:, HW[1] :] = False
            np.testing.assert_array_equal(mask > 0, painted)


def test_small_objects_do_not_vanish_in_the_lr_frame():
    sample, lr_hw = packed(results("bitmap"), DEGRADE["x4"], PAIR)
    masks = hints_of(sample, lr_hw).masks_lr
    boxes = hints_of(sample, lr_hw).boxes_lr
    assert masks.dtype == torch.bool
    assert len(masks) == len(boxes) == 4  # the corner's left with the crop
    assert masks.flatten(1).any(1).all()
    assert int(masks[3].sum()) == 5  # 1 x 20 pixels: one column of LR pixels
    area = masks[1].sum() * 16
    assert abs(int(area) - 41 * 38) < 0.05 * 41 * 38


def test_both_formats_hint_the_same_masks():
    pair, lr_hw = packed(results("bitmap", 5), DEGRADE["x4"], PAIR)
    editor, _ = packed(results("bitmap", 5), DEGRADE["x4"], EDITOR)
    expected = hints_of(pair, lr_hw).masks_lr
    assert expected.any()
    for sample in (editor, pair.to_dict(), editor.to_dict()):
        assert torch.equal(hints_of(sample, lr_hw).masks_lr, expected)
    stacked = type(editor).stack([editor, editor])
    assert all(torch.equal(h.masks_lr, expected) for h in hints_from(stacked, lr_hw))


def test_an_arm_that_sees_other_pixels_gets_masks_of_their_size():
    for packer in (PAIR, EDITOR):
        sample, _ = packed(results("bitmap"), DEGRADE["x4"], packer)
        assert torch.equal(hints_of(sample, (68, 92)).masks_lr, annotated_masks(sample, "source"))
        assert hints_of(sample, (50, 31)).masks_lr.shape == (4, 50, 31)


def test_ignored_objects_keep_their_masks_to_themselves():
    content = results("bitmap")
    content["gt_ignore_flags"][:2] = True
    sample, lr_hw = packed(content, DEGRADE["x2"], PAIR)
    assert len(sample.ignored_instances.masks) == 2
    assert len(hints_of(sample, lr_hw).masks_lr) == len(sample.gt_instances) == 3


@pytest.mark.parametrize("packer", [PAIR, EDITOR])
def test_without_masks_there_are_none_and_without_objects_they_are_empty(packer):
    content = results("bitmap")
    del content["gt_masks"]
    sample, lr_hw = packed(content, DEGRADE["x4"], packer)
    assert hints_of(sample, lr_hw).masks_lr is None
    content = results("bitmap")
    for key in ("gt_bboxes", "gt_bboxes_labels", "gt_ignore_flags", "gt_masks"):
        content[key] = content[key][np.zeros(len(BOXES), dtype=bool)]
    sample, lr_hw = packed(content, DEGRADE["x4"], packer)
    assert hints_of(sample, lr_hw).masks_lr.shape == (0, *lr_hw)


@pytest.mark.parametrize("packer", [PAIR, EDITOR])
def test_masks_that_were_left_behind_are_an_error(packer):
    fewer = results("bitmap")
    fewer["gt_masks"] = fewer["gt_masks"][:-1]
    with pytest.raises(FrameError, match=r"\(5, 70, 94\).*got \(4, 70, 94\)"):
        run(fewer, dict(type="mmisr.SimulateLR", scale=2), packer)
    smaller = results("bitmap")
    smaller["gt_masks"] = smaller["gt_masks"].resize((35, 47))
    with pytest.raises(FrameError, match="a transform moved one without the other"):
        run(smaller, dict(type="mmisr.SimulateLR", scale=2), packer)


def test_the_lr_frame_needs_a_size():
    sample, _ = packed(results("bitmap"), DEGRADE["x4"], PAIR)
    with pytest.raises(ValueError, match="annotated_masks needs lr_hw"):
        annotated_masks(sample, "lr")


def with_segmentations(root, *, rle: bool) -> None:
    """Give every annotation of the COCO file its box as a polygon, or as run lengths."""
    content = json.loads((root / "ann.json").read_text())
    sizes = {i["id"]: (i["height"], i["width"]) for i in content["images"]}
    for annotation in content["annotations"]:
        x, y, w, h = annotation["bbox"]
        annotation["segmentation"] = [[x, y, x + w, y, x + w, y + h, x, y + h]]
        if rle:
            height, width = sizes[annotation["image_id"]]
            # Runs go down the columns, background first.
            runs = [x * height + y, *[h, height - h] * (w - 1), h]
            annotation["segmentation"] = {
                "size": [height, width],
                "counts": [*runs, height * width - sum(runs)],
            }
    (root / "ann.json").write_text(json.dumps(content))


def build(root, poly2mask: bool, with_mask: bool = True) -> SRCocoDataset:
    load = dict(type="mmdet.LoadAnnotations", with_mask=with_mask, poly2mask=poly2mask)
    return DATASETS.build(
        dict(
            type="mmisr.SRCocoDataset",
            data_root=str(root),
            ann_file="ann.json",
            data_prefix=dict(img="images/"),
            metainfo=dict(classes=("thing",)),
            pipeline=[dict(type="mmisr.LoadImage"), load, *DEGRADE["x2"], PAIR],
            test_mode=True,
        )
    )


@pytest.mark.parametrize(("rle", "poly2mask"), [(False, True), (False, False), (True, True)])
def test_from_the_file_to_the_hints(coco, rle, poly2mask):
    root = coco()
    with_segmentations(root, rle=rle)
    sample = build(root, poly2mask)[0]["data_samples"]
    assert len(sample.gt_instances) == 2
    for frame in ("source", "lr"):
        boxes = annotated_boxes(sample, frame, (24, 32))
        masks = annotated_masks(sample, frame, (24, 32))
        for box, mask in zip(boxes, masks, strict=True):
            assert (tight(mask) - box).abs().max() <= 1


def test_a_file_without_masks_is_an_error_only_where_they_are_loaded(coco):
    root = coco()
    assert len(build(root, True, with_mask=False)[0]["data_samples"].gt_instances) == 2
    with pytest.raises(ValueError, match="4 annotations have no `segmentation`.*annotation 1 of a"):
        build(root, True)


def test_a_run_length_mask_of_another_size_is_an_error_before_it_is_decoded(coco):
    root = coco()
    with_segmentations(root, rle=True)
    content = json.loads((root / "ann.json").read_text())
    content["annotations"][0]["segmentation"]["size"] = [1000, 1000]
    (root / "ann.json").write_text(json.dumps(content))
    with pytest.raises(ValueError, match="`segmentation` must be"):
        build(root, True)
