"""SRCocoDataset: what it reads, and what it says about data that cannot be used."""

import json

import numpy as np
import pytest
from PIL import Image

from mmisr.datasets.coco import SRCocoDataset
from mmisr.datasets.images import ImageError
from mmisr.registry import DATASETS
from mmisr.structures.marks import Mark


def build(root, classes=("thing",), **arguments) -> SRCocoDataset:
    config = {"type": "mmisr.SRCocoDataset", "data_root": str(root), "ann_file": "ann.json"}
    config |= {
        "data_prefix": {"img": "images/"},
        "metainfo": {"classes": classes},
        "pipeline": [],
        "serialize_data": False,
    }
    return DATASETS.build(config | arguments)


def change(root, image=0, annotation=0, **values) -> None:
    content = json.loads((root / "ann.json").read_text())
    content["annotations"][annotation] |= values
    (root / "ann.json").write_text(json.dumps(content))


def test_images_and_boxes(coco):
    dataset = build(coco())
    assert len(dataset) == 2
    info = dataset.get_data_info(1)
    assert info["img_path"].endswith("images/b.png")
    assert (info["img_id"], info["height"], info["width"]) == (2, 50, 61)
    assert info["instances"][0] == {
        "bbox": [8, 8, 24, 20],
        "bbox_label": 0,
        "ignore_flag": 0,
        "area": 192.0,
        "marks": 0,
    }


def test_a_frame_of_a_clip_says_which(coco):
    root = coco()
    content = json.loads((root / "ann.json").read_text())
    content["images"][0]["frame_index"] = "7"
    (root / "ann.json").write_text(json.dumps(content))
    dataset = build(root)
    assert dataset.get_data_info(0)["frame_index"] == 7
    assert "frame_index" not in dataset.get_data_info(1)
    for wrong in (-1, 1.5, "first"):
        content["images"][1]["frame_index"] = wrong
        (root / "ann.json").write_text(json.dumps(content))
        with pytest.raises(ValueError, match=r"frame_index.* must be a whole number from 0 on"):
            build(root)


def test_what_an_annotation_is_stands_in_its_marks(coco):
    root = coco()
    change(root, iscrowd=1, ignored_region=1, uncertain=1, difficult=0, subsets=["hard"])
    first, second = build(root).get_data_info(0)["instances"]
    assert first["marks"] == Mark.CROWD | Mark.REGION | Mark.UNCERTAIN | Mark.HARD
    assert second["marks"] == 0


@pytest.mark.parametrize("attribute", ["iscrowd", "ignore"])
def test_crowds_and_ignored_boxes_are_kept_and_flagged(coco, attribute):
    root = coco()
    change(root, **{attribute: 1}, area=55.5)
    first, second = build(root).get_data_info(0)["instances"]
    assert (first["ignore_flag"], second["ignore_flag"]) == (1, 0)
    assert first["area"] == 55.5


def test_boxes_below_a_pixel_stay(coco):
    instances = build(coco(boxes=[[3, 4, 0.5, 0.25]])).get_data_info(0)["instances"]
    assert instances[0]["bbox"] == [3, 4, 3.5, 4.25]


def test_overshoot_of_a_pixel_is_clipped_in_silence(coco):
    info = build(coco(images=[("a.png", 64, 48)], boxes=[[-0.5, 40, 10, 9.0]])).get_data_info(0)
    assert info["instances"][0]["bbox"] == [0, 40, 9.5, 48]


BAD = [
    [-3, 0, 10, 10],
    [60, 5, 10, 10],
    [5, 5, 0, 4],
    [5, 5, 6, -2],
    [100, 100, 5, 5],
    [float("nan"), 1, 2, 3],
    [1, 2],
]


def test_wrong_boxes_are_named(coco):
    with pytest.raises(
        ValueError, match=r"ann.json: 7 boxes must lie inside their image and have area: "
    ) as error:
        build(coco(images=[("a.png", 64, 48)], boxes=BAD))
    text = str(error.value)
    assert "annotation 1 of a.png (64x48): bbox [-3, 0, 10, 10]" in text
    assert "and 2 more. Mend them, or set bad_boxes='clip' or 'skip'" in text


