"""Windows against slicing by hand; stitch of split is the identity."""

from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from mmisr.ops.patches import (
    Slots,
    Windows,
    gather_tokens,
    gather_windows,
    patch_corners,
    ramp,
    scatter_add_tokens,
    split,
    stitch,
)


@settings(max_examples=60, deadline=None)
@given(
    batch=st.integers(1, 3),
    hw=st.tuples(st.integers(1, 20), st.integers(1, 20)),
    size=st.tuples(st.integers(1, 20), st.integers(1, 20)),
    overlap=st.tuples(st.integers(0, 19), st.integers(0, 19)),
    ramped=st.booleans(),
)
def test_stitch_of_split_is_the_identity(batch, hw, size, overlap, ramped):
    """Of any size, with any overlap, under any weights: what all patches agree on comes out."""
    size_hw = min(size[0], hw[0]), min(size[1], hw[1])
    stride_hw = max(size_hw[0] - overlap[0], 1), max(size_hw[1] - overlap[1], 1)
    image = torch.rand(batch, 2, *hw, dtype=torch.float64)
    patches = split(image, size_hw, stride_hw)
    assert patches.shape == (batch * len(patch_corners(hw, size_hw, stride_hw)), 2, *size_hw)
    weight = ramp(size_hw, stride_hw) if ramped else None
    torch.testing.assert_close(stitch(patches, hw, stride_hw, weight), image)


def test_split_goes_row_by_row_and_image_by_image():
    image = torch.arange(16.0).view(1, 1, 4, 4)
    parts = [[[0, 1], [4, 5]], [[2, 3], [6, 7]], [[8, 9], [12, 13]], [[10, 11], [14, 15]]]
    assert split(image, (2, 2))[:, 0].tolist() == parts
    both = split(torch.cat([image, image + 100]), (2, 2))[:, 0]
    assert both[4:].sub(100).tolist() == parts


def test_what_is_enlarged_stitches_with_everything_enlarged():
    image = torch.rand(1, 3, 9, 11)
    large = F.interpolate(image, scale_factor=3, mode="nearest")
    patches = F.interpolate(split(image, (4, 4), (3, 3)), scale_factor=3, mode="nearest")
    torch.testing.assert_close(stitch(patches, (27, 33), (9, 9)), large)


def test_overlaps_are_weighted_means():
    patches = torch.tensor([0.0, 6.0]).view(2, 1, 1, 1).expand(2, 1, 1, 3)
    assert stitch(patches, (1, 4), (1, 1)).flatten().tolist() == [0, 3, 3, 6]
    weight = torch.tensor([[1.0, 2.0, 1.0]])
    assert stitch(patches, (1, 4), (1, 1), weight).flatten().tolist() == [0, 2, 4, 6]


def test_the_ramp_of_path_restore():
    """Patch 63, stride 53: five pixels of ramp, (i + 1) / 6."""
    weight = ramp((63, 63), (53, 53))
    assert weight[31, :7].tolist() == pytest.approx([1 / 6, 2 / 6, 3 / 6, 4 / 6, 5 / 6, 1, 1])
    assert weight[0, 0] == pytest.approx(1 / 6)
    assert torch.equal(weight, weight.flip(0, 1))
    assert weight.eq(1).sum() == 53 * 53
    assert ramp((8, 8), (8, 8)).eq(1).all()


@pytest.mark.parametrize(
    ("size_hw", "stride_hw"), [((9, 4), (9, 4)), ((4, 4), (5, 4)), ((4, 4), (4, 0))]
)
def test_patches_that_do_not_fit_are_named(size_hw, stride_hw):
    with pytest.raises(
        ValueError, match=r"patches of .* every .* do not fit an image of \(8, 8\).*pad it first"
    ):
        split(torch.rand(1, 1, 8, 8), size_hw, stride_hw)


def test_patches_that_are_not_all_there_are_named():
    with pytest.raises(ValueError, match=r"multiple of 4 patches for \(8, 8\), got 3"):
        stitch(torch.rand(3, 1, 4, 4), (8, 8))


def around(tokens, side, halo, hw):
    """One window around each token, shifted inwards at the border."""
    size = min(side + 2 * halo, hw[0]), min(side + 2 * halo, hw[1])
    start = tokens[:, 1:] * side
    corner = torch.stack([(start[:, i] - halo).clamp(0, hw[i] - size[i]) for i in (0, 1)], 1)
    return Windows(tokens[:, 0], corner, size), Slots(
        torch.arange(len(tokens)), start - corner, tokens, side
    )


