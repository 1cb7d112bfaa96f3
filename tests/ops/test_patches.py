"""Windows against slicing by hand; stitch of split is the identity."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from mmisr.ops.patches import gather_centres, gather_windows, scatter_centres, split, stitch, windows_around


@settings(max_examples=40, deadline=None)
@given(
    batch=st.integers(1, 3),
    channels=st.integers(1, 4),
    rows=st.integers(1, 5),
    cols=st.integers(1, 5),
    side=st.sampled_from([1, 2, 8]),
)
def test_stitch_of_split_is_the_identity(batch, channels, rows, cols, side):
    image = torch.rand(batch, channels, rows * side, cols * side)
    patches = split(image, side)
    assert patches.shape == (batch * rows * cols, channels, side, side)
    assert torch.equal(stitch(patches, (rows, cols)), image)


def test_split_goes_row_by_row():
    image = torch.arange(16.0).view(1, 1, 4, 4)
    assert split(image, 2)[:, 0].tolist() == [
        [[0, 1], [4, 5]],
        [[2, 3], [6, 7]],
        [[8, 9], [12, 13]],
        [[10, 11], [14, 15]],
    ]


@settings(max_examples=60, deadline=None)
@given(data=st.data(), token=st.sampled_from([2, 4]), halo=st.integers(0, 9))
def test_windows_hold_the_pixels_around_their_tokens(data, token, halo):
    rows, cols = data.draw(st.integers(1, 5)), data.draw(st.integers(1, 5))
    hw = rows * token, cols * token
    features = torch.rand(2, 3, *hw)
    tokens = torch.tensor(
        data.draw(
            st.lists(
                st.tuples(st.integers(0, 1), st.integers(0, rows - 1), st.integers(0, cols - 1)), min_size=1, max_size=6
            )
        )
    )
    windows = windows_around(tokens, token, halo, hw)
    cut = gather_windows(features, windows)
    assert cut.shape == (len(tokens), 3, min(hw[0], token + 2 * halo), min(hw[1], token + 2 * halo))
    for number, (image, row, col) in enumerate(tokens.tolist()):
        top, left = windows.corner[number].tolist()
        height, width = windows.size_hw
        assert 0 <= top <= row * token and (row + 1) * token <= top + height <= hw[0]
        assert 0 <= left <= col * token and (col + 1) * token <= left + width <= hw[1]
        assert torch.equal(cut[number], features[image, :, top : top + height, left : left + width])
        # At least the halo on every side where the image goes on.
        assert row * token - top >= min(halo, row * token)
        assert top + height - (row + 1) * token >= min(halo, hw[0] - (row + 1) * token)


@pytest.mark.parametrize("margin", [0, 1, 2])
@pytest.mark.parametrize("halo", [0, 1, 3, 50])
def test_centres_are_the_tokens_and_their_margin(halo, margin):
    features = torch.rand(2, 3, 12, 16)
    tokens = torch.tensor([[0, 0, 0], [1, 2, 3], [0, 1, 2], [1, 0, 3]])
    windows = windows_around(tokens, 4, halo, (12, 16))
    centres = gather_centres(gather_windows(features, windows), windows, margin)
    if halo < margin:  # beyond the window there are zeros, as beyond the image
        assert centres.shape[-1] == 4 + 2 * margin
        return
    padded = F.pad(features, [margin] * 4)
    for centre, (image, row, col) in zip(centres, tokens.tolist(), strict=True):
        expected = padded[image, :, row * 4 : row * 4 + 4 + 2 * margin, col * 4 : col * 4 + 4 + 2 * margin]
        assert torch.equal(centre, expected)


def test_scatter_writes_its_tokens_alone_in_any_layout_and_order():
    tokens = torch.tensor([[1, 0, 2], [0, 1, 0], [1, 1, 1]])
    patches = torch.rand(3, 2, 4, 4)
    plain, last = torch.zeros(2, 2, 8, 12), torch.zeros(2, 2, 8, 12).to(memory_format=torch.channels_last)
    scatter_centres(plain, patches, tokens)
    scatter_centres(last, patches.flip(0), tokens.flip(0))
    assert torch.equal(plain, last)
    grid = split(plain, 4).view(2, 2, 3, 2, 4, 4)
    for patch, (image, row, col) in zip(patches, tokens.tolist(), strict=True):
        assert torch.equal(grid[image, row, col], patch)
    assert (plain != 0).sum() == patches.numel()


def test_gather_and_scatter_are_differentiable():
    features = torch.rand(1, 2, 6, 6, dtype=torch.float64, requires_grad=True)
    tokens = torch.tensor([[0, 0, 0], [0, 1, 2]])
    windows = windows_around(tokens, 2, 1, (6, 6))

    def through(x):
        out = torch.zeros(1, 2, 6, 6, dtype=x.dtype) + x.mean()
        scatter_centres(out, gather_centres(gather_windows(x, windows) ** 2, windows), tokens)
        return out

    assert torch.autograd.gradcheck(through, (features,))


def test_no_tokens_are_no_windows():
    none = torch.zeros((0, 3), dtype=torch.long)
    windows = windows_around(none, 4, 2, (8, 8))
    cut = gather_windows(torch.rand(1, 3, 8, 8), windows)
    assert len(windows) == 0
    assert cut.shape == (0, 3, 8, 8)
    image = torch.zeros(1, 3, 8, 8)
    scatter_centres(image, gather_centres(cut, windows), none)
    assert not image.any()


def test_first_windows_go_with_a_prefix_of_the_batch():
    tokens = torch.tensor([[0, 0, 1], [0, 1, 1], [0, 0, 0]])
    features = torch.rand(1, 2, 8, 8)
    windows = windows_around(tokens, 4, 1, (8, 8))
    cut = gather_windows(features, windows)
    assert torch.equal(gather_windows(features, windows.first(2)), cut[:2])


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: split(torch.zeros(1, 1, 4, 6), 4), "multiples of 4, got 4 x 6; pad"),
        (lambda: stitch(torch.zeros(5, 1, 2, 2), (2, 2)), "multiple of 2 x 2 patches, got 5"),
        (lambda: windows_around(torch.zeros((1, 3)), 4, -1, (8, 8)), "halo must be >= 0, got -1"),
        (lambda: windows_around(torch.zeros((1, 3)), 4, 0, (8, 9)), "multiples of 4, got 8 x 9"),
        (lambda: scatter_centres(torch.zeros(1, 1, 5, 4), torch.zeros(1, 1, 4, 4), None), "got 5 x 4"),
    ],
)
def test_bad_sizes_are_named(call, text):
    with pytest.raises(ValueError, match=text):
        call()
