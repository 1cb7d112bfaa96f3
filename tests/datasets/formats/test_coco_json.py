"""Sets that come as COCO files: TinyPerson, AI-TOD, SODA-D, COCO."""

import json

import pytest

from mmisr.apis.to_coco import to_coco
from mmisr.datasets.formats.coco_json import AITOD_CLASSES, SODAD
from mmisr.datasets.formats.source import FormatError
from mmisr.datasets.images import ImageError

PERSONS = [{"id": 1, "name": "sea_person"}, {"id": 2, "name": "earth_person"}]


@pytest.fixture
def write(tmp_path, picture):
    """Writes a COCO file and its images; annotations are keys of one beside its ids."""

    def run(ann_file, folder, names, categories, annotations, **image):
        images = []
        for number, name in enumerate(names):
            picture(tmp_path / folder / name)
            size = {"width": 64, "height": 48}
            images.append({"id": number + 7, "file_name": name, **size, **image})
        found = [
            {"id": n, "image_id": 7, "category_id": 1, "area": 20, **annotation}
            for n, annotation in enumerate(annotations)
        ]
        if isinstance(categories[0], str):
            categories = [{"id": n, "name": name} for n, name in enumerate(categories, 1)]
        content = {"images": images, "annotations": found, "categories": categories}
        path = tmp_path / ann_file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(content))
        return tmp_path

    return run


@pytest.fixture
def tinyperson(write):
    annotations = [
        {"bbox": [1, 2, 4, 5], "ignore": False, "uncertain": False, "logo": False},
        {"bbox": [9, 9, 9, 9], "ignore": True, "uncertain": False, "logo": True},
        {"bbox": [5, 5, 2, 2], "ignore": False, "uncertain": True, "category_id": 2},
    ]
    names = ["labeled_images/a.jpg", "pure_bg_images/b.jpg"]
    write("annotations/tiny_set_train.json", "train", names, PERSONS, annotations)
    one = [{"id": 1, "name": "person"}]
    test = "annotations/task/tiny_set_test_all.json"
    return write(test, "test", names, one, [{"bbox": [1, 2, 4, 5]}])


def test_tinyperson(tinyperson, convert, boxes):
    reports, read = convert("tinyperson", tinyperson)
    coco = read("train")
    assert [c["name"] for c in coco.cats.values()] == ["person"]
    assert {name for name, _ in boxes(coco, "labeled_images/a.jpg")} == {"person"}
    plain, ignored, uncertain = coco.anns.values()
    assert "ignore" not in plain and plain["area"] == 20
    assert ignored["ignore"] == 1 and "uncertain" not in ignored
    assert ignored["attributes"] == {"logo": True}
    assert uncertain["uncertain"] == uncertain["ignore"] == 1
    assert set(coco.imgs) == {7, 8}, "ids are the archive's"
    assert reports["train"].noted == {"ignore": 2, "uncertain": 1}
    assert set(reports) == {"train", "test"}
    assert "786 images" in reports["test"].lines()[0]


def test_pieces_are_not_images(write, convert):
    names = ["labeled_images/a.jpg"]
    file = "annotations/tiny_set_train.json"
    root = write(file, "train", names, PERSONS, [{"bbox": [1, 2, 3, 4]}], corner=[0, 0, 64, 48])
    with pytest.raises(FormatError, match=r"images must be whole, found pieces \(`corner` of lab"):
        convert("tinyperson", root)


def test_duplicated_names(write, convert):
    names = ["labeled_images/a.jpg"] * 2
    file = "annotations/tiny_set_train.json"
    root = write(file, "train", names, PERSONS, [{"bbox": [1, 2, 3, 4]}])
    with pytest.raises(FormatError, match=r"names of images must differ, found labeled_images/a.j"):
        convert("tinyperson", root)


@pytest.fixture
def aitod(write):
    for name in ("trainval", "test"):
        file = f"annotations/aitod_{name}_v1.json"
        annotations = [{"bbox": [1, 2, 4, 5], "category_id": 8}]
        root = write(file, f"images/{name}", ["a.png", "b.png"], AITOD_CLASSES, annotations)
    return root


