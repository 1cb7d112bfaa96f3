"""Equal windows around chosen tokens: gather them with a halo, compute, add the centres to the image."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from mmisr.structures.frames import hw_of


@dataclass(frozen=True)
class Windows:
    """Windows of one size, cut out of a batch of feature maps.

    A window that would reach beyond the image is shifted inwards instead. Where it ends at the image's border it then
    sees the same zero padding there as a pass over the whole image, at every layer; so nothing has to be masked, and
    with a halo of the whole receptive field the result is the dense one.

    Args:
        image: (N,) index of the image in the batch.
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
        at_border: Whether a token may lie at the border of its window, where a margin reaches beyond; who knows that none
            does saves a pass over the pixels.
    """

    window: Tensor
    inner: Tensor
    token: Tensor
    side: int
    at_border: bool = True

    def __len__(self) -> int:
        return len(self.window)

    def select(self, chosen: Tensor | slice) -> Slots:
        """Those that ``chosen``, (M,) bool, indices or a slice, picks."""
        return Slots(self.window[chosen], self.inner[chosen], self.token[chosen], self.side, self.at_border)


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
        margin: Pixels kept around a token; zeros beyond the window, as the padding of a convolution.

    Returns:
        (M, C, T + 2 margin, T + 2 margin) in channels_last layout.
    """
    side, corner = slots.side + 2 * margin, slots.inner - margin
    cut = _gather(features, slots.window, corner, (side, side))
    if margin and slots.at_border:
        limit = features.shape[-2:]
        for axis in (0, 1):
            place = corner[:, axis, None] + torch.arange(side, device=corner.device)
            inside = ((place >= 0) & (place < limit[axis])).to(cut.dtype)
            cut = cut * (inside[:, None, :, None] if axis == 0 else inside[:, None, None, :])
    return cut


def scatter_add_tokens(image: Tensor, patches: Tensor, token: Tensor) -> None:
    """Add patches onto the grid, in place; autograd follows it.

    Args:
        image: (B, C, rows*P, cols*P) in channels_last layout, changed.
        patches: (M, C, P, P).
        token: (M, 3) image, row and column of each patch.

    Raises:
        ValueError: The image is no multiple of the patches' side, or of another layout.
    """
    side, (count, channels, height, width) = patches.shape[-1], image.shape
    _check_multiple((height, width), side)
    pixels = image.permute(0, 2, 3, 1)
    if not pixels.is_contiguous():
        raise ValueError(
            "scatter_add_tokens needs an image in channels_last layout: image.to(memory_format=torch.channels_last)"
        )
    number, row, col = token.unbind(1)
    line = number[:, None] * height + row[:, None] * side + torch.arange(side, device=token.device)
    rows = patches.to(image.dtype).permute(0, 2, 3, 1).reshape(-1, side * channels)
    # A row of a token is contiguous here: few long rows are added much faster than many pixels.
    pixels.view(count * height * (width // side), -1).index_add_(
        0, (line * (width // side) + col[:, None]).flatten(), rows
    )


def split(image: Tensor, side: int) -> Tensor:
    """Cut an image into patches, row by row; the inverse of :func:`stitch`.

    Args:
        image: (B, C, rows*P, cols*P).
        side: P.

    Returns:
        (B * rows * cols, C, P, P).

    Raises:
        ValueError: The image is no multiple of ``side``.

    Example:
        >>> image = torch.rand(2, 3, 8, 12)
        >>> torch.equal(stitch(split(image, 4), (2, 3)), image)
        True
    """
    _check_multiple(hw_of(image), side)
    grid = image.unflatten(3, (-1, side)).unflatten(2, (-1, side))
    return grid.permute(0, 2, 4, 1, 3, 5).flatten(0, 2)


def stitch(patches: Tensor, grid: tuple[int, int]) -> Tensor:
    """Put patches back together.

    Args:
        patches: (B * rows * cols, C, P, P), row by row.
        grid: Rows and columns.

    Returns:
        (B, C, rows*P, cols*P).

    Raises:
        ValueError: The number of patches is no multiple of the grid's.
    """
    if len(patches) % (grid[0] * grid[1]):
        raise ValueError(f"stitch needs a multiple of {grid[0]} x {grid[1]} patches, got {len(patches)}")
    rows = patches.unflatten(0, (-1, *grid)).permute(0, 3, 1, 4, 2, 5)
    return rows.flatten(4, 5).flatten(2, 3)


def _gather(features: Tensor, image: Tensor, corner: Tensor, size_hw: tuple[int, int]) -> Tensor:
    """Pixels beyond the image repeat its border; callers that may reach there put zeros in their place."""
    _, channels, rows, cols = features.shape
    y = corner[:, 0, None, None] + torch.arange(size_hw[0], device=corner.device)[None, :, None]
    x = corner[:, 1, None, None] + torch.arange(size_hw[1], device=corner.device)[None, None, :]
    index = ((image[:, None, None] * rows + y.clamp(0, rows - 1)) * cols + x.clamp(0, cols - 1)).flatten()
    pixels = features.permute(0, 2, 3, 1).reshape(-1, channels).index_select(0, index)
    return pixels.view(-1, *size_hw, channels).permute(0, 3, 1, 2)


def _check_multiple(hw: tuple[int, int], side: int) -> None:
    if hw[0] % side or hw[1] % side:
        raise ValueError(f"height and width must be multiples of {side}, got {hw[0]} x {hw[1]}; pad the image first")
