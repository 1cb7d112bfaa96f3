"""Recovery difficulty of every token, from boxes."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from mmisr.ops.boxes import centers, widths_heights
from mmisr.ops.coverage import centres_near, covered_share, touched
from mmisr.structures.checks import check_fields
from mmisr.structures.sr_result import EXIT_NAMES

EASY, MODERATE, HARD = 0, 1, 2
CLASSES = EXIT_NAMES


@dataclass(frozen=True)
class LabelRule:
    """When a token is easy, moderate or hard.

    A token is *easy* where boxes cover next to nothing of it; else *hard* where it touches a small
    box or lies in a crowd; else *moderate*.

    Source: InstanceSR (Fan et al., TCSVT 2024) names the three classes; the thresholds are ours.

    Args:
        easy_cover: A token of which boxes cover less than this share is easy.
        small_side: A token that touches a box whose shorter side is below this many LR pixels is
            hard.
        crowd: So are tokens with at least this many box centres near them.
        reach: Side of the square around a token's centre, in LR pixels, in which centres are
            counted.

    Raises:
        ValueError: A threshold is out of range.

    Example:
        >>> LabelRule()(torch.tensor([[0.0, 0.0, 6.0, 6.0]]), (8, 16), 8)
        tensor([[2, 0]])
    """

    easy_cover: float = 0.02
    small_side: float = 8.0
    crowd: int = 3
    reach: float = 32.0

    def __post_init__(self) -> None:
        check_fields(self, "InstanceSR.labels")
        if not 0 < self.easy_cover <= 1 or self.small_side < 0 or self.crowd < 1 or self.reach <= 0:
            raise ValueError(
                f"InstanceSR.labels needs 0 < easy_cover <= 1, small_side >= 0, crowd >= 1 and "
                f"reach > 0, got {self}"
            )

    def __call__(self, xyxy: Tensor, hw: tuple[int, int], token: int) -> Tensor:
        """Label the tokens of one image.

        Args:
            xyxy: (N, 4) boxes in the lr frame.
            hw: Height and width of the LR image, multiples of ``token``.
            token: Side of a token in LR pixels.

        Returns:
            (rows, cols) int64 of EASY, MODERATE, HARD.
        """
        height, width = hw
        rows = height // token
        cols = width // token
        grid = rows, cols
        labels = torch.full(grid, EASY)
        if not len(xyxy):
            return labels
        sides = widths_heights(xyxy).cpu()
        shorter_side = sides.min(1).values
        is_small = shorter_side < self.small_side
        touches = touched(xyxy, grid, token)
        touched_by_any = touches.any(0)
        touched_by_small = touches[is_small].any(0)
        num_near = centres_near(xyxy, grid, token, self.reach)
        is_crowded = num_near >= self.crowd
        cover = covered_share(xyxy, hw, token)
        is_bare = cover < self.easy_cover
        labels[touched_by_any] = MODERATE
        labels[touched_by_small] = HARD
        labels[is_crowded] = HARD
        labels[is_bare] = EASY  # last: a box that only grazes a token makes nothing of it
        return labels


def box_targets(xyxy: Tensor, grid: tuple[int, int], token: int) -> Tensor:
    """What the regression head should say: the box whose centre is nearest, seen from each token.

    Convention: (dx, dy) from the token's centre to the box's centre and (w, h) of the box, all in
    tokens.

    Args:
        xyxy: (N, 4) boxes in the lr frame.
        grid: Rows and columns of the token grid.
        token: Side of a token in LR pixels.

    Returns:
        (4, rows, cols) float32; zeros where there is no box.
    """
    if not len(xyxy):
        return torch.zeros(4, *grid)
    boxes = xyxy.cpu().float() / token
    centre_x, centre_y = centers(boxes).T
    width, height = widths_heights(boxes).T
    rows, cols = grid
    token_y = torch.arange(rows)[:, None] + 0.5
    token_x = torch.arange(cols) + 0.5
    dx = centre_x[:, None, None] - token_x
    dy = centre_y[:, None, None] - token_y
    distance = dx**2 + dy**2
    nearest = distance.argmin(0)
    targets = [
        centre_x[nearest] - token_x,
        centre_y[nearest] - token_y,
        width[nearest],
        height[nearest],
    ]
    return torch.stack(targets)
