"""Equal windows around chosen tokens: gather them with a halo, compute, scatter the centres back."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F


@dataclass(frozen=True)
class Windows:
    """Windows of one size around tokens, shifted inwards at the image's border instead of reaching beyond it.

    A window that ends at the image's border sees the same zero padding there as a pass over the whole image, at every
    layer; so nothing has to be masked, and with a halo of the whole receptive field the result is the dense one.

    Args:
        image: (N,) index of the image in the batch.
        corner: (N, 2) top and left of the window in the image, in pixels.
        inner: (N, 2) top and left of the token in the window, in pixels.
        size_hw: Height and width of every window.
        token: Side of a token in pixels.
    """

    image: Tensor
    corner: Tensor
    inner: Tensor
    size_hw: tuple[int, int]
    token: int

    def __len__(self) -> int:
        return len(self.image)

    def first(self, count: int) -> Windows:
        """The first ``count`` windows; a prefix of a batch of features goes with them."""
        return Windows(self.image[:count], self.corner[:count], self.inner[:count], self.size_hw, self.token)


def windows_around(tokens: Tensor, token: int, halo: int, hw: tuple[int, int]) -> Windows:
    """Place a window of T + 2 halo pixels around every token.

    Args:
        tokens: (N, 3) int64: image, row and column of each token.
        token: Side of a token in pixels.
        halo: Pixels wanted around a token; a window at the border, or of a small image, has fewer on one side.
        hw: Height and width of the image, multiples of ``token``.

    Returns:
        The windows, in the same order.

    Raises:
        ValueError: ``hw`` is no multiple of ``token``, or ``halo`` is negative.
    """
    _check_multiple(hw, token)
    if halo < 0:
        raise ValueError(f"halo must be >= 0, got {halo}")
    size = min(token + 2 * halo, hw[0]), min(token + 2 * halo, hw[1])
    start = tokens[:, 1:] * token
    corner = torch.stack([(start[:, i] - halo).clamp(0, hw[i] - size[i]) for i in (0, 1)], 1)
    return Windows(tokens[:, 0], corner, start - corner, size, token)


def gather_windows(features: Tensor, windows: Windows) -> Tensor:
    """Cut the windows out of a batch of feature maps.

    Args:
        features: (B, C, H, W).
        windows: N windows.

    Returns:
        (N, C, h, w) in channels_last layout.
    """
    height, width = windows.size_hw
    return _gather(features, windows.image, windows.corner, height, width)


def gather_centres(features: Tensor, windows: Windows, margin: int = 0) -> Tensor:
    """Cut the tokens out of their windows.

    Args:
        features: (N, C, h, w) features of the windows.
        windows: The same N windows.
        margin: Pixels kept around a token; beyond the window they are zero, as the padding of a convolution is.

    Returns:
        (N, C, T + 2 margin, T + 2 margin).
    """
    padded = F.pad(features, [margin] * 4) if margin else features
    side = windows.token + 2 * margin
    number = torch.arange(len(windows), device=features.device)
    return _gather(padded, number, windows.inner, side, side)


def scatter_centres(image: Tensor, patches: Tensor, tokens: Tensor) -> None:
    """Write patches onto the grid, in place; autograd follows it.

    Args:
        image: (B, C, rows*P, cols*P), changed.
        patches: (N, C, P, P).
        tokens: (N, 3) image, row and column of each patch; every one at most once.

    Raises:
        ValueError: The image is no multiple of the patches' side.
    """
    side = patches.shape[-1]
    _check_multiple((image.shape[-2], image.shape[-1]), side)
    grid = image.unflatten(3, (-1, side)).unflatten(2, (-1, side))
    number, row, col = tokens.unbind(1)
    grid[number, :, row, :, col, :] = patches.to(image.dtype)


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
    _check_multiple((image.shape[-2], image.shape[-1]), side)
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


def _gather(features: Tensor, image: Tensor, corner: Tensor, height: int, width: int) -> Tensor:
    _, channels, rows, cols = features.shape
    y = corner[:, 0, None, None] + torch.arange(height, device=corner.device)[None, :, None]
    x = corner[:, 1, None, None] + torch.arange(width, device=corner.device)[None, None, :]
    index = ((image[:, None, None] * rows + y) * cols + x).flatten()
    pixels = features.permute(0, 2, 3, 1).reshape(-1, channels).index_select(0, index)
    return pixels.view(-1, height, width, channels).permute(0, 3, 1, 2)


def _check_multiple(hw: tuple[int, int], side: int) -> None:
    if hw[0] % side or hw[1] % side:
        raise ValueError(f"height and width must be multiples of {side}, got {hw[0]} x {hw[1]}; pad the image first")
