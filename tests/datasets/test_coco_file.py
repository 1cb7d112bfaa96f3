"""The one reader of COCO files.

What is read as meant, and what is refused with its key, its value and how many.
"""

import json

import pytest
from PIL import Image

from mmisr.datasets.coco import SRCocoDataset
from mmisr.datasets.coco_file import read_annotations
from mmisr.datasets.coco_shapes import read_shapes
from mmisr.datasets.images import ImageError


@pytest.fixture
def changed(coco):
    """Writes the file with a change to its content; gives its name."""

    def write(change, **parts) -> str:
        root = coco(**parts)
        content = json.loads((root / "ann.json").read_text())
        change(content)
        (root / "ann.json").write_text(json.dumps(content))
        return str(root / "ann.json")

    return write


def build(file: str, classes=("thing",), **arguments) -> SRCocoDataset:
    parts = {"data_prefix": {"img": file.replace("ann.json", "images/")}, "pipeline": []}
    return SRCocoDataset(ann_file=file, metainfo={"classes": classes}, **parts, **arguments)


def of_first(part: str, **values):
    return lambda content: content[part][0].update(values)


@pytest.mark.parametrize(
    ("key", "value", "meant"),
    [
        ("area", "480.0", 480.0),
        ("area", " 480 ", 480),
        ("area", None, None),
        ("iscrowd", "0", 0),
        ("iscrowd", "false", 0),
        ("iscrowd", "True", 1),
        ("iscrowd", None, None),
        ("ignore", "0", 0),
        ("ignore", True, 1),
        ("uncertain", "false", 0),
        ("difficult", 1.0, 1),
        ("ignored_region", None, None),
        ("subsets", ["easy", "hard"], ["easy", "hard"]),
        ("image_id", "1", 1),
        ("image_id", 1.0, 1),
        ("category_id", "1", 1),
        ("bbox", ["8", "8", "16", "12.5"], [8, 8, 16, 12.5]),
        ("bbox", 7, 7),
    ],
)
def test_text_is_what_it_spells_and_null_is_absent(changed, key, value, meant):
    assert (
        read_annotations(changed(of_first("annotations", **{key: value})))["annotations"][0].get(
            key
        )
        == meant
    )


def test_ids_that_are_text_throughout_stay(changed):
    def as_text(content):
        for image in content["images"]:
            image["id"] = f"00{image['id']}"
        for annotation in content["annotations"]:
            annotation["image_id"] = f"00{annotation['image_id']}"

    dataset = build(changed(as_text))
    assert [dataset.get_data_info(i)["img_id"] for i in range(2)] == ["001", "002"]
    assert len(dataset.get_data_info(1)["instances"]) == 2


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (of_first("images", width=None), "every image needs `width`; 1 have none: .*a.png"),
        (
            of_first("images", width="wide"),
            r"`width` of every image must be a whole number .*; 1 are not: 'wide' \(image 1",
        ),
        (
            of_first("images", id=[1]),
            r"`id` of every image must be a whole number or a text; 1 are not: \[1\]",
        ),
        (of_first("images", file_name=None), "every image needs `file_name`; 1 have none"),
        (
            of_first("images", file_name="\ud800"),
            "`file_name` of every image must be the name of a file; 1 are not",
        ),
        (
            of_first("annotations", area="n/a"),
            "`area` of every annotation must be a number .*; 1 are not: 'n/a'",
        ),
        (
            of_first("annotations", area=-5),
            "`area` of every annotation must be a number from 0 on; 1 are not: -5",
        ),
        (
            of_first("annotations", iscrowd="maybe"),
            "`iscrowd` of every annotation must be 0 or 1; 1 are not: 'maybe'",
        ),
        (of_first("annotations", image_id=None), "every annotation needs `image_id`; 1 have none"),
        (
            of_first("annotations", category_id=0),
            r"1 are not: 0 \(1 times\); the file lists: 1 \(thing\). Number both alike",
        ),
        (of_first("categories", name=None), "every category needs `name`; 1 have none"),
        (
            lambda c: c["annotations"].append(17),
            r"every annotation must be an object with keys; 1 are none: 17 \(entry 4\)",
        ),
        (
            lambda c: c["images"].append(c["images"][0]),
            "`id` of every image must be its own; 2 share theirs: image 1",
        ),
        (
            lambda c: c["images"][1].update(id="1"),
            "`id` of every image must be its own; 2 share theirs: image 1",
        ),
        (
            lambda c: c["categories"].append({"id": 1, "name": "x"}),
            "`id` of every category must be its own; 2 share",
        ),
        (lambda c: c.update(annotations={"a": 1}), "`annotations` must be a list, found {'a': 1}"),
        (
            lambda c: [a.update(image_id="x") for a in c["annotations"]],
            "must be the `id` of an image, none of 4 is: 'x'",
        ),
    ],
)
def test_what_has_no_meaning_is_one_error(changed, change, message):
    with pytest.raises(ValueError, match=f"ann.json: .*{message}"):
        read_annotations(changed(change))