def test_aitod(aitod, convert, boxes):
    reports, read = convert("aitod", aitod)
    assert set(reports) == {"trainval", "test"}
    assert boxes(read("test"), "a.png") == [("wind-mill", [1, 2, 4, 5])]
    assert "14018 images and 347617 annotations" in reports["test"].lines()[0]


def test_aitod_one_folder_deeper(aitod, convert):
    for name in ("trainval", "test"):
        folder = aitod / "images" / name
        folder.rename(aitod / "moved")
        folder.mkdir()
        (aitod / "moved").rename(folder / "images")
    _, read = convert("aitod", aitod)
    assert read("test").imgs[7]["file_name"] == "images/test/images/a.png"


def test_aitod_of_the_other_version_names_both(aitod, convert):
    with pytest.raises(
        FormatError,
        match=r"those of AI-TOD-v2, such as .*aitodv2_train.json, found aitod_test_v1.json of AI-T",
    ):
        convert("aitodv2", aitod)


def test_a_byte_order_mark_and_another_encoding(aitod, convert):
    """JSON says itself how it is encoded, unless it is not Unicode."""
    path = aitod / "annotations/aitod_test_v1.json"
    content = path.read_text()
    for encoding in ("utf-8-sig", "utf-16"):
        path.write_bytes(content.encode(encoding))
        reports, _ = convert("aitod", aitod)
        assert reports["test"].fresh and reports["test"].boxes == 1
    path.write_bytes(content.replace("a.png", "é.png").encode("latin-1"))
    with pytest.raises(ValueError, match=r"aitod_test_v1.json must be a JSON file in UTF-8, and"):
        convert("aitod", aitod)


@pytest.mark.parametrize(
    ("bbox", "kind"), [([1, 2, 3, 4, 0.5], "a turned box"), ([1, 2, 9, 2, 9, 8, 1, 8], "four cor")]
)
def test_boxes_that_are_none(write, aitod, convert, bbox, kind):
    file = "annotations/aitod_test_v1.json"
    write(file, "images/test", ["a.png"], AITOD_CLASSES, [{"bbox": bbox}])
    with pytest.raises(FormatError, match=rf"annotation 0: `bbox` must be left, top.*{kind}"):
        convert("aitod", aitod)


def test_other_classes(write, convert):
    root = write("annotations/aitod_test_v1.json", "images/test", ["a.png"], ["cat"], [])
    with pytest.raises(FormatError, match=r"classes must be those of AI-TOD.*found cat"):
        convert("aitod", root)


def test_missing_images_are_named(aitod, convert):
    (aitod / "images/test/b.png").unlink()
    with pytest.raises(FormatError, match=r"2 images of aitod_test_v1.json, 1 are missing: b.png"):
        convert("aitod", aitod)


def test_sodad_regions(write, convert):
    categories = [*SODAD.classes, "ignore"]
    annotations = [{"bbox": [1, 2, 4, 5], "category_id": 5}, {"bbox": [9, 9, 9, 9]}]
    annotations[1]["category_id"] = 10
    for name in ("train", "val", "test"):
        file = f"Annotations/{name}.json"
        root = write(file, "Images", [f"{name}.jpg"], categories, annotations)
    reports, read = convert("sodad", root)
    vehicle, region = read("val").anns.values()
    assert vehicle["category_id"] == 5
    assert region["category_id"] == region["ignored_region"] == region["iscrowd"] == 1
    assert reports["val"].noted == {"ignored region (class ignore)": 1}
    assert len(read("val").cats) == 9


def test_coco_is_checked_and_nothing_written(write, tmp_path):
    file = "annotations/instances_val2017.json"
    write(file, "val2017", ["a.jpg"], ["cat"], [{"bbox": [1, 2, 4, 5]}])
    (report,) = to_coco("coco", tmp_path, tmp_path / "coco")
    assert report.path is None and not (tmp_path / "coco").exists()
    assert report.lines() == [
        "val: 1 images, 1 boxes, 0 images without; DIFFERS from: 5000 images (COCO 2017)"
    ]


def test_coco_of_other_sizes(write, tmp_path):
    file = "annotations/instances_val2017.json"
    write(file, "val2017", ["a.jpg"], ["cat"], [{"bbox": [1, 2, 4, 5]}], width=48, height=64)
    with pytest.raises(ImageError, match="width and height are swapped"):
        to_coco("coco", tmp_path, tmp_path / "coco")
