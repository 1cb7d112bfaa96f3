"""Covers: what computes which token, also where a frame is cut into bands."""

import numpy as np
import pytest

from mmisr.editors.instance_sr.engine.cover import Cover, by_size, count_sizes, is_uniform


def test_sizes_are_counted():
    sizes = np.array([[16, 8], [8, 16], [16, 8]])
    shapes, shape_of, counts = count_sizes(sizes)
    assert shapes.tolist() == [[8, 16], [16, 8]]
    assert shape_of.tolist() == [1, 0, 1]
    assert counts.tolist() == [1, 2]
    grouped = [(size.tolist(), members.tolist()) for size, members in by_size(sizes)]
    assert grouped == [([8, 16], [1]), ([16, 8], [0, 2])]


def test_an_image_without_deep_tokens_has_no_windows():
    cover = Cover.none((2, 3))
    assert len(cover.sizes) == len(cover.depth) == 0
    assert cover.owner.tolist() == [[-1] * 3] * 2
    assert list(by_size(cover.sizes)) == []


def test_a_dense_pass_is_one_window_as_deep_as_its_deepest_token():
    cover = Cover.dense(np.array([[0, 1, 2], [0, 0, 1]]), token=8)
    assert cover.whole
    assert cover.sizes.tolist() == [[16, 24]]
    assert cover.owner.tolist() == [[-1, 0, 0], [-1, -1, 0]]
    assert cover.depth.tolist() == [2]


@pytest.mark.parametrize(
    ("exits", "uniform"), [([[2, 2]], True), ([[0, 0]], True), ([[0, 2]], False)]
)
def test_uniform_maps(exits, uniform):
    assert is_uniform(np.array(exits)) is uniform


def test_a_band_has_its_own_windows_alone_seen_from_the_cut_out():
    cover = Cover(
        kind="rectangles",
        sizes=np.array([[20, 12], [12, 20], [12, 12]]),
        corners=np.array([[0, 0], [14, 0], [22, 12]]),
        owner=np.array([[0, -1], [0, -1], [1, 1], [-1, 2]]),
        depth=np.array([2, 1, 2]),
    )
    band = cover.band(slice(2, 4), token=8, before=1, pixels=24)
    assert band.sizes.tolist() == [[12, 20], [12, 12]]
    assert band.corners.tolist() == [[6, 0], [14, 12]], "8 rows of pixels above are cut off"
    assert band.owner.tolist() == [[-1, -1], [0, 0], [-1, 1]]
    assert band.depth.tolist() == [1, 2]


def test_a_band_of_a_dense_pass_is_dense():
    exits = np.array([[2, 0], [2, 2], [0, 2]])
    band = Cover.dense(exits, token=8).band(slice(1, 3), token=8, before=1, pixels=24)
    assert band.whole
    assert band.sizes.tolist() == [[24, 16]]
    assert band.owner.tolist() == [[-1, -1], [0, 0], [-1, 0]]
