"""VisDrone-DET from its folders to COCO."""

import shutil

import pytest

from mmisr.datasets.formats.source import FormatError
from mmisr.datasets.formats.visdrone import CLASSES


@pytest.fixture
def archive(tmp_path, picture, text):
    root = tmp_path / "VisDrone2019-DET"
    for split in ("train", "val"):
        folder = root / f"VisDrone2019-DET-{split}"
        picture(folder / "images/0000001_a.jpg")
        picture(folder / "images/0000002_b.jpg", (50, 40))
        # A car and, with a comma behind it, a motor of score 0; a region; something else; a box
        # without area; one that leaves the image by two pixels.
        text(
            folder / "annotations/0000001_a.txt",
            "10,12,20,16,1,4,0,1\r\n5,5,4,4,0,10,0,0,\r\n30,20,20,10,0,0,0,0\r\n"
            "40,2,8,8,1,11,0,0\r\n1,1,0,5,1,4,0,0\r\n60,40,6,5,1,1,1,2\r\n",
        )
        text(folder / "annotations/0000002_b.txt", "")
    return root


def test_what_is_kept_dropped_and_marked(archive, convert, boxes):
    reports, read = convert("visdrone", archive)
    assert set(reports) == {"train", "val"}
    coco = read("val")
    assert [c["name"] for c in coco.cats.values()] == list(CLASSES)
    assert boxes(coco, "0000001_a.jpg") == [
        ("car", [10, 12, 20, 16]),
        ("motor", [5, 5, 4, 4]),
        ("pedestrian", [30, 20, 20, 10]),
        ("pedestrian", [60, 40, 4, 5]),
    ]
    car, motor, region, _ = coco.anns.values()
    assert car["attributes"] == {"truncation": 0, "occlusion": 1}
    assert "ignore" not in car and car["iscrowd"] == 0
    assert (motor["ignore"], motor["iscrowd"]) == (1, 0)
    assert (region["ignore"], region["iscrowd"], region["ignored_region"]) == (1, 1, 1)
    report = reports["val"]
    assert (report.images, report.boxes, report.empty) == (2, 4, 1)
    assert report.dropped == {"category 11, others": 1, "box without area": 1}
    assert report.noted == {
        "ignored region (category 0)": 1,
        "box of score 0, to be ignored": 1,
        "box clipped to its image, by more than a pixel": 1,
    }


def test_counts_are_compared_with_the_published_ones(archive, convert):
    reports, _ = convert("visdrone", archive)
    assert reports["val"].differs
    assert (
        "val: 2 images, 4 boxes, 1 images without; DIFFERS from: 548 images (VisDrone2019-DET)"
        in reports["val"].lines()[0]
    )


def test_half_unpacked(archive, convert):
    folder = archive / "VisDrone2019-DET-val"
    (folder / "annotations/0000002_b.txt").unlink()
    with pytest.raises(FormatError, match=r"1 are missing: 0000002_b\. .*half unpacked"):
        convert("visdrone", archive)
    shutil.rmtree(folder / "annotations")
    (folder / "annotations.zip").write_bytes(b"")
    with pytest.raises(FormatError, match=r"as annotations, found .*Unpack first: annotations.zip"):
        convert("visdrone", archive)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("1,2,3,4,1,4,0", r"val/annotations/0000001_a.txt, line 2: a line must be eight whole num"),
        ("1,2,3,4,1,12,0,0", r"line 2: a category must be 0 to 11, found '12'"),
        ("1,2,x,4,1,4,0,0", r"line 2: a line must be eight whole numbers .*found '1,2,x,4"),
    ],
)
def test_a_bad_line_is_named(archive, convert, text, line, message):
    path = archive / "VisDrone2019-DET-val/annotations/0000001_a.txt"
    text(path, f"1,1,5,5,1,4,0,0\n{line}\n")
    shutil.rmtree(archive / "VisDrone2019-DET-train")
    with pytest.raises(FormatError, match=message):
        convert("visdrone", archive)
