"""COCO files written once and whole, and what the report says."""

import json

import pytest

from mmisr.apis.to_coco import Options, format_table, to_coco
from mmisr.datasets.formats.records import Tally
from mmisr.datasets.formats.source import FormatError
from mmisr.datasets.formats.writing import clipped
from mmisr.datasets.images import ImageError


@pytest.mark.parametrize(
    ("xywh", "inside", "dropped", "noted"),
    [
        ((0, 0, 40, 30), (0, 0, 40, 30), 0, 0),
        ((-1, 29, 3, 2), (0, 29, 2, 1), 0, 0),
        ((-2, 5, 50, 5), (0, 5, 40, 5), 0, 1),
        ((5, 5, 0, 5), None, 1, 0),
        ((5, 5, 5, -5), None, 1, 0),
        ((40, 5, 5, 5), None, 1, 0),
        ((39.9997, 5, 5, 5), None, 1, 0),  # 0.0003 would be written as 0.0
        ((5, -4.9997, 5, 5), None, 1, 0),
    ],
)
def test_boxes_end_with_their_image(xywh, inside, dropped, noted):
    tally = Tally()
    assert clipped(xywh, (40, 30), tally) == inside
    assert (tally.dropped.total(), tally.noted.total()) == (dropped, noted)


@pytest.fixture
def folder(tmp_path, picture, text):
    root = tmp_path / "mine"
    for split in ("train", "val"):
        picture(root / f"images/{split}/a.jpg")
        text(root / f"labels/{split}/a.txt", "0 .5 .5 .25 .5\n0 .5 .5 0 .5\n")
    text(root / "classes.txt", "car")
    return root


def test_it_goes_on_where_it_ended(folder, tmp_path, text):
    out = tmp_path / "coco"
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    label = folder / "labels/val/a.txt"
    text(label, "wrong")
    with pytest.raises(FormatError, match="labels/val/a.txt, line 1"):
        to_coco("yolo", folder, out)
    assert [path.name for path in out.iterdir()] == ["train.json"]
    written = (out / "train.json").stat().st_mtime_ns
    text(label, before[label].decode())
    train, val = to_coco("yolo", folder, out)
    assert (train.fresh, val.fresh) == (False, True)
    assert (out / "train.json").stat().st_mtime_ns == written
    assert train.dropped == val.dropped == {"box without area": 1}
    assert train.lines()[-1].endswith("train.json is there already; delete it to make it anew")
    after = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    assert after == before, "the originals are only read"


def test_what_is_there_must_be_its_own(folder, tmp_path):
    out = tmp_path / "coco"
    to_coco("yolo", folder, out)
    with pytest.raises(
        FormatError, match=r"train.json must be new or of version 'yolo 1 polygons=boxes', found ve"
    ):
        to_coco("yolo", folder, out, Options(polygons="boxes"))
    (out / "train.json").write_text(json.dumps({"images": []}))
    with pytest.raises(FormatError, match="found version None"):
        to_coco("yolo", folder, out)


def relabel(folder, picture, text):
    text(folder / "labels/val/a.txt", "0 .5 .5 .5 .5\n")


def rename_class(folder, picture, text):
    text(folder / "classes.txt", "van")


def add_image(folder, picture, text):
    """Without a label file."""
    picture(folder / "images/val/b.jpg")


def rename_image(folder, picture, text):
    (folder / "images/val/a.jpg").unlink()
    picture(folder / "images/val/a.png")


@pytest.mark.parametrize("change", [relabel, rename_class, add_image, rename_image])
def test_what_has_changed_is_converted_again(folder, tmp_path, picture, text, change):
    out = tmp_path / "coco"
    to_coco("yolo", folder, out)
    before = (out / "val.json").read_bytes()
    change(folder, picture, text)
    *_, val = to_coco("yolo", folder, out)
    assert val.fresh and val.lines()[-1].endswith("again: what it is made from has changed")
    fresh = tmp_path / "fresh"
    to_coco("yolo", folder, fresh)
    assert (out / "val.json").read_bytes() == (fresh / "val.json").read_bytes() != before
    assert not any(report.fresh for report in to_coco("yolo", folder, out))


@pytest.mark.parametrize("name", ["a", "b"])
def test_another_source_is_refused(folder, tmp_path, picture, text, name):
    """Whether its images have the same names or others."""
    out = tmp_path / "coco"
    to_coco("yolo", folder, out)
    before = (out / "train.json").read_bytes()
    other = tmp_path / "other"
    for split in ("train", "val"):
        picture(other / f"images/{split}/{name}.jpg")
        text(other / f"labels/{split}/{name}.txt", "0 .5 .5 .5 .5\n")
    text(other / "classes.txt", "car")
    with pytest.raises(
        FormatError, match=r"train.json must be new or made from .*other, found .*mine\. Remove it"
    ):
        to_coco("yolo", other, out)
    assert (out / "train.json").read_bytes() == before


def test_folders_that_moved_together(folder, tmp_path):
    to_coco("yolo", folder, folder / "coco")
    moved = folder.rename(tmp_path / "moved")
    assert not any(report.fresh for report in to_coco("yolo", moved, moved / "coco"))


def test_an_image_elsewhere(folder, tmp_path, picture, text):
    other = picture(tmp_path / "other/images/a.jpg")
    text(tmp_path / "other/labels/a.txt", "0 .5 .5 .25 .5")
    text(folder / "set.yaml", f"train: {other.parent}\nnames: [car]\n")
    with pytest.raises(FormatError, match=r"other/images/a.jpg must lie below .*mine, where"):
        to_coco("yolo", folder, tmp_path / "coco")


def test_an_image_that_is_none(folder, tmp_path):
    (folder / "images/val/a.jpg").write_bytes(b"<html>")
    with pytest.raises(ImageError, match=r"val/a.jpg is no image"):
        to_coco("yolo", folder, tmp_path / "coco")


def test_bad_arguments(folder, tmp_path):
    with pytest.raises(ValueError, match=r"format must be one of visdrone, .*got 'yolov5'"):
        to_coco("yolov5", folder, tmp_path)
    with pytest.raises(ValueError, match=r"option .*found classes=\('car',\)\. It reads: encoding"):
        to_coco("visdrone", folder, tmp_path, Options(classes=("car",)))
    with pytest.raises(
        FormatError, match=r"classes.txt must be the folder .*found a file\. Unpack"
    ):
        to_coco("yolo", folder / "classes.txt", tmp_path)
    with pytest.raises(ValueError, match="first_pixel must be 0 or 1, got 2"):
        Options(first_pixel=2)
    with pytest.raises(ValueError, match="polygons must be 'error' or 'boxes', got 'both'"):
        Options(polygons="both")


def test_the_formats_are_listed():
    assert "  visdrone    VisDrone-DET\n" in format_table()
