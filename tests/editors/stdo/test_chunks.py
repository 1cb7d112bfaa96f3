"""Chunks by PSNR, patches of a frame, and the PSNR of a clip."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mmisr.editors.stdo.chunks import (
    by_parts,
    equal_chunks,
    patch_hw,
    pooled_psnr,
    split_tiles,
)
from mmisr.ops.patches import split, stitch


@pytest.mark.parametrize(("count", "k"), [(2, 2), (7, 2), (50, 2), (50, 3), (101, 7), (5, 1)])
def test_chunks_have_one_size_within_1_and_the_first_is_the_hardest(count, k):
    psnr = torch.rand(count, generator=torch.Generator().manual_seed(count)) * 30 + 20
    chunks = equal_chunks(psnr, k)
    sizes = chunks.bincount(minlength=k)
    assert sizes.sum() == count
    assert sizes.max() - sizes.min() <= 1
    for chunk in range(1, k):
        assert psnr[chunks == chunk - 1].max() <= psnr[chunks == chunk].min()


def test_the_thresholds_are_those_of_the_paper():
    """Chunk j: above the value of rank int(j N / k), not above that of rank int((j + 1) N / k)."""
    psnr = torch.tensor([31.0, 24.0, 28.0, 35.0, 22.0, 40.0, 26.0])
    ranked = sorted(psnr.tolist())
    thresholds = [0.0, ranked[int(7 / 3) - 1], ranked[int(14 / 3) - 1], ranked[6]]
    expected = [next(j for j in range(3) if p <= thresholds[j + 1]) for p in psnr.tolist()]
    assert equal_chunks(psnr, 3).tolist() == expected


def test_equal_patches_are_sorted_evenly_too():
    assert equal_chunks(torch.full((6,), 30.0), 3).tolist() == [0, 0, 1, 1, 2, 2]


@pytest.mark.parametrize("k", [0, -1, 4])
def test_as_many_chunks_as_patches_at_most(k):
    with pytest.raises(ValueError, match=rf"k must be from 1 to the number of patches, 3, got {k}"):
        equal_chunks(torch.rand(3), k)


@pytest.mark.parametrize("grid", [(0, 1), (600, 1), (100, 1), (5, 250)])
def test_a_grid_of_more_patches_than_cover_the_frame_is_refused(grid):
    with pytest.raises(ValueError, match=rf"270 x 480.*got {grid[0]} x {grid[1]}: fewer cover it"):
        patch_hw((270, 480), grid)


@given(st.tuples(*[st.integers(1, 80)] * 2), st.tuples(*[st.integers(1, 9)] * 2))
def test_patches_are_as_many_as_the_grid_says_and_cover_the_frame(hw, grid):
    try:
        size = patch_hw(hw, grid)
    except ValueError:
        # Only a grid whose patches are hardly larger than their number.
        assert any(length < count**2 for length, count in zip(hw, grid, strict=True))
        return
    image = torch.rand(1, 1, *hw, dtype=torch.float64)
    patches = split(image, size)
    assert len(patches) == grid[0] * grid[1]
    torch.testing.assert_close(stitch(patches, hw), image)
    if not (hw[0] % grid[0] or hw[1] % grid[1]):
        assert size == (hw[0] // grid[0], hw[1] // grid[1])


def test_the_published_grid_at_x4():
    assert patch_hw((1080 // 4, 1920 // 4), (5, 10)) == (54, 48)


def test_errors_are_pooled_before_the_logarithm():
    """By hand: errors 1, 3 and 8 are 4 in the mean, and 10 log10(255^2 / 4) is 42.11 dB."""
    mse = torch.tensor([1.0, 3.0, 8.0])
    assert pooled_psnr(mse) == pytest.approx(10 * math.log10(65025 / 4))
    mean_of_psnr = (10 * torch.log10(65025 / mse)).mean().item()
    assert mean_of_psnr - pooled_psnr(mse) > 1
    assert pooled_psnr(torch.zeros(3)) == 100


def test_a_tile_of_the_threshold_is_split():
    psnr = torch.tensor([40.0, 41.0, 39.0, math.nextafter(40.0, 50.0)], dtype=torch.float64)
    assert split_tiles(psnr, 40.0).tolist() == [0, 1, 0, 1]
    assert split_tiles(psnr, 39.0).tolist() == [1, 1, 0, 1]


@pytest.mark.parametrize("hw", [(6, 8), (5, 7)])
def test_parts_are_enlarged_by_themselves(hw):
    """A network that replaces an image by its mean, so that a pixel tells its part."""
    patches = torch.rand(3, 3, *hw)

    def mean(images):
        means = images.mean((2, 3), keepdim=True)
        return means.expand(-1, -1, 2 * images.shape[2], 2 * images.shape[3])

    whole = by_parts(mean, patches, 1, 2)
    torch.testing.assert_close(whole, patches.mean((2, 3), keepdim=True).expand_as(whole))
    halves = by_parts(mean, patches, 2, 2)
    assert halves.shape == whole.shape
    high, wide = math.ceil(hw[0] / 2), math.ceil(hw[1] / 2)
    first = patches[..., :high, :wide].mean((2, 3))
    last = patches[..., -high:, -wide:].mean((2, 3))
    torch.testing.assert_close(halves[..., 0, 0], first)
    torch.testing.assert_close(halves[..., -1, -1], last)
