"""Whether one sees in an SR image where its tokens meet."""

from __future__ import annotations

import torch
from torch import Tensor

AXES = (2, 3)


def seam_ratio(sr: Tensor, hr: Tensor, token: int) -> float:
    """How much steeper an SR image is across the borders of its tokens than elsewhere.

    The mean absolute difference of neighbours across borders over that of all others, both axes
    together; divided by the same of HR, because what is photographed may lie on the grid too.

    Source: ours.

    Args:
        sr: (1, 3, H, W).
        hr: The same shape.
        token: Side of a token in SR pixels.

    Returns:
        1 without a seam; nan where no border lies in the image.

    Example:
        >>> image = torch.rand(1, 3, 16, 16)
        >>> seam_ratio(image, image, 8)
        1.0
    """
    of_sr = steepness(sr, token)
    of_hr = steepness(hr, token)
    return of_sr / of_hr


def steepness(image: Tensor, token: int) -> float:
    """Mean absolute difference across borders of tokens, over that between other neighbours.

    Args:
        image: (1, 3, H, W).
        token: Side of a token in pixels.
    """
    across = []
    within = []
    for axis in AXES:
        lines = _steps(image, axis)
        behind = len(lines) + 1
        number = torch.arange(1, behind)
        is_border = number % token == 0
        across.append(lines[is_border])
        within.append(lines[~is_border])
    at_borders = torch.cat(across).mean()
    elsewhere = torch.cat(within).mean()
    ratio = at_borders / elsewhere
    return float(ratio)


def _steps(image: Tensor, axis: int) -> Tensor:
    """(L - 1,) mean absolute differences of neighbouring lines along an axis, on the host."""
    steps = image.diff(dim=axis).abs()
    lines = steps.transpose(axis, 0)
    of_line = lines.flatten(1).double()
    return of_line.mean(1).cpu()
