"""DOTA's corners to upright boxes in COCO."""

import pytest

from mmisr.datasets.formats.dota import V1_5
from mmisr.datasets.formats.source import FormatError

LABELS = (
    "imagesource:GoogleEarth\ngsd:0.146343\n"
    "10.0 12.0 30.0 12.0 30.0 28.0 10.0 28.0 plane 0\n"
    "20.0 5.0 25.0 10.0 20.0 15.0 15.0 10.0 small-vehicle 1\n"
)


@pytest.fixture
def archive(tmp_path, picture, text):
    root = tmp_path / "DOTA"
    for split in ("train", "val"):
        picture(root / split / "images/P0003.png")
        picture(root / split / "images/P0004.png")
        text(root / split / "labelTxt/P0003.txt", LABELS)
        text(root / split / "labelTxt/P0004.txt", "imagesource:GF-2\ngsd:null\n")
    return root


def test_the_upright_box_around_four_corners(archive, convert, boxes):
    reports, read = convert("dota-v1.0", archive)
    coco = read("val")
    assert len(coco.cats) == 15
    assert boxes(coco, "P0003.png") == [
        ("plane", [10, 12, 20, 16]),
        ("small-vehicle", [15, 5, 10, 10]),
    ]
    assert [a.get("difficult", 0) for a in coco.anns.values()] == [0, 1]
    assert reports["val"].empty == 1
    assert "458 images (DOTA-v1.0)" in reports["val"].lines()[0]


def test_a_label_that_has_changed(archive, convert, text):
    convert("dota-v1.0", archive)
    text(archive / "val/labelTxt/P0004.txt", "1 1 9 1 9 9 1 9 plane 0\n")
    reports, _ = convert("dota-v1.0", archive)
    assert [reports[name].done for name in ("train", "val")] == ["kept", "rewritten"]


def test_labels_of_another_version_name_both(archive, convert, text, boxes):
    path = archive / "train/labelTxt/P0004.txt"
    text(path, "1 1 9 1 9 9 1 9 container-crane 0\n")
    with pytest.raises(
        FormatError, match=r"line 1: labels must be those of DOTA-v1.0.*of DOTA-v1.5'.*dota-v1.5"
    ):
        convert("dota-v1.0", archive)
    text(archive / "train/labelTxt-v1.5/P0004.txt", path.read_text())
    text(archive / "train/labelTxt-v1.5/P0003.txt", LABELS)
    _, read = convert("dota-v1.5", archive)
    assert boxes(read("train"), "P0004.png") == [("container-crane", [1, 1, 8, 8])]
    assert len(read("train").cats) == len(V1_5)


@pytest.mark.parametrize(
    ("version", "classes", "noted"),
    [
        ("v1.0", ["plane"], None),
        ("v1.5", ["plane"], "no container-crane seen: these may be the labels of DOTA-v1.0"),
        ("v1.5", ["plane", "container-crane"], None),
        (
            "v2.0",
            ["plane"],
            "no container-crane, airport, helipad seen: these may be the labels of DOTA-v1.0",
        ),
        ("v2.0", ["container-crane"], "no airport, helipad seen: these may be the labels of DOT"),
        ("v2.0", ["helipad"], None),
    ],
)
def test_labels_that_may_be_an_earlier_versions(archive, convert, text, version, classes, noted):
    """A plain labelTxt does not say whose labels it holds."""
    lines = [f"1 1 9 1 9 9 1 9 {name} 0" for name in classes]
    text(archive / "val/labelTxt/P0004.txt", "\n".join(lines))
    reports, _ = convert(f"dota-{version}", archive)
    found = [line for line in reports["val"].lines() if "may be the labels" in line]
    assert len(found) == (noted is not None)
    assert all(f"noted: 1 x {noted}" in line for line in found)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("1 1 9 1 9 9 1 9 planes 0", r"line 1: a class must be .*mean 'plane'\?.*found 'planes'"),
        ("1 1 9 9 plane 0", r"line 1: a line must be eight coordinates"),
        ("1 1 9 1 9 9 1 y plane 0", r"line 1: a line must be eight coordinates"),
    ],
)
def test_a_bad_line_is_named(archive, convert, text, line, message):
    text(archive / "train/labelTxt/P0004.txt", line)
    with pytest.raises(FormatError, match=message):
        convert("dota-v1.0", archive)
