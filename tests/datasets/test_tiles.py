"""Tiles that are cut when they are read: those on disk, the same LR pixels, their own masks."""

import json

import numpy as np
import pytest
from PIL import Image
from pycocotools import mask as coco_masks

from mmisr.apis.to_coco import cut_tiles
from mmisr.datasets.images import ImageError
from mmisr.datasets.patch_classes import PatchClasses
from mmisr.datasets.tiles import Tiles, annotations_in, seen_in, tiled
from mmisr.ops.motion import FrameError
from mmisr.registry import DATASETS

TILES = {"size": 32, "overlap": 8}
PER_IMAGE = 6
LOAD = [
    {"type": "mmisr.LoadImage"},
    {"type": "mmdet.LoadAnnotations", "with_bbox": True},
]
MULTIPLE = {"type": "mmisr.CropToMultiple", "multiple": 4}
REDUCE = [MULTIPLE, {"type": "mmisr.SimulateLR", "scale": 4}]
BOXES = [[4, 4, 10, 8], [20, 2, 12, 20], [38.5, 20.25, 9.5, 21], [0, 0, 61, 48]]
"""One in a tile alone, one that two tiles share, one with a fraction, one larger than a tile."""


def dataset_of(folder, pipeline=(), ann_file="ann.json", img="images/", **more):
    return DATASETS.build(
        {
            "type": "mmisr.SRCocoDataset",
            "data_root": str(folder),
            "ann_file": ann_file,
            "data_prefix": {"img": img},
            "metainfo": {"classes": ("thing",)},
            "pipeline": list(pipeline),
            **more,
        }
    )


@pytest.fixture
def folder(coco):
    """Two images; in each, one box is a crowd and one is ignored already."""
    root = coco(boxes=BOXES)
    content = json.loads((root / "ann.json").read_text())
    for annotation in content["annotations"]:
        annotation["iscrowd"] = int(annotation["bbox"] == BOXES[3])
    content["annotations"][0]["ignore"] = 1
    (root / "ann.json").write_text(json.dumps(content))
    return root


def test_they_are_those_on_disk(folder):
    """One rule: pixels, ids, boxes, marks."""
    cut_tiles(folder / "ann.json", folder / "images", folder / "tiles", **TILES)
    on_disk = dataset_of(folder / "tiles", LOAD, "ann_tiles.json")
    on_the_fly = dataset_of(folder, LOAD, tiles=TILES)
    assert len(on_disk) == len(on_the_fly) == 2 * PER_IMAGE
    cut = 0
    for expected, found in zip(on_disk, on_the_fly, strict=True):
        np.testing.assert_array_equal(found["img"], expected["img"])
        assert found["img_shape"] == found["ori_shape"] == expected["img_shape"]
        assert found["img_id"] == expected["img_id"]
        np.testing.assert_allclose(found["gt_bboxes"].tensor, expected["gt_bboxes"].tensor)
        np.testing.assert_array_equal(found["gt_ignore_flags"], expected["gt_ignore_flags"])
        for one, other in zip(found["instances"], expected["instances"], strict=True):
            assert one["marks"] == other["marks"]
            assert one["area"] == pytest.approx(other["area"])
            cut += one["marks"] == 1
    assert cut > 4


def test_crowds_stay_crowds_and_what_is_cut_off_is_ignored(folder):
    first = dataset_of(folder, LOAD, tiles=TILES)[0]
    assert [i["bbox"] for i in first["instances"]] == [
        [4, 4, 14, 12],
        [20, 2, 32, 22],
        [0, 0, 32, 32],
    ]
    assert first["gt_ignore_flags"].tolist() == [True, False, True]
    assert [i["marks"] for i in first["instances"]] == [1, 0, 2]