@pytest.mark.parametrize(
    ("policy", "left"),
    [("clip", [[0, 0, 7, 10], [60, 5, 64, 15], [8, 8, 9, 9]]), ("skip", [[8, 8, 9, 9]])],
)
def test_wrong_boxes_can_be_clipped_or_skipped(coco, policy, left):
    dataset = build(coco(images=[("a.png", 64, 48)], boxes=[*BAD, [8, 8, 1, 1]]), bad_boxes=policy)
    assert [i["bbox"] for i in dataset.get_data_info(0)["instances"]] == left


@pytest.mark.parametrize("bbox", [{}, {"bbox": None}])
def test_an_annotation_without_a_box(coco, bbox):
    root = coco()
    content = json.loads((root / "ann.json").read_text())
    content["annotations"][0].pop("bbox")
    content["annotations"][0] |= bbox
    (root / "ann.json").write_text(json.dumps(content))
    with pytest.raises(
        ValueError, match=r"1 boxes must lie inside .* annotation 1 of a.png .*: bbox None"
    ):
        build(root)


def test_no_file(coco):
    with pytest.raises(
        FileNotFoundError, match=r"gone.json does not exist; check data_root and ann_file"
    ):
        build(coco(), ann_file="gone.json")


@pytest.mark.parametrize("content", ["{", "", "\x00\x01"])
def test_no_json(coco, content):
    root = coco()
    (root / "ann.json").write_text(content)
    with pytest.raises(ValueError, match=r"ann.json must be a JSON file: "):
        build(root)


@pytest.mark.parametrize("content", [{"images": []}, [], {"annotations": []}])
def test_no_images(coco, content):
    root = coco()
    (root / "ann.json").write_text(json.dumps(content))
    with pytest.raises(
        ValueError, match="has no images: a COCO file needs a non-empty list `images`"
    ):
        build(root)


def test_an_image_without_its_size(coco):
    root = coco(images=[("a.png", 64, 48)])
    content = json.loads((root / "ann.json").read_text())
    del content["images"][0]["width"]
    (root / "ann.json").write_text(json.dumps(content))
    with pytest.raises(ValueError, match="every image needs `width`; 1 have none: .*a.png"):
        build(root)


def test_no_boxes(coco):
    root = coco(boxes=[])
    with pytest.raises(
        ValueError, match="has 2 images and no boxes .* set test_mode=True to predict only"
    ):
        build(root)
    assert len(build(root, test_mode=True)) == 2
    pixels_alone = build(root, need_boxes=False, filter_cfg={"filter_empty_gt": False})
    assert len(pixels_alone) == 2


def test_categories_that_are_not_there(coco):
    with pytest.raises(
        ValueError, match="must have the categories .* absent: zebra; it has: thing; set metainfo"
    ):
        build(coco(), classes=("thing", "zebra"))


def test_coco_classes_by_default_are_named_as_the_cause(coco):
    with pytest.raises(ValueError, match="absent: person; .* and 75 more; it has: thing"):
        DATASETS.build(
            {"type": "SRCocoDataset", "ann_file": str(coco() / "ann.json"), "_scope_": "mmisr"}
        )


def test_categories_in_another_order_would_swap_labels(coco):
    with pytest.raises(
        ValueError,
        match="in one order, because mmdet numbers labels by the file; the file has: a; b",
    ):
        build(coco(classes=("a", "b")), classes=("b", "a"))


def test_boxes_of_other_categories_are_left_out(coco):
    root = coco(classes=("thing", "other"))
    change(root, annotation=0, category_id=2)
    assert len(build(root).get_data_info(0)["instances"]) == 1


def test_regions_stay_whichever_classes_are_read(coco):
    """Nothing counts there, and the file has to list them under some class."""
    root = coco(classes=("thing", "other"))
    change(root, annotation=0, category_id=2, iscrowd=1, ignored_region=1)
    first, _ = build(root).get_data_info(0)["instances"]
    assert (first["bbox_label"], first["ignore_flag"]) == (0, 1)
    assert first["marks"] & Mark.REGION


