"""xView's vehicles to COCO."""

import json

import pytest

from mmisr.datasets.formats.source import FormatError


def feature(image: str, box: str, kind: int) -> dict:
    return {"properties": {"image_id": image, "bounds_imcoords": box, "type_id": kind}}


@pytest.fixture
def archive(tmp_path, picture):
    root = tmp_path / "xView"
    for number in range(10):
        picture(root / f"train_images/{number}.tif")
    features = [
        feature("0.tif", "10,12,30,28", 18),
        feature("0.tif", "2,2,9,9", 73),
        feature("9.tif", "5,5,8,8", 19),
        feature("99.tif", "5,5,8,8", 18),
    ]
    (root / "xView_train.geojson").write_text(json.dumps({"features": features}))
    return root


def test_vehicles_of_every_tenth_image_are_val(archive, convert, boxes):
    reports, read = convert("xview", archive)
    assert boxes(read("train"), "0.tif") == [("vehicle", [10, 12, 20, 16])]
    assert boxes(read("val"), "9.tif") == [("vehicle", [5, 5, 3, 3])]
    assert read("val").anns[1]["attributes"] == {"type": "Bus"}
    assert (reports["train"].images, reports["val"].images) == (9, 1)
    assert reports["train"].dropped == {"type_id 73, no vehicle": 1}


def test_more_than_one_missing_image(archive, convert):
    (archive / "train_images/0.tif").unlink()
    with pytest.raises(FormatError, match=r"lists, 2 are missing: 0; 99\. .*half unpacked"):
        convert("xview", archive)


def test_damaged(archive, convert):
    path = archive / "xView_train.geojson"
    path.write_text(json.dumps({"features": [feature("0.tif", "1,2,3", 18)]}))
    with pytest.raises(FormatError, match=r"feature 0: `bounds_imcoords` must be left,top"):
        convert("xview", archive)
    path.write_text('{"features": [{"pro')
    with pytest.raises(FormatError, match=r"must be a GeoJSON file"):
        convert("xview", archive)