def test_lr_pixels_are_those_of_the_image(folder):
    """Away from the border, over which degrading would look."""
    whole = dataset_of(folder, [*LOAD, *REDUCE])
    tiles = dataset_of(folder, [*LOAD, *REDUCE], tiles=TILES)
    for index, tile in enumerate(tiles):
        image = whole[index // PER_IMAGE]
        info = tiles.get_data_info(index)
        left, top, right, bottom = (edge // 4 for edge in info["window"])
        assert tile["lr"].shape[:2] == (bottom - top, right - left)
        of_image = image["lr"][top:bottom, left:right]
        np.testing.assert_array_equal(tile["lr"][3:-3, 3:-3], of_image[3:-3, 3:-3])
    # The second image is 61x50: what no whole LR pixel shows is in no tile.
    rights, bottoms = zip(
        *(tiles.get_data_info(i)["window"][2:] for i in range(6, 12)), strict=True
    )
    assert (max(rights), max(bottoms)) == (60, 48)


def test_the_partner_of_a_pair_is_cut_alike(folder):
    """Taken separately, LR has no border to degrade over: every pixel is the image's."""
    (folder / "lr").mkdir()
    rng = np.random.default_rng(0)
    partners = {}
    for name, hw in (("a.png", (12, 16)), ("b.png", (12, 15))):
        partners[name] = rng.integers(0, 256, (*hw, 3), dtype=np.uint8)
        Image.fromarray(partners[name]).save(folder / "lr" / name)
    pair = {"type": "mmisr.PairedLR", "folder": str(folder / "lr"), "scale": 4}
    tiles = dataset_of(folder, [*LOAD, MULTIPLE, pair], tiles=TILES)
    for index, tile in enumerate(tiles):
        info = tiles.get_data_info(index)
        left, top, right, bottom = (edge // 4 for edge in info["window"])
        lr = partners["ab"[index // PER_IMAGE] + ".png"][top:bottom, left:right, ::-1]
        np.testing.assert_array_equal(tile["lr"], lr)


def test_masks_are_those_of_the_image(folder):
    content = json.loads((folder / "ann.json").read_text())
    sizes = {image["id"]: (image["height"], image["width"]) for image in content["images"]}
    for number, annotation in enumerate(content["annotations"]):
        x, y, w, h = annotation["bbox"]
        polygon = [x, y, x + w, y, x + w, y + h]
        annotation["segmentation"] = [polygon]
        if number % 2:
            height, width = sizes[annotation["image_id"]]
            pixels = coco_masks.decode(coco_masks.frPyObjects([polygon], height, width))[..., 0]
            changes = np.flatnonzero(np.diff(pixels.ravel(order="F"), prepend=0)).tolist()
            runs = np.diff([0, *changes, pixels.size]).tolist()
            annotation["segmentation"] = {"size": [height, width], "counts": runs}
    (folder / "ann.json").write_text(json.dumps(content))
    load = [LOAD[0], {**LOAD[1], "with_mask": True}]
    whole = dataset_of(folder, load)
    tiles = dataset_of(folder, load, tiles=TILES)
    for index, tile in enumerate(tiles):
        info = tiles.get_data_info(index)
        left, top, right, bottom = info["window"]
        image = whole[index // PER_IMAGE]
        boxes = np.array([instance["bbox"] for instance in image["instances"]])
        _, shares = seen_in(info["window"], boxes)
        expected = image["gt_masks"].masks[shares > 0][:, top:bottom, left:right]
        np.testing.assert_array_equal(tile["gt_masks"].masks, expected)


def test_empty_tiles_are_left_out_where_asked(coco):
    root = coco(boxes=[[2, 2, 6, 6]])
    assert len(dataset_of(root, tiles=TILES)) == 12
    assert len(dataset_of(root, tiles=TILES, filter_cfg={"filter_empty_gt": True})) == 2


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"tiles": {"size": 8, "overlap": 8}}, "0 <= overlap < size, got overlap=8, size=8"),
        ({"tiles": {"size": 8, "visible": 0}}, "0 < visible <= 1, got 0"),
        ({"tiles": {"size": 30}, "pipeline": REDUCE}, "must be multiples of 4, .* got 30 and 0"),
        ({"tiles": TILES, "test_mode": True}, r"test_mode=True.*set model.test_cfg.slices"),
    ],
)
def test_what_cuts_no_tiles(folder, wrong, message):
    with pytest.raises(ValueError, match=message):
        dataset_of(folder, **wrong)


def test_a_box_that_only_touches_a_tile_is_not_in_it():
    """The sum of its left edge and its width is a rounding error beyond 500."""
    window = 500, 0, 600, 100
    bbox = [473.46200000000005, 10, 26.538, 10]
    assert bbox[0] + bbox[2] > 500
    assert [*annotations_in(window, [{"bbox": bbox}])] == []
    xyxy = [bbox[0], 10, bbox[0] + bbox[2], 20]
    info = {"img_id": 1, "width": 600, "height": 100, "img_path": "a.png"}
    info["instances"] = [{"bbox": xyxy, "ignore_flag": 0, "marks": 0}]
    tiles = tiled([info], Tiles(100, visible=1))
    assert [len(tile["instances"]) for tile in tiles] == [0, 0, 0, 0, 1, 0]
    # What is whole in a tile counts there however strict one is.
    assert tiles[4]["instances"][0]["marks"] == 0


def test_whole_floats_are_integers():
    assert Tiles(32.0, 8.0).windows((40, 32)) == Tiles(32, 8).windows((40, 32))
    assert type(Tiles(32.0).size) is int


def test_images_smaller_than_an_lr_pixel(coco):
    root = coco((("a.png", 64, 48), ("small.png", 3, 9)), [[0, 0, 2, 2]])
    with pytest.raises(ImageError, match=r"small.png must be at least 4 pixels .*, found 3x9"):
        dataset_of(root, [*LOAD, *REDUCE], tiles=TILES)


def test_small_images_are_left_out_where_asked(coco):
    root = coco((("a.png", 64, 48), ("small.png", 30, 20)), [[0, 0, 2, 2]])
    sizes = [dataset_of(root, tiles=TILES, filter_cfg={"min_size": size}) for size in (20, 32)]
    assert [len(tiles) for tiles in sizes] == [7, 6]


@pytest.mark.parametrize("size", [32, 64])
def test_light_may_change_before_boxes_are_read(folder, size):
    """Away from the image's corner, where a tile's own pixels are not the file's."""
    light = {"type": "mmdet.PhotoMetricDistortion"}
    pack = {"type": "mmisr.PackSRDetInputs"}
    tiles = {"size": size, "overlap": 8}
    for tile in dataset_of(folder, [LOAD[0], light, LOAD[1], *REDUCE, pack], tiles=tiles):
        assert tile["inputs"].shape[0] == 3
    flip = {"type": "mmdet.RandomFlip", "prob": 1.0}
    moved = dataset_of(folder, [LOAD[0], flip, LOAD[1], *REDUCE, pack], tiles=tiles)
    with pytest.raises(FrameError, match=r"RandomFlip\) moves the image before"):
        moved[len(moved) - 1]


def test_patch_classes_are_those_of_whole_images(folder):
    path = folder / "classes.json"
    PatchClasses(4, 8, [25.0], {"1": [[0, 0, 0], [0, 4, 1]]}).write(path)
    steps = [*LOAD, {"type": "mmisr.ClassPatch", "classes": str(path)}]
    assert len(dataset_of(folder, steps)) == 2
    with pytest.raises(ValueError, match=r"tiles have ids of their own, and ClassPatch"):
        dataset_of(folder, steps, tiles=TILES)
