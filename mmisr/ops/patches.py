"""Equal windows around chosen tokens.

Gather them with a halo, compute, add the centres to the image.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import torch
from torch import Tensor

from mmisr.structures.frames import hw_of


@dataclass(frozen=True)
class Windows:
    """Windows of one size, cut out of a batch of feature maps.

    A window that would reach beyond the image is shifted inwards instead. Where it ends at the
    image's border it then sees the same zero padding there as a pass over the whole image, at every
    layer; so nothing has to be masked, and with a halo of the whole receptive field the result is
    the dense one.

    Args:
        image: (N,) index in the batch of each window's image.
        corner: (N, 2) top and left of the window in the image, in pixels.
        size_hw: Height and width of every window.
    """

    image: Tensor
    corner: Tensor
    size_hw: tuple[int, int]

    def __len__(self) -> int:
        return len(self.image)


@dataclass(frozen=True)
class Slots:
    """Where tokens lie in a batch of windows.

    Args:
        window: (M,) index of the window.
        inner: (M, 2) top and left of the token in the window, in pixels.
        token: (M, 3) image, row and column of the token in the batch's token grids.
        side: Side of a token in pixels.
        at_border: Whether a token may lie at the border of its window, where a margin reaches
            beyond, which is the default; who knows that none does saves a pass over the pixels.
    """

    window: Tensor
    inner: Tensor
    token: Tensor
    side: int
    at_border: bool = True

    def __len__(self) -> int:
        return len(self.window)

    def select(self, chosen: Tensor | slice) -> Slots:
        """Some of the tokens.

        Args:
            chosen: (M,) bool, indices or a slice.
        """
        window = self.window[chosen]
        inner = self.inner[chosen]
        token = self.token[chosen]
        return Slots(window, inner, token, self.side, self.at_border)


def gather_windows(features: Tensor, windows: Windows) -> Tensor:
    """Cut the windows out of a batch of feature maps.

    Args:
        features: (B, C, H, W).
        windows: N windows.

    Returns:
        (N, C, h, w) in channels_last layout.
    """
    return _gather(features, windows.image, windows.corner, windows.size_hw)


def gather_tokens(features: Tensor, slots: Slots, margin: int = 0) -> Tensor:
    """Cut the tokens out of their windows.

    Args:
        features: (N, C, h, w) features of the windows.
        slots: M tokens in them.
        margin: Pixels kept around a token, 0 by default; zeros beyond the window, as the padding of
            a convolution.

    Returns:
        (M, C, T + 2 margin, T + 2 margin) in channels_last layout.
    """
    side = slots.side + 2 * margin
    corner = slots.inner - margin
    tokens = _gather(features, slots.window, corner, (side, side))
    if margin and slots.at_border:
        inside = _inside(corner, side, hw_of(features))
        tokens = tokens * inside.to(tokens.dtype)
    return tokens


def _inside(corner: Tensor, side: int, hw: tuple[int, int]) -> Tensor:
    """(M, 1, side, side) whether each pixel from (M, 2) corners on lies in a window of ``hw``."""
    top, left = corner.unbind(1)
    rows = _in_range(_positions(top, side), hw[0])
    cols = _in_range(_positions(left, side), hw[1])
    inside = rows[:, :, None] & cols[:, None, :]
    return inside[:, None]


def _in_range(positions: Tensor, limit: int) -> Tensor:
    not_before = positions >= 0
    not_behind = positions < limit
    return not_before & not_behind


def _positions(first: Tensor, count: int) -> Tensor:
    """(N, count) positions that follow on each of (N,) first ones."""
    steps = torch.arange(count, device=first.device)
    return first[:, None] + steps


def scatter_add_tokens(image: Tensor, patches: Tensor, token: Tensor) -> None:
    """Add patches onto the grid, in place; autograd follows it.

    Args:
        image: (B, C, rows*P, cols*P) in channels_last layout, changed.
        patches: (M, C, P, P).
        token: (M, 3) image, row and column of each patch.

    Raises:
        ValueError: The image is no multiple of the patches' side, or of another layout.
    """
    side = patches.shape[-1]
    count, channels, height, width = image.shape
    _check_multiple((height, width), side)
    pixels = image.permute(0, 2, 3, 1)
    if not pixels.is_contiguous():
        raise ValueError(
            "scatter_add_tokens needs an image in channels_last layout: "
            "image.to(memory_format=torch.channels_last)"
        )
    # A row of a token is contiguous here: few long rows are added much faster than many pixels.
    cols = width // side
    length = side * channels
    token_rows = pixels.view(count * height * cols, length)
    number, row, col = token.unbind(1)
    top = number * height + row * side
    lines = _positions(top, side)
    index = lines * cols + col[:, None]
    added = patches.to(image.dtype)
    added = added.permute(0, 2, 3, 1).reshape(-1, length)
    token_rows.index_add_(0, index.flatten(), added)


def patch_corners(
    hw: tuple[int, int], size_hw: tuple[int, int], stride_hw: tuple[int, int]
) -> list[tuple[int, int]]:
    """Where patches begin that cover an image.

    Every ``stride``, and one flush with the border where something is left.

    Args:
        hw: Height and width of the image.
        size_hw: Height and width of a patch, at most the image's.
        stride_hw: Steps from one patch to the next, at most a patch.

    Returns:
        (y, x) of the upper left pixel of each patch, row by row.

    Raises:
        ValueError: A patch is larger than the image, or a step larger than a patch or below 1.

    Example:
        >>> patch_corners((8, 10), (8, 4), (8, 3))
        [(0, 0), (0, 3), (0, 6)]
    """
    starts = []
    for length, size, stride in zip(hw, size_hw, stride_hw, strict=True):
        if size > length or not 1 <= stride <= size:
            raise ValueError(
                f"patches of {size_hw} every {stride_hw} do not fit an image of {hw}: a patch is "
                f"at most the image (pad it "
                "first), and a step at least 1 and at most a patch"
            )
        last = length - size
        starts.append([*range(0, last, stride), last])
    rows, cols = starts
    return list(product(rows, cols))


def split(
    image: Tensor, size_hw: tuple[int, int], stride_hw: tuple[int, int] | None = None
) -> Tensor:
    """Cut an image into patches, which may overlap; the inverse of :func:`stitch`.

    Args:
        image: (B, C, H, W).
        size_hw: Height and width of a patch.
        stride_hw: Steps from one patch to the next; a patch each by default, without overlap. The
            last patch of a row or column is flush with the border, and overlaps more where the
            steps leave a rest.

    Returns:
        (B * n, C, h, w): the patches of the first image row by row, then those of the next.

    Raises:
        ValueError: As :func:`patch_corners`.

    Example:
        >>> image = torch.rand(2, 3, 8, 12)
        >>> torch.allclose(stitch(split(image, (4, 5), (3, 4)), (8, 12), (3, 4)), image)
        True
    """
    corners = patch_corners(hw_of(image), size_hw, stride_hw or size_hw)
    patches = [_patch(image, corner, size_hw) for corner in corners]
    return torch.stack(patches, dim=1).flatten(0, 1)


def _patch(image: Tensor, corner: tuple[int, int], size_hw: tuple[int, int]) -> Tensor:
    """The patch of a (..., H, W) image that begins at (y, x): a view of it."""
    rows = image.narrow(-2, corner[0], size_hw[0])
    return rows.narrow(-1, corner[1], size_hw[1])


def stitch(
    patches: Tensor,
    hw: tuple[int, int],
    stride_hw: tuple[int, int] | None = None,
    weight: Tensor | None = None,
) -> Tensor:
    """Put patches back together; where they overlap, their weighted mean.

    For patches that a network enlarged by s, give sizes and steps times s.

    Args:
        patches: (B * n, C, h, w), as :func:`split` orders them.
        hw: Height and width of the image.
        stride_hw: Steps from one patch to the next, as in :func:`split`.
        weight: (h, w) weights, all above 0; equal ones by default (ClassSR's mean), or those of
            :func:`ramp`.

    Returns:
        (B, C, H, W) in the type of the patches.

    Raises:
        ValueError: As :func:`patch_corners`; or the number of patches is no multiple of what covers
            the image.
    """
    size = hw_of(patches)
    corners = patch_corners(hw, size, stride_hw or size)
    if len(patches) % len(corners):
        raise ValueError(
            f"stitch needs a multiple of {len(corners)} patches for {hw}, got {len(patches)}"
        )
    by_corner = patches.unflatten(0, (-1, len(corners))).unbind(1)
    weight = patches.new_ones(size) if weight is None else weight.to(patches)
    image = patches.new_zeros(len(by_corner[0]), patches.shape[1], *hw)
    total = patches.new_zeros(hw)
    for corner, patch in zip(corners, by_corner, strict=True):
        _patch(image, corner, size).add_(weight * patch)
        _patch(total, corner, size).add_(weight)
    return image / total


def ramp(size_hw: tuple[int, int], stride_hw: tuple[int, int]) -> Tensor:
    """Weights of a patch that fall linearly towards its borders, over half of the overlap.

    Source: Path-Restore's stitching, (i + 1) / (e + 1) at i pixels from the border with e = (size -
    stride) // 2; of the two axes the smaller.

    Args:
        size_hw: Height and width of a patch.
        stride_hw: Steps from one patch to the next.

    Returns:
        (h, w) float32 in (0, 1].

    Example:
        >>> ramp((1, 6), (1, 2))
        tensor([[0.3333, 0.6667, 1.0000, 1.0000, 0.6667, 0.3333]])
    """
    rows = _ramp(size_hw[0], stride_hw[0])
    cols = _ramp(size_hw[1], stride_hw[1])
    return torch.minimum(rows[:, None], cols)


def _ramp(size: int, stride: int) -> Tensor:
    overlap = (size - stride) // 2
    from_start = torch.arange(size)
    from_border = torch.minimum(from_start, from_start.flip(0))
    return ((from_border + 1) / (overlap + 1)).clamp(max=1)


def _gather(features: Tensor, image: Tensor, corner: Tensor, size_hw: tuple[int, int]) -> Tensor:
    """Pixels beyond the image repeat its border.

    Callers that may reach there put zeros in their place.
    """
    channels = features.shape[1]
    index = _pixel_index(hw_of(features), image, corner, size_hw)
    pixels = features.permute(0, 2, 3, 1)
    pixels = pixels.reshape(-1, channels)
    windows = pixels.index_select(0, index.flatten())
    windows = windows.view(*index.shape, channels)
    return windows.permute(0, 3, 1, 2)


def _pixel_index(
    hw: tuple[int, int], image: Tensor, corner: Tensor, size_hw: tuple[int, int]
) -> Tensor:
    """(N, h, w) numbers of the windows' pixels, counted row by row through the whole batch."""
    rows, cols = hw
    top, left = corner.unbind(1)
    y = _positions(top, size_hw[0]).clamp(0, rows - 1)
    x = _positions(left, size_hw[1]).clamp(0, cols - 1)
    first_line = image * rows
    lines = first_line[:, None] + y
    return lines[:, :, None] * cols + x[:, None, :]


def _check_multiple(hw: tuple[int, int], side: int) -> None:
    if hw[0] % side or hw[1] % side:
        raise ValueError(
            f"height and width must be multiples of {side}, got {hw[0]} x {hw[1]}; pad the image "
            f"first"
        )
