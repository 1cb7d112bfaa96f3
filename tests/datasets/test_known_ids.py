"""Ids of an annotation file: which images and classes of a call have them."""

import json

import pytest

from mmisr.datasets.inputs import InputImage
from mmisr.datasets.known_ids import Ids, known_ids

CATEGORIES = [{"id": 7, "name": "tree"}, {"id": 3, "name": "car"}]


@pytest.fixture
def dataset(tmp_path):
    """Writes an annotation file that lists images, and gives the config of its data set."""

    def write(images, categories=CATEGORIES):
        listed = [{"id": i, "file_name": n, "width": 4, "height": 4} for i, n in images]
        content = {"images": listed, "annotations": [], "categories": categories}
        (tmp_path / "known.json").write_text(json.dumps(content))
        prefix = {"img": "photos"}
        return {"data_root": str(tmp_path), "ann_file": "known.json", "data_prefix": prefix}

    return write


def given(folder, *names):
    return [InputImage(f"input_{n}", str(folder / "photos" / n)) for n in names]


@pytest.mark.parametrize(
    ("images", "expected", "first_free"),
    [
        ([(40, "other.png")], {}, 1),
        ([(40, "a.png")], {"input_a.png": 40}, 41),
        ([(40, "elsewhere/a.png")], {"input_a.png": 40}, 41),  # by its file name
        ([(40, "a.jpg")], {"input_a.png": 40}, 41),  # by its name without ending
        ([(40, "x/a.png"), (41, "y/a.png")], {}, 1),  # which a?
        ([(40, "a.png"), (90, "x/a.png")], {"input_a.png": 40}, 91),  # the very file goes first
        ([("k", "a.png")], {"input_a.png": "k"}, 1),
    ],
)
def test_images_are_known_by_file_then_name_then_stem(
    dataset, tmp_path, images, expected, first_free
):
    ids = known_ids(dataset(images), ["tree"], given(tmp_path, "a.png"))
    assert dict(ids.images) == expected
    assert ids.first_free == first_free
    assert ids.category(0) == 7


def test_no_id_is_given_twice(dataset, tmp_path):
    ids = known_ids(dataset([(40, "a.png")]), ["tree"], given(tmp_path, "a.png", "a.bmp"))
    assert dict(ids.images) == {"input_a.png": 40}


def test_classes_follow_the_order_of_the_model(dataset):
    ids = known_ids(dataset([(1, "a.png")]), ["car", "tree"], [])
    assert [ids.category(label) for label in range(3)] == [3, 7, 3]


@pytest.mark.parametrize("config", [{}, {"ann_file": "gone.json"}, {"ann_file": "a.txt"}])
def test_without_an_annotation_file_ids_are_counted(config, tmp_path):
    assert known_ids({"data_root": str(tmp_path), **config}, ["tree"], []) == Ids()


def test_a_file_without_the_class_is_another_sets(dataset):
    with pytest.warns(UserWarning, match="from 1, because .*known.json has no category 'bush'"):
        assert known_ids(dataset([(1, "a.png")]), ["bush"], []) == Ids()
