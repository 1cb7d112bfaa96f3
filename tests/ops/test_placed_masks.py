"""Masks that are cut down to their objects, and put back."""

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mmisr.ops.masks import AT_ONCE, resize_masks
from mmisr.ops.placed_masks import PlacedMask, pasted, placed

CPU = torch.device("cpu")


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 9999), share=st.sampled_from([0.0, 0.02, 0.5]), factor=st.integers(1, 2))
def test_there_and_back(seed, share, factor):
    generator = torch.Generator().manual_seed(seed)
    masks = torch.rand((AT_ONCE + 2, 7, 9), generator=generator) < share
    parts = placed(masks, size_hw=(7 * factor, 9 * factor))
    resized = resize_masks(masks, (7 * factor, 9 * factor))
    assert torch.equal(pasted(parts, (7 * factor, 9 * factor), CPU), resized)


def test_only_the_object_stays_in_memory():
    mask = torch.zeros(1, 500, 500, dtype=torch.bool)
    mask[0, 100:103, 200:204] = True
    (part,) = placed(mask, (1000, 2000))
    assert (part.x, part.y) == (1200, 2100)
    assert part.pixels.untyped_storage().nbytes() == 12


def test_nothing_is_placed_and_pasted():
    assert placed(torch.zeros(0, 4, 4, dtype=torch.bool)) == []
    assert pasted([], (3, 5), CPU).shape == (0, 3, 5)
    (empty,) = placed(torch.zeros(1, 4, 4, dtype=torch.bool))
    assert isinstance(empty, PlacedMask) and empty.pixels.shape == (0, 0)