def test_brackets_too_deep(changed):
    file = changed(lambda content: None)
    with open(file, "w") as opened:
        opened.write("[" * 100_000 + "]" * 100_000)
    with pytest.raises(
        ValueError, match=r"ann.json must be a COCO file: its brackets nest too deep"
    ):
        read_annotations(file)


def test_no_annotations_at_all_is_a_file_without_boxes(changed):
    file = changed(lambda content: content.update(annotations=None))
    assert len(build(file, test_mode=True)) == 2
    with pytest.raises(ValueError, match="has 2 images and no boxes"):
        build(file)


def test_a_lost_comma_is_one_class(coco):
    dataset = build(str(coco() / "ann.json"), classes=("thing"))
    assert dataset.metainfo["classes"] == ("thing",)
    assert len(dataset.get_data_info(0)["instances"]) == 2


def test_a_root_category_with_the_name_of_a_class(changed):
    file = changed(
        lambda c: c["categories"].insert(0, {"id": 0, "name": "thing", "supercategory": "none"})
    )
    with pytest.raises(
        ValueError,
        match="one category of the name 'thing', it has 2: id 0 with 0 boxes; id 1 with 4 boxes",
    ):
        build(file)


def test_swapped_sizes_are_named_as_such(changed):
    file = changed(of_first("images", width=48, height=64))
    with pytest.raises(
        ImageError,
        match=r"ann.json: 1 of 2 .*a.png must be 48x64 .*found 64x48: width and height are swapped",
    ):
        build(file, test_mode=True)


def test_a_size_that_the_exif_orientation_turned_is_named_as_such(changed):
    file = changed(lambda content: None, images=[("a.jpg", 64, 48)])
    path, exif = file.replace("ann.json", "images/a.jpg"), Image.Exif()
    exif[0x0112] = 6
    with Image.open(path) as image:
        image.save(path, exif=exif)
    with pytest.raises(ImageError, match="annotated before its EXIF orientation turned it"):
        build(file, test_mode=True)


def test_a_message_stays_short(changed):
    file = changed(of_first("categories", name="x" * 100_000))
    with pytest.raises(ValueError, match="absent: thing; it has: xxx") as error:
        build(file)
    assert len(str(error.value)) < 2000


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        (
            {"segmentation": 5},
            "`segmentation` must be a list of polygons .*; 1 are not: annotation 1: found 5",
        ),
        (
            {"segmentation": [1, 2, 3, 4, 5, 6]},
            "`segmentation` must be a list of polygons .*; 1 are not",
        ),
        (
            {"segmentation": {"size": [9, 9], "counts": [81]}},
            r"a mask must have the size of its image, \(48, 64\) \(h, w\)",
        ),
        (
            {"segmentation": {"size": [48, 64], "counts": [5]}},
            "run lengths must add up to 48 x 64 pixels, got 5",
        ),
        (
            {"segmentation": {"size": [48, 64], "counts": "~~"}},
            "`segmentation` must be .*; 1 are not: annotation 1: size",
        ),
        (
            {"keypoints": [1, 2]},
            r"`keypoints` must be a list of x, y, visibility, ...; 1 are not: .* found \[1, 2\]",
        ),
    ],
)
def test_shapes_that_cannot_be_scaled(changed, shape, message):
    content = read_annotations(changed(of_first("annotations", **shape)))
    with pytest.raises(ValueError, match=f"ann.json: .*{message}"):
        read_shapes(content, {1: (48, 64)}, "ann.json")
    read_shapes(content, {2: (48, 64)}, "ann.json")  # of an image that is left out


@pytest.mark.parametrize("counts", [[0, 3072], [100, 40, 2932]])
def test_compressed_runs_are_counted_as_the_reference_does(changed, counts):
    from faster_coco_eval.core import mask

    text = mask.frPyObjects({"size": [48, 64], "counts": counts}, 48, 64)["counts"]
    text = text.decode() if isinstance(text, bytes) else text
    shapes = {
        "segmentation": {"size": [48, 64], "counts": text},
        "keypoints": ["3", 4, 2],
        "area": None,
    }
    content = read_annotations(changed(of_first("annotations", **shapes)))
    read_shapes(content, {1: (48, 64), 2: (50, 61)}, "ann.json")
    assert content["annotations"][0]["segmentation"] == shapes["segmentation"]
    assert content["annotations"][0]["keypoints"] == [3, 4, 2]
    assert "area" not in content["annotations"][0]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_byte_order_mark_and_windows_line_ends_are_read(coco, encoding):
    path = coco(classes=("Stra\u00dfe",)) / "ann.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    text = json.dumps(content, indent=1, ensure_ascii=False)
    path.write_bytes(text.replace("\n", "\r\n").encode(encoding))
    assert read_annotations(str(path)) == content


def test_another_encoding_is_named(coco):
    path = coco() / "ann.json"
    path.write_bytes(path.read_text().replace("thing", "Stra\u00dfe").encode("latin1"))
    with pytest.raises(
        ValueError, match=r"ann.json must be a JSON file in UTF-8.*save it as UTF-8"
    ):
        read_annotations(str(path))