def test_windows_hold_the_pixels_at_their_corners():
    features = torch.rand(2, 3, 12, 16)
    windows = Windows(torch.tensor([1, 0]), torch.tensor([[0, 3], [7, 11]]), (5, 4))
    cut = gather_windows(features, windows)
    assert len(windows) == 2
    assert cut.is_contiguous(memory_format=torch.channels_last)
    assert torch.equal(cut[0], features[1, :, 0:5, 3:7])
    assert torch.equal(cut[1], features[0, :, 7:12, 11:15])


@pytest.mark.parametrize("margin", [0, 1, 2])
@pytest.mark.parametrize("halo", [0, 1, 3, 50])
def test_tokens_come_with_their_margin(halo, margin):
    """Beyond the window, as beyond the image, there are zeros."""
    features = torch.rand(2, 3, 12, 16)
    tokens = torch.tensor([[0, 0, 0], [1, 2, 3], [0, 1, 2], [1, 0, 3]])
    windows, slots = around(tokens, 4, halo, (12, 16))
    cut = gather_windows(features, windows)
    padded = F.pad(cut, [margin] * 4)
    for number, centre in enumerate(gather_tokens(cut, slots, margin)):
        y, x = slots.inner[number].tolist()
        assert torch.equal(
            centre, padded[number, :, y : y + 4 + 2 * margin, x : x + 4 + 2 * margin]
        )
    if halo >= margin:
        away = [
            k for k, token in enumerate(tokens.tolist()) if token[1] == 1 and token[2] in (1, 2)
        ]
        known = replace(slots.select(torch.tensor(away)), at_border=False)
        assert torch.equal(
            gather_tokens(cut, known, margin), gather_tokens(cut, slots, margin)[away]
        )


def test_several_tokens_share_a_window():
    features = torch.rand(1, 2, 8, 12)
    slots = Slots(
        torch.tensor([0, 0]),
        torch.tensor([[0, 4], [4, 8]]),
        torch.tensor([[0, 0, 1], [0, 1, 2]]),
        4,
    )
    cut = gather_tokens(features, slots)
    assert torch.equal(cut[0], features[0, :, 0:4, 4:8])
    assert torch.equal(cut[1], features[0, :, 4:8, 8:12])
    assert torch.equal(gather_tokens(features, slots.select(torch.tensor([False, True]))), cut[1:])


def last(*shape, **kind):
    return torch.zeros(shape, **kind).to(memory_format=torch.channels_last)


def test_scatter_adds_to_its_tokens_alone_in_any_order():
    tokens = torch.tensor([[1, 0, 2], [0, 1, 0], [1, 1, 1]])
    patches, image = torch.rand(3, 2, 4, 4), last(2, 2, 8, 12)
    scatter_add_tokens(image, patches, tokens)
    grid = split(image, (4, 4)).view(2, 2, 3, 2, 4, 4)
    for patch, (number, row, col) in zip(patches, tokens.tolist(), strict=True):
        assert torch.equal(grid[number, row, col], patch)
    assert (image != 0).sum() == patches.numel()
    before = image.clone()
    scatter_add_tokens(image, patches.flip(0), tokens.flip(0))
    assert torch.equal(image, 2 * before)


def test_gather_and_scatter_are_differentiable():
    features = torch.rand(1, 2, 6, 6, dtype=torch.float64, requires_grad=True)
    windows, slots = around(torch.tensor([[0, 0, 0], [0, 1, 2]]), 2, 1, (6, 6))

    def through(x):
        out = last(1, 2, 6, 6, dtype=x.dtype) + x.mean()
        scatter_add_tokens(
            out,
            gather_tokens(gather_windows(x, windows) ** 2, slots, margin=1)[..., 1:3, 1:3],
            slots.token,
        )
        return out

    assert torch.autograd.gradcheck(through, (features,))


def test_no_tokens_are_no_windows():
    windows, slots = around(torch.zeros((0, 3), dtype=torch.long), 4, 2, (8, 8))
    cut = gather_windows(torch.rand(1, 3, 8, 8), windows)
    assert len(windows) == len(slots) == 0
    assert cut.shape == (0, 3, 8, 8)
    image = last(1, 3, 8, 8)
    scatter_add_tokens(image, gather_tokens(cut, slots), slots.token)
    assert not image.any()


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (
            lambda: scatter_add_tokens(torch.zeros(1, 1, 5, 4), torch.zeros(1, 1, 4, 4), None),
            "got 5 x 4",
        ),
        (
            lambda: scatter_add_tokens(torch.zeros(1, 2, 8, 4), torch.zeros(1, 2, 4, 4), None),
            "channels_last layout: image",
        ),
    ],
)
def test_bad_sizes_are_named(call, text):
    with pytest.raises(ValueError, match=text):
        call()
