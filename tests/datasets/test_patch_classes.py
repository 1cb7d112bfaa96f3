"""Patches by class: the file, and the transforms that use it."""

import json

import numpy as np
import pytest

from mmisr.datasets.patch_classes import (
    ClassPatch,
    CropToTiles,
    PatchClasses,
    lr_corners,
    read_patch_classes,
)

IMAGES = {"1": [[0, 0, 0], [0, 4, 1], [2, 4, 1], [3, 3, 1]], "2": [[1, 0, 2]], "3": []}


def classes(images=IMAGES, thresholds=(25.0, 30.0)):
    return PatchClasses(2, 8, list(thresholds), images, {"editor": "bicubic"})


@pytest.fixture
def path(tmp_path):
    file = tmp_path / "classes.json"
    classes().write(file)
    return file


def image(img_id, height=40, width=44):
    rows, cols = np.mgrid[0:height, 0:width]
    pixels = np.stack([rows, cols, rows * 0 + 7], -1).astype(np.uint8)
    return {"img_id": img_id, "img_path": f"{img_id}.png", "img": pixels}


def test_what_was_written_is_read(path):
    found = read_patch_classes(path)
    assert found == classes()
    assert (found.num_classes, found.histogram()) == (3, [1, 3, 1])


def test_a_patch_is_where_its_class_says(path):
    """LR pixels in the file, HR pixels in the image: the pixels themselves say where they are."""
    step = ClassPatch(str(path))
    np.random.seed(0)
    of_class = {}
    for _ in range(60):
        cut = step.transform(image(1))
        assert cut["img"].shape == (16, 16, 3)
        y, x, _ = cut["img"][0, 0] / 2
        of_class.setdefault(cut["patch_class"], set()).add((int(y), int(x)))
    assert of_class == {0: {(0, 0)}, 1: {(0, 4), (2, 4), (3, 3)}}


def test_classes_are_drawn_equally_often_not_patches(path):
    step = ClassPatch(str(path))
    np.random.seed(1)
    drawn = [step.transform(image(1))["patch_class"] for _ in range(300)]
    assert 110 < drawn.count(0) < 190  # one of four patches, one of two classes


def test_an_image_without_patches_is_passed_over(path):
    assert ClassPatch(str(path)).transform(image(3)) is None


def test_an_image_that_is_not_in_the_file_is_named(path):
    with pytest.raises(ValueError, match=r"classes\.json has no patches of image 9 \(9\.png\)"):
        ClassPatch(str(path)).transform(image(9))


def test_an_empty_class_is_named_with_the_histogram(tmp_path):
    file = tmp_path / "empty.json"
    classes({"1": [[0, 0, 0], [0, 4, 0]], "2": [[1, 0, 2]]}).write(file)
    with pytest.raises(ValueError, match=r"empty\.json: no patch is of class 1.*\[2, 0, 1\]"):
        ClassPatch(str(file))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "is no file of patch classes"),
        ("{}", "is no file of patch classes .*schema"),
        ("[]", "is no file of patch classes"),
    ],
)
def test_other_files_are_refused(tmp_path, text, message):
    file = tmp_path / "other.json"
    file.write_text(text)
    with pytest.raises(ValueError, match=message):
        read_patch_classes(file)


def test_another_schema_and_no_file_are_named(path, tmp_path):
    content = json.loads(path.read_text()) | {"schema": 7}
    newer = tmp_path / "newer.json"
    newer.write_text(json.dumps(content))
    with pytest.raises(ValueError, match="has schema 7, and 1 is read here"):
        read_patch_classes(newer)
    with pytest.raises(FileNotFoundError, match=r"make them with tools/data/psnr_classes\.py"):
        read_patch_classes(tmp_path / "none.json")


@pytest.mark.parametrize(
    ("hw", "expected"),
    [
        ((127, 250), (127, 240)),
        ((128, 240), (128, 240)),
        ((239, 351), (128, 240)),
        ((352, 130), (352, 128)),
    ],
)
def test_crop_to_tiles_leaves_whole_tiles(hw, expected):
    cut = CropToTiles().transform(image(1, *hw))
    assert cut["img"].shape[:2] == expected
    assert cut["img"][0, 0, 0] == 0


def test_crop_to_tiles_refuses_steps_that_leave_gaps():
    with pytest.raises(ValueError, match="CropToTiles needs 1 <= stride <= size"):
        CropToTiles(64, 65)


def test_images_smaller_than_a_patch_have_none():
    assert lr_corners((31, 64), 32, 16) == []
    assert lr_corners((32, 64), 32, 16) == [(0, 0), (0, 16), (0, 32)]