def damage(root) -> None:
    """One image missing, one truncated, one of another size; the fourth is good."""
    (root / "images/a.png").unlink()
    whole = (root / "images/b.png").read_bytes()
    (root / "images/b.png").write_bytes(whole[: len(whole) // 2])
    Image.fromarray(np.zeros((9, 7, 3), np.uint8)).save(root / "images/c.png")


FOUR = [("a.png", 64, 48), ("b.png", 64, 48), ("c.png", 64, 48), ("d.png", 64, 48)]


def test_evaluation_names_all_unreadable_images_before_it_starts(coco):
    root = coco(images=FOUR)
    damage(root)
    with pytest.raises(ImageError, match="3 of 4 images cannot be used: ") as error:
        build(root, test_mode=True)
    for part in (
        "a.png does not exist",
        "b.png cannot be decoded",
        "c.png must be 64x48 as its annotation says, found 7x9",
    ):
        assert part in str(error.value)
    assert "unreadable='skip'" in str(error.value)


def test_unreadable_images_can_be_skipped(coco):
    root = coco(images=FOUR)
    damage(root)
    dataset = build(root, test_mode=True, unreadable="skip")
    assert [dataset.get_data_info(i)["img_id"] for i in range(len(dataset))] == [4]


def test_nothing_left_is_an_error(coco):
    root = coco(images=FOUR[:1])
    damage_one = root / "images/a.png"
    damage_one.unlink()
    with pytest.raises(
        ImageError, match="none of its 1 images can be used: .*a.png does not exist"
    ):
        build(root, test_mode=True, unreadable="skip")


def test_training_checks_images_when_asked(coco):
    root = coco(images=FOUR)
    damage(root)
    assert len(build(root)) == 4
    with pytest.raises(ImageError, match="3 of 4"):
        build(root, unreadable="error")


def test_decoding_finds_damage_that_the_header_does_not(coco):
    root = coco(images=[("a.jpg", 64, 48), ("b.png", 64, 48)])
    content = bytearray((root / "images/b.png").read_bytes())
    content[len(content) // 2] ^= 0xFF
    (root / "images/b.png").write_bytes(content)
    assert len(build(root, test_mode=True)) == 2
    with pytest.raises(ImageError, match="1 of 2 images cannot be used: .*b.png cannot be decoded"):
        build(root, test_mode=True, image_check="decode")


def test_images_too_small_for_the_scale_are_found_first(coco):
    root = coco(images=[("a.png", 64, 48), ("tiny.png", 64, 3)], boxes=[[0, 0, 2, 2]])
    pipeline = [{"type": "mmisr.LoadImage"}, {"type": "mmisr.CropToMultiple", "multiple": 4}]
    with pytest.raises(
        ImageError, match="tiny.png must be at least 4 pixels on each side .* found 64x3"
    ):
        build(root, test_mode=True, pipeline=pipeline)


@pytest.mark.parametrize(
    ("name", "value"), [("bad_boxes", "drop"), ("unreadable", "warn"), ("image_check", "full")]
)
def test_wrong_policies(coco, name, value):
    with pytest.raises(ValueError, match=rf"SRCocoDataset.{name} must be one of .*, got '{value}'"):
        build(coco(), **{name: value})


def test_unknown_argument_fails_by_name(coco):
    with pytest.raises(TypeError, match="bad_box"):
        build(coco(), bad_box="clip")


def test_the_limit_on_pixels_is_that_of_the_loader(coco):
    """One key: the check before the run refuses what the loader would refuse in it."""
    root, load = coco(), {"type": "mmisr.LoadImage", "max_pixels": 61 * 50}
    with pytest.raises(
        ImageError,
        match=r"1 of 2 images .*a.png must have at most max_pixels=3050 pixels, found 64x48=3072",
    ):
        build(root, pipeline=[load], test_mode=True)
    assert len(build(root, pipeline=[{**load, "max_pixels": 64 * 48}], test_mode=True)) == 2
    with pytest.raises(ImageError, match="max_pixels=3050"):
        build(root, pipeline=[load])[0]
    assert len(build(root, pipeline=[{"type": "mmdet.LoadImageFromFile"}], test_mode=True)) == 2
    for wrong in (0, -1, 1.5, True, "many"):
        with pytest.raises(
            ValueError, match="LoadImage.max_pixels must be a whole number from 1 on"
        ):
            build(root, pipeline=[{**load, "max_pixels": wrong}])
