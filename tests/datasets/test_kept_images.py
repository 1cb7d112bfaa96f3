"""Decoded images that ``LoadImage`` keeps in memory."""

import numpy as np
import pytest
from PIL import Image

from mmisr.datasets.loading import LoadImage


@pytest.fixture
def photos(tmp_path):
    paths = []
    for number in range(3):
        pixels = np.random.default_rng(number).integers(0, 256, (7, 9, 3), dtype=np.uint8)
        path = tmp_path / f"{number}.png"
        Image.fromarray(pixels).save(path)
        paths.append(str(path))
    return paths


def load(step, path):
    return step.transform({"img_path": path})["img"]


def test_what_is_kept_is_what_was_read_and_read_once(photos, monkeypatch):
    import mmisr.datasets.loading as loading

    reads = []
    real = loading.read_rgb
    monkeypatch.setattr(loading, "read_rgb", lambda path, *a: reads.append(path) or real(path, *a))
    kept, plain = LoadImage(keep=2), LoadImage()
    for path in [photos[0], photos[0], photos[1], photos[0]]:
        assert np.array_equal(load(kept, path), load(plain, path))
    assert reads.count(photos[0]) == 1 + 3
    assert reads.count(photos[1]) == 1 + 1


def test_a_transform_that_paints_over_an_image_leaves_the_kept_one_alone(photos):
    step = LoadImage(keep=1)
    first = load(step, photos[0]).copy()
    for _ in range(2):
        load(step, photos[0])[:] = 0
    assert np.array_equal(load(step, photos[0]), first)


def test_the_last_ones_read_are_kept(photos):
    step = LoadImage(keep=2)
    for number in (0, 1, 0, 2):
        load(step, photos[number])
    assert list(step.kept) == [photos[0], photos[2]]
    assert not LoadImage().kept


@pytest.mark.parametrize("keep", [-1, 1.5, True, "all"])
def test_other_numbers_are_refused(keep):
    with pytest.raises(ValueError, match=r"LoadImage\.keep must be a whole number from 0 on, got"):
        LoadImage(keep=keep)
