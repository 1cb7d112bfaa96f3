"""VOC's challenges and any folder of their layout to COCO, and back."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmisr.apis.to_coco import to_coco
from mmisr.datasets.formats.records import Options
from mmisr.datasets.formats.source import FormatError
from mmisr.datasets.formats.voc import CLASSES
from mmisr.datasets.images import ImageError


def annotation(objects, folder="VOC2007", wh=(64, 48)) -> str:
    """An annotation file; objects are (name, edges, difficult)."""
    parts = []
    for name, edges, difficult in objects:
        tags = zip(("xmin", "ymin", "xmax", "ymax"), edges, strict=True)
        box = "".join(f"<{tag}>{value}</{tag}>" for tag, value in tags)
        parts.append(
            f"\t<object>\n\t\t<name>{name}</name>\n\t\t<pose>Left</pose>\n"
            f"\t\t<truncated>1</truncated>\n\t\t<difficult>{difficult}</difficult>\n"
            f"\t\t<bndbox>{box}</bndbox>\n\t\t<part><name>head</name><bndbox><xmin>1</xmin>"
            f"</bndbox></part>\n\t</object>\n"
        )
    size = f"<size><width>{wh[0]}</width><height>{wh[1]}</height><depth>3</depth></size>"
    head = f"<annotation>\n\t<folder>{folder}</folder>\n\t{size}\n"
    return head + "".join(parts) + "</annotation>\n"


@pytest.fixture
def archive(tmp_path, picture, text):
    root = tmp_path / "VOCdevkit/VOC2007"
    for stem in ("000005", "000007", "000009"):
        picture(root / f"JPEGImages/{stem}.jpg")
        objects = [("chair", (1, 1, 8, 6), 0), ("person", (11, 21, 64, 48), 1)]
        text(root / f"Annotations/{stem}.xml", annotation(objects))
    text(root / "ImageSets/Main/train.txt", "000005\r\n000009\r\n")
    text(root / "ImageSets/Main/val.txt", "000007\n")
    text(root / "ImageSets/Main/chair_train.txt", "000005 -1\n")
    return root


def test_a_challenge(archive, convert, boxes):
    """The eight first columns are left 0, width 8: VOC counts from 1, edges included."""
    reports, read = convert("voc2007", archive.parent)
    coco = read("train")
    assert [c["name"] for c in coco.cats.values()] == list(CLASSES)
    assert sorted(i["file_name"] for i in coco.imgs.values()) == [
        "VOC2007/JPEGImages/000005.jpg",
        "VOC2007/JPEGImages/000009.jpg",
    ]
    assert boxes(coco, "000009.jpg") == [
        ("chair", [0, 0, 8, 6]),
        ("person", [10, 20, 54, 28]),
    ]
    chair, person, *_ = coco.anns.values()
    assert "difficult" not in chair
    assert person["difficult"] == 1 and "ignore" not in person
    assert chair["attributes"] == {"truncated": "1", "pose": "Left"}
    assert set(reports) == {"train", "val"}
    assert reports["train"].noted == {"difficult": 2}
    assert "no published count known" in reports["train"].lines()[0]


def test_the_challenge_of_another_year_names_both(archive, convert):
    archive.rename(archive.with_name("VOC2012"))
    with pytest.raises(FormatError, match=r"must be an annotation of VOC2012, found one of VOC200"):
        convert("voc2012", archive.parent)


def test_any_folder_has_the_classes_of_its_files(tmp_path, picture, text, convert, boxes):
    root = tmp_path / "mine"
    picture(root / "images/a.png", (30, 20))
    objects = [("wolf", (0, 0, 29, 19), 0), ("bear", (3, 3, 4, 4), 0)]
    text(root / "Annotations/a.xml", annotation(objects, "mine", (0, 0)))
    with pytest.raises(FormatError, match=r"a.xml, line 4: pixels must count from 1.*first-pixel"):
        convert("voc", root)
    _, read = convert("voc", root, first_pixel=0)
    assert [c["name"] for c in read("all").cats.values()] == ["bear", "wolf"]
    assert boxes(read("all"), "a.png") == [("wolf", [0, 0, 30, 20]), ("bear", [3, 3, 2, 2])]


def test_listed_but_not_there(archive, convert):
    (archive / "Annotations/000009.xml").unlink()
    with pytest.raises(FormatError, match=r"Annotations must hold .*1 are missing: 000009"):
        convert("voc2007", archive)


def test_a_test_list_without_annotations_is_left_out(archive, convert, picture, text):
    picture(archive / "JPEGImages/000011.jpg")
    text(archive / "ImageSets/Main/test.txt", "000011\n")
    reports, _ = convert("voc2007", archive)
    assert set(reports) == {"train", "val"}


def test_a_list_or_a_box_that_has_changed(archive, convert, text):
    convert("voc2007", archive)
    text(archive / "ImageSets/Main/train.txt", "000009\n000005\n")
    reports, _ = convert("voc2007", archive)
    assert [reports[name].done for name in ("train", "val")] == ["rewritten", "kept"]
    text(archive / "Annotations/000007.xml", annotation([("chair", (1, 1, 8, 6), 0)]))
    reports, _ = convert("voc2007", archive)
    assert [reports[name].done for name in ("train", "val")] == ["kept", "rewritten"]


def test_listed_twice(archive, convert, text):
    text(archive / "ImageSets/Main/train.txt", "000005\n000005\n")
    with pytest.raises(FormatError, match=r"train.txt, line 2: an image must be listed once"):
        convert("voc2007", archive)


def test_a_class_that_is_not_in_the_list(archive, convert, text):
    text(archive / "Annotations/000005.xml", annotation([("chairs", (1, 1, 8, 6), 0)]))
    with pytest.raises(
        FormatError, match=r"000005.xml, line 4: a class .*did it mean 'chair'\?.*found 'chairs'"
    ):
        convert("voc2007", archive)


def test_a_size_of_another_version(archive, convert, text):
    text(archive / "Annotations/000005.xml", annotation([("chair", (1, 1, 8, 6), 0)], wh=(80, 60)))
    with pytest.raises(ImageError, match=r"must be 80x60 as its annotation says, found 64x48"):
        convert("voc2007", archive)


def test_turned_boxes(archive, convert, text):
    plain = annotation([("chair", (1, 1, 8, 6), 0)])
    turned = plain.replace("<bndbox>", "<robndbox>", 1).replace("</bndbox>", "</robndbox>", 1)
    text(archive / "Annotations/000005.xml", turned)
    with pytest.raises(FormatError, match=r"line 4: an object must have a `bndbox`.*robndbox"):
        convert("voc2007", archive)


def test_a_challenge_that_counts_from_0_has_a_way_out(archive, convert, text, boxes):
    """The formats of the challenges do not take the options that any folder takes."""
    for stem in ("000005", "000007", "000009"):
        label = annotation([("chair", (0, 0, 7, 5), 0)])
        text(archive / f"Annotations/{stem}.xml", label)
    with pytest.raises(FormatError, match=r"as format voc, with --first-pixel 0"):
        convert("voc2007", archive)
    text(archive / "Annotations/000009.xml", annotation([("stool", (1, 1, 8, 6), 0)]))
    (archive / "ImageSets/Main/train.txt").write_text("000009\n000005\n")
    with pytest.raises(FormatError, match=r"as format voc, with the list in --classes"):
        convert("voc2007", archive)
    _, read = convert("voc", archive, first_pixel=0)
    assert boxes(read("train"), "000005.jpg") == [("chair", [0, 0, 8, 6])]


def test_a_class_twice(archive, convert):
    with pytest.raises(FormatError, match=r"--classes: names of classes must differ, .*: chair"):
        convert("voc", archive, classes=("chair", "person", "chair"))


@pytest.mark.parametrize(("encoding", "stated"), [("latin-1", "latin-1"), ("utf-16", "utf-16")])
def test_an_encoding_that_the_file_states(tmp_path, picture, text, convert, encoding, stated):
    root = tmp_path / "mine"
    picture(root / "images/a.png")
    head = f'<?xml version="1.0" encoding="{stated}"?>\n'
    content = head + annotation([("élan", (1, 1, 8, 6), 0)], "mine")
    text(root / "Annotations/a.xml", content, encoding)
    _, read = convert("voc", root)
    assert [c["name"] for c in read("all").cats.values()] == ["élan"]


def test_an_encoding_that_it_does_not_state(tmp_path, picture, text, convert):
    root = tmp_path / "mine"
    picture(root / "images/a.png")
    text(root / "Annotations/a.xml", annotation([("élan", (1, 1, 8, 6), 0)], "mine"), "latin-1")
    with pytest.raises(FormatError, match=r"a.xml must be an XML file.*--encoding latin-1"):
        convert("voc", root)
    _, read = convert("voc", root, encoding="latin-1")
    assert [c["name"] for c in read("all").cats.values()] == ["élan"]


edges = st.tuples(st.integers(1, 32), st.integers(1, 24), st.integers(33, 64), st.integers(25, 48))


@settings(max_examples=25, deadline=None)
@given(objects=st.lists(st.tuples(st.sampled_from(CLASSES), edges, st.integers(0, 1)), min_size=1))
def test_round_trip(tmp_path_factory, picture, text, objects):
    root = tmp_path_factory.mktemp("voc")
    picture(root / "JPEGImages/a.png")
    text(root / "Annotations/a.xml", annotation(objects))
    to_coco("voc", root, root / "coco", Options(classes=CLASSES))
    content = json.loads((root / "coco/all.json").read_text())
    back = []
    for found in content["annotations"]:
        x, y, w, h = found["bbox"]
        name = content["categories"][found["category_id"] - 1]["name"]
        back.append((name, (x + 1, y + 1, x + w, y + h), found.get("difficult", 0)))
    assert back == objects
