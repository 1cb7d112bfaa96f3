"""UAVDT from its three archives to COCO."""

import pytest

from mmisr.datasets.formats.source import FormatError


@pytest.fixture
def archive(tmp_path, picture, text):
    root = tmp_path / "UAVDT"
    truth = root / "UAV-benchmark-MOTD_v1.0/GT"
    for sequence, split in (("M0101", "train"), ("M0203", "test")):
        for frame in (1, 2):
            picture(root / f"UAV-benchmark-M/{sequence}/img{frame:06d}.jpg")
        text(root / f"M_attr/{split}/{sequence}_attr.txt", "1,0,0,0,1,0,1,0,0,0")
        text(truth / f"{sequence}_gt_whole.txt", "1,7,10,12,20,16,1,2,1\n1,8,40,5,9,8,1,1,3\n")
        text(truth / f"{sequence}_gt_ignore.txt", "1,1,0,30,20,10,1,-1,-1\n")
    return root


def test_by_sequence_and_frame(archive, convert, boxes):
    reports, read = convert("uavdt", archive)
    coco = read("test")
    assert {i["file_name"] for i in coco.imgs.values()} == {
        "UAV-benchmark-M/M0203/img000001.jpg",
        "UAV-benchmark-M/M0203/img000002.jpg",
    }
    assert boxes(coco, "M0203/img000001.jpg") == [
        ("car", [10, 12, 20, 16]),
        ("bus", [40, 5, 9, 8]),
        ("car", [0, 30, 20, 10]),
    ]
    car, _, region = coco.anns.values()
    assert car["attributes"] == {"target": 7, "out_of_view": 1, "occlusion": 2}
    assert region["ignored_region"] == region["iscrowd"] == region["ignore"] == 1
    assert reports["test"].noted == {"ignored region": 1}
    assert reports["test"].empty == 1
    assert "no published count known" in reports["test"].lines()[0]


def test_regions_that_have_changed(archive, convert, text):
    convert("uavdt", archive)
    path = archive / "UAV-benchmark-MOTD_v1.0/GT/M0101_gt_ignore.txt"
    text(path, "1,1,0,0,9,9,-1,-1,-1\n")
    reports, _ = convert("uavdt", archive)
    assert [reports[name].done for name in ("train", "test")] == ["rewritten", "kept"]


def test_a_frame_without_its_image(archive, convert):
    (archive / "UAV-benchmark-M/M0101/img000001.jpg").unlink()
    with pytest.raises(FormatError, match=r"line 1: a frame must have its image.*img000001.jpg"):
        convert("uavdt", archive)


def test_the_boxes_of_tracking_are_named(archive, convert, text):
    path = archive / "UAV-benchmark-MOTD_v1.0/GT/M0101_gt_whole.txt"
    text(path, "1,7,10,12,20,16,1,-1,-1\n")
    with pytest.raises(FormatError, match=r"line 1: a category must be 1 .*found -1.*_gt_whole"):
        convert("uavdt", archive)
