"""Any YOLO folder to COCO, and back."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmisr.apis.to_coco import to_coco
from mmisr.datasets.formats.source import FormatError

YAML = "path: /somewhere/else\ntrain: ../images/train\nval: images/val\nnames: [car, van]\n"


@pytest.fixture
def folder(tmp_path, picture, text):
    root = tmp_path / "mine"
    for split in ("train", "val"):
        picture(root / f"images/{split}/a.jpg")
        picture(root / f"images/{split}/b.jpg", (40, 40))
        picture(root / f"images/{split}/c.jpg", (40, 40))
        text(root / f"labels/{split}/a.txt", "0 0.5 0.5 0.25 0.5\n1 0.75 0.25 0.5 0.5\n")
        text(root / f"labels/{split}/b.txt", "")
    text(root / "data.yaml", YAML)
    return root


def test_what_data_yaml_lists(folder, convert, boxes):
    reports, read = convert("yolo", folder)
    coco = read("val")
    assert boxes(coco, "a.jpg") == [("car", [24, 12, 16, 24]), ("van", [32, 0, 32, 24])]
    assert boxes(coco, "b.jpg") == []
    report = reports["train"]
    assert (report.images, report.empty) == (3, 2)
    assert report.noted == {"image without a label file, kept without boxes": 1}


@pytest.mark.parametrize("listed", ["folders", "flat", "list"])
def test_without_data_yaml(folder, convert, boxes, picture, text, listed):
    (folder / "data.yaml").unlink()
    text(folder / "classes.txt", "car\r\nvan\r\n", "utf-8-sig")
    split = "val"
    if listed == "flat":
        for path in [*folder.glob("*/train"), *folder.glob("*/val")]:
            for file in path.iterdir():
                file.rename(path.parent / file.name)
            path.rmdir()
        split = "all"
    if listed == "list":
        text(folder / "val.txt", "./images/val/a.jpg\n")
        text(folder / "set.yaml", "val: val.txt\nnames: {0: car, 1: van}\n")
    _, read = convert("yolo", folder)
    assert boxes(read(split), "a.jpg")[0] == ("car", [24, 12, 16, 24])


def test_a_test_split_without_labels_is_left_out(folder, convert, picture, text):
    picture(folder / "images/test/z.jpg")
    text(folder / "data.yaml", f"{YAML}test: images/test\n")
    reports, _ = convert("yolo", folder)
    assert set(reports) == {"train", "val"}
    picture(folder / "images/more/z.jpg")
    text(folder / "data.yaml", "val: images/more\nnames: [car]\n")
    with pytest.raises(FormatError, match=r"labels/more/z.txt must hold the boxes of its image"):
        convert("yolo", folder)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("0 0.5 0.5 0.25", r"a.txt, line 2: a line must be a class and four shares"),
        ("0 0.5 0.5 0.25 0.5 0.9", r"line 2: .*Files of results have scores"),
        ("0 .1 .1 .4 .1 .4 .3 .1 .3", r"line 2: .*found 'a turned box'.*--polygons boxes"),
        ("0 .1 .1 .4 .1 .4 .3", r"line 2: .*found 'a polygon of 3 corners'"),
        ("0 320 200 64 48", r"line 2: shares of an image must lie between 0 and 1.*pixels"),
        ("2 .5 .5 .1 .1", r"line 2: a class must be a whole number from 0 to 1, as 2 are named"),
        ("car .5 .5 .1 .1", r"line 2: a class must be a whole number"),
        ("0 .5 nan .1 .1", r"line 2: a line must be a class and four shares"),
    ],
)
def test_a_bad_line_is_named(folder, convert, text, line, message):
    text(folder / "labels/train/a.txt", f"0 .5 .5 .1 .1\n{line}\n")
    with pytest.raises(FormatError, match=message):
        convert("yolo", folder)


def test_polygons_as_boxes(folder, convert, boxes, text):
    text(folder / "labels/val/a.txt", "0 .25 .5 .5 .25 .75 .5 .5 .75\n1 .5 .5 .25 .5\n")
    reports, read = convert("yolo", folder, polygons="boxes")
    found = boxes(read("val"), "a.jpg")
    assert found == [("car", [16, 12, 32, 24]), ("van", [24, 12, 16, 24])]
    assert reports["val"].noted["polygon, taken as the box around it"] == 1


def test_two_images_of_one_name(folder, convert, picture):
    picture(folder / "images/train/a.png")
    with pytest.raises(FormatError, match=r"names of images must differ .*a.jpg and a.png"):
        convert("yolo", folder)


def test_empty_label_files(folder, convert, text):
    text(folder / "labels/train/a.txt", "\n")
    with pytest.raises(
        FormatError, match=r"mine: train must have boxes, found none on its 3 images"
    ):
        convert("yolo", folder)


def test_an_image_that_is_listed_twice(folder, convert, text):
    text(folder / "val.txt", "./images/val/a.jpg\nimages/val/a.jpg\n")
    text(folder / "data.yaml", "val: val.txt\nnames: [car, van]\n")
    with pytest.raises(FormatError, match=r"val.txt, line 2: an image must be listed once"):
        convert("yolo", folder)


def test_names_of_classes_are_needed(folder, convert):
    (folder / "data.yaml").unlink()
    with pytest.raises(FormatError, match=r"must hold the names of the classes .*--classes"):
        convert("yolo", folder)
    _, read = convert("yolo", folder, classes=("car", "van"))
    assert len(read("train").anns) == 2


@pytest.mark.parametrize("listed", ["yaml", "text", "option"])
def test_a_class_twice(folder, convert, text, listed):
    text(folder / "data.yaml", YAML.replace("van", "car"))
    if listed == "text":
        (folder / "data.yaml").unlink()
        text(folder / "classes.txt", "car\ncar\n")
    options = {"classes": ("car", "car")} if listed == "option" else {}
    place = "--classes" if listed == "option" else "mine"
    with pytest.raises(FormatError, match=f"{place}: names of classes must differ, .*: car"):
        convert("yolo", folder, **options)


side = st.integers(1, 16)
box = st.tuples(st.integers(0, 1), st.integers(0, 47), st.integers(0, 31), side, side)


@settings(max_examples=25, deadline=None)
@given(objects=st.lists(box, min_size=1, max_size=6))
def test_round_trip(tmp_path_factory, picture, text, objects):
    """Whole pixels of an image of 64x48, written with six digits as tools do."""
    root = tmp_path_factory.mktemp("yolo")
    picture(root / "images/a.png")
    lines = []
    for label, x, y, w, h in objects:
        shares = ((x + w / 2) / 64, (y + h / 2) / 48, w / 64, h / 48)
        lines.append(" ".join([str(label), *(f"{share:.6f}" for share in shares)]))
    text(root / "labels/a.txt", "\n".join(lines))
    text(root / "classes.txt", "car\nvan")
    to_coco("yolo", root, root / "coco")
    found = json.loads((root / "coco/all.json").read_text())["annotations"]
    assert [a["category_id"] - 1 for a in found] == [label for label, *_ in objects]
    for annotation, (_, *xywh) in zip(found, objects, strict=True):
        assert annotation["bbox"] == pytest.approx(xywh, abs=1e-3)
