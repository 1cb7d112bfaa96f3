"""Masks of another size, against counting on a grid fine enough for both frames."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mmisr.ops.masks import resize_masks


def masks_of(*rows: str) -> torch.Tensor:
    """One mask as lines of text, x where it covers."""
    return torch.tensor([[[c == "x" for c in row] for row in rows]])


@pytest.mark.parametrize(
    ("name", "mask", "size", "expected"),
    [
        ("exactly half", masks_of("xx..", "...."), (1, 2), masks_of("x.")),
        ("below half, beside a half", masks_of("xxx.", "xx.."), (1, 2), masks_of("x.")),
        ("one pixel does not vanish", masks_of("....", "...x"), (1, 2), masks_of(".x")),
        ("a thin line stays a line", masks_of("....", "xxxx"), (1, 2), masks_of("xx")),
        ("nothing stays nothing", masks_of("....", "...."), (1, 2), masks_of("..")),
        ("enlarged", masks_of("x."), (2, 4), masks_of("xx..", "xx..")),
        ("3 to 2", masks_of("xx."), (1, 2), masks_of("x.")),
        ("2 to 3: the middle is half covered", masks_of("x."), (1, 3), masks_of("xx.")),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_convention_a_pixel_belongs_to_what_covers_half_of_it(name, mask, size, expected):
    assert torch.equal(resize_masks(mask, size), expected)


@settings(max_examples=80, deadline=None)
@given(
    hw=st.tuples(st.integers(1, 12), st.integers(1, 12)),
    size=st.tuples(st.integers(1, 12), st.integers(1, 12)),
    seed=st.integers(0, 2**31),
)
def test_any_factor_is_exact(hw, size, seed):
    """Every pixel of either frame is a block of whole cells of the common grid."""
    rng = np.random.default_rng(seed)
    masks = rng.random((3, *hw)) < rng.random((3, 1, 1))
    rows, cols = math.lcm(hw[0], size[0]), math.lcm(hw[1], size[1])
    cells = masks.repeat(rows // hw[0], 1).repeat(cols // hw[1], 2)
    blocks = cells.reshape(3, size[0], rows // size[0], size[1], cols // size[1])
    covered = blocks.sum((2, 4))
    most = covered.max((1, 2), keepdims=True)
    enough = np.minimum(most, (rows // size[0]) * (cols // size[1]) / 2)
    expected = (covered >= enough) & (covered > 0)
    np.testing.assert_array_equal(resize_masks(torch.from_numpy(masks), size), expected)


def test_no_masks_and_the_same_size():
    assert resize_masks(torch.zeros(0, 8, 8, dtype=torch.bool), (2, 3)).shape == (0, 2, 3)
    masks = masks_of("x.")
    assert resize_masks(masks, (1, 2)) is masks


@pytest.mark.parametrize(
    ("masks", "size", "error", "text"),
    [
        (torch.zeros(4, 4, dtype=torch.bool), (2, 2), ValueError, r"\(N, H, W\), got \(4, 4\)"),
        (torch.zeros(1, 4, 4), (2, 2), TypeError, "must be bool, got torch.float32"),
        (torch.zeros(1, 4, 4, dtype=torch.bool), (0, 2), ValueError, "size_hw"),
    ],
)
def test_what_it_does_not_take(masks, size, error, text):
    with pytest.raises(error, match=text):
        resize_masks(masks, size)
