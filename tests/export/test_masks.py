"""Masks as pixels, against pycocotools' own reading of run lengths."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from pycocotools import mask as reference

from mmisr.export.masks import decode, encode, mask_of_runs, resize_mask, runs_of_mask

MASKS = arrays(
    np.uint8, st.tuples(st.integers(1, 6), st.integers(1, 6)), elements=st.integers(0, 1)
)


def test_a_shrunk_mask_follows_the_majority_and_never_vanishes():
    pixels = np.zeros((8, 12), np.uint8)
    pixels[:4, :2] = 1
    assert resize_mask(pixels, (2, 3)).tolist() == [[1, 0, 0], [0, 0, 0]]
    pixels[:, 1:] = 0
    assert resize_mask(pixels, (2, 3)).tolist() == [[1, 0, 0], [0, 0, 0]]
    assert resize_mask(np.zeros((8, 12), np.uint8), (2, 3)).sum() == 0


@given(MASKS)
def test_runs_are_those_of_pycocotools(pixels):
    runs = runs_of_mask(pixels)
    height, width = pixels.shape
    compressed = reference.frPyObjects({"size": [height, width], "counts": runs}, height, width)
    assert np.array_equal(reference.decode(compressed), pixels)
    assert np.array_equal(mask_of_runs(runs, pixels.shape), pixels)


@given(MASKS)
def test_a_compressed_mask_comes_back(pixels):
    counts = encode(pixels)
    assert isinstance(counts, str)
    assert np.array_equal(decode({"size": list(pixels.shape), "counts": counts}), pixels)


def test_runs_fill_the_mask():
    with pytest.raises(ValueError, match="run lengths must add up to 2 x 3 pixels, got 5"):
        mask_of_runs([2, 3], (2, 3))
