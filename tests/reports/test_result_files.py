"""What an inferencer writes: one file per image, COCO results over the whole call, one video."""

import json

import numpy as np
import pytest
from PIL import Image

from mmisr.datasets.inputs import InputImage
from mmisr.datasets.known_ids import Ids
from mmisr.reports.result_files import Movie, ResultFiles

RGB = np.full((16, 24, 3), 90, np.uint8)
PREDICTION = {"bboxes": [[1.0, 2.0, 5.0, 9.0]], "scores": [0.75], "labels": [0]}


def read(path):
    return json.loads(path.read_text())


def test_results_carry_the_ids_they_are_given(tmp_path):
    files = ResultFiles(tmp_path, ["tree"], None, Ids([7], {"b": 40}, 41))
    for name, path in (("a", None), ("b", "photos/b.png")):
        files.prediction(InputImage(name, path), PREDICTION, (16, 24))
    files.close()
    assert read(tmp_path / "preds/a.json") == PREDICTION
    content = read(tmp_path / "images.json")
    assert content["images"] == [
        {"id": 41, "file_name": "a", "height": 16, "width": 24},
        {"id": 40, "file_name": "b.png", "height": 16, "width": 24},
    ]
    assert content["categories"] == [{"id": 7, "name": "tree"}]
    box = {"category_id": 7, "bbox": [1.0, 2.0, 4.0, 7.0], "score": 0.75}
    assert read(tmp_path / "results.bbox.json") == [{"image_id": i, **box} for i in (41, 40)]


def test_masks_are_results_of_their_own(tmp_path):
    files = ResultFiles(tmp_path, ["tree"], None)
    mask = {"size": [16, 24], "counts": "022"}
    files.prediction(InputImage("a"), {**PREDICTION, "masks": [mask]}, (16, 24))
    files.prediction(InputImage("b"), {"bboxes": [], "scores": [], "labels": []}, (16, 24))
    files.close()
    entry = {"image_id": 1, "category_id": 1, "segmentation": mask, "score": 0.75}
    assert read(tmp_path / "results.segm.json") == [entry]
    (box,) = read(tmp_path / "results.bbox.json")
    assert "segmentation" not in box


def test_pictures_and_sr_images(tmp_path):
    files = ResultFiles(tmp_path, ["tree"], None)
    files.picture(InputImage("a"), RGB)
    files.sr(InputImage("a"), RGB)
    files.close()
    assert np.array_equal(np.asarray(Image.open(tmp_path / "sr/a.png")), RGB)
    assert Image.open(tmp_path / "vis/a.jpg").size == (24, 16)
    assert not (tmp_path / "images.json").exists()  # nothing was predicted


def test_a_movie_has_its_name_when_it_is_whole(tmp_path):
    movie = Movie(tmp_path / "m.mp4", 10.0, (16, 24))
    movie.add(RGB)
    assert not (tmp_path / "m.mp4").exists()
    movie.close()
    assert [path.name for path in tmp_path.iterdir()] == ["m.mp4"]


def test_a_movie_that_cannot_be_written(tmp_path):
    (tmp_path / "taken").write_text("a file, not a folder")
    with pytest.raises((ValueError, OSError)):
        Movie(tmp_path / "taken" / "m.mp4", 10.0, (16, 24))
