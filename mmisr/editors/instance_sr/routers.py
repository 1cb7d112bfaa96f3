"""Routers: who decides by which exit a token leaves."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor
from torch.nn import functional as F

from mmisr.editors.instance_sr.labels import HARD, MODERATE, LabelRule
from mmisr.structures.sr_result import UpscaleHints


@dataclass(frozen=True)
class RouteInput:
    """What a router may look at.

    Args:
        lr: (B, 3, h, w) RGB in [0, 1]; sides are multiples of the token size.
        token: Side of a token in LR pixels.
        hints: Boxes and seeds, or None.
        logits: Calls the encoder: (B, 3, rows, cols). Routers that need none never call it, and nothing is charged.
    """

    lr: Tensor
    token: int
    hints: UpscaleHints | None
    logits: Callable[[], Tensor]

    @property
    def grid(self) -> tuple[int, int]:
        """Rows and columns of the token grid."""
        return self.lr.shape[-2] // self.token, self.lr.shape[-1] // self.token


class Router(Protocol):
    """(B, rows, cols) int64 exits from what a router may look at."""

    def __call__(self, given: RouteInput) -> Tensor:
        """Route."""


class Learned:
    """The encoder's choice: the largest logit, after a fixed bias.

    Args:
        bias: Added to the logits of moderate and hard; positive finds more instances and costs more.
    """

    def __init__(self, bias: float = 0.0) -> None:
        self.bias = bias

    def __call__(self, given: RouteInput) -> Tensor:
        """Route."""
        logits = given.logits()
        return (logits + logits.new_tensor([0, self.bias, self.bias])[:, None, None]).argmax(1)


class FromBoxes:
    """Exits by the label rule from boxes: the oracle with ground truth, the detector prior with a first pass's boxes.

    Results of the oracle leak: sharpness then marks where the objects are. They are an upper bound, not a promise.

    Args:
        rule: Arguments of :class:`LabelRule`.
        name: For the error text.
    """

    def __init__(self, rule: dict[str, Any] | None = None, name: str = "oracle") -> None:
        self.rule = LabelRule(**(rule or {}))
        self.name = name

    def __call__(self, given: RouteInput) -> Tensor:
        """Route.

        Raises:
            ValueError: No boxes were given.
        """
        if given.hints is None or given.hints.boxes_lr is None:
            way = "annotated images" if self.name == "oracle" else "test_cfg=dict(prior=dict()) in the SRDetector"
            raise ValueError(f"router '{self.name}' needs boxes in the lr frame and got none; use {way}")
        hw = given.lr.shape[-2], given.lr.shape[-1]
        labels = [self.rule(boxes, hw, given.token) for boxes in given.hints.boxes_lr]
        return torch.stack(labels).to(given.lr.device)


class Edge:
    """Tokens with the strongest edges go deepest.

    Source: ARM (Chen et al., ECCV 2022) ranks patches by the mean absolute Laplacian; it looks MACs up in a table where
    we give shares.

    Args:
        shares: Shares of the tokens that leave by (easy, moderate, hard).
    """

    def __init__(self, shares: Sequence[float] = (0.6, 0.1, 0.3)) -> None:
        self.shares = check_shares(shares)

    def __call__(self, given: RouteInput) -> Tensor:
        """Route."""
        kernel = given.lr.new_tensor([[0, 1, 0], [1, -4, 1], [0, 1, 0]]).view(1, 1, 3, 3)
        grey = F.pad(given.lr.mean(1, keepdim=True), [1] * 4, mode="replicate")
        strength = F.avg_pool2d(F.conv2d(grey, kernel).abs(), given.token)[:, 0]
        return by_rank(strength, self.shares)


class Fixed:
    """Every token leaves by one exit; ``all-hard`` is exit 2, the dense decoder.

    Args:
        exit: 0, 1 or 2.
    """

    def __init__(self, exit: int) -> None:
        if exit not in (0, 1, 2):
            raise ValueError(f"router 'fixed' needs exit 0, 1 or 2, got {exit}")
        self.exit = exit

    def __call__(self, given: RouteInput) -> Tensor:
        """Route."""
        return torch.full((len(given.lr), *given.grid), self.exit, device=given.lr.device)


class Random:
    """Random tokens, with given shares, the same for an image in any batch.

    Args:
        shares: Shares of the tokens that leave by (easy, moderate, hard).
    """

    def __init__(self, shares: Sequence[float] = (0.6, 0.1, 0.3)) -> None:
        self.shares = check_shares(shares)

    def __call__(self, given: RouteInput) -> Tensor:
        """Route."""
        seeds = given.hints.seeds if given.hints is not None and given.hints.seeds is not None else [0] * len(given.lr)
        draws = [torch.rand(given.grid, generator=torch.Generator().manual_seed(int(s))) for s in seeds]
        return by_rank(torch.stack(draws).to(given.lr.device), self.shares)


def check_shares(shares: Sequence[float]) -> tuple[float, float, float]:
    """Three shares in [0, 1] that sum to 1."""
    if len(shares) != 3 or min(shares) < 0 or abs(sum(shares) - 1) > 1e-6:
        raise ValueError(f"shares must be three numbers >= 0 (easy, moderate, hard) that sum to 1, got {tuple(shares)}")
    return shares[0], shares[1], shares[2]


def by_rank(strength: Tensor, shares: tuple[float, float, float]) -> Tensor:
    """Exits by rank: the strongest share is hard, the next moderate; (B, rows, cols) to the same, int64."""
    flat = strength.flatten(1)
    rank = flat.argsort(dim=1, descending=True, stable=True).argsort(dim=1, stable=True)
    hard, deep = round(shares[2] * flat.shape[1]), round((shares[1] + shares[2]) * flat.shape[1])
    exits = (rank < deep).long() * MODERATE + (rank < hard).long() * (HARD - MODERATE)
    return exits.view_as(strength)


ROUTERS: dict[str, Callable[..., Router]] = {
    "learned": Learned,
    "oracle": FromBoxes,
    "detector_prior": lambda rule=None: FromBoxes(rule, "detector_prior"),
    "edge": Edge,
    "fixed": Fixed,
    "random": Random,
    "all-hard": lambda: Fixed(HARD),
}


def build_router(config: str | dict[str, Any]) -> Router:
    """Build a router.

    Args:
        config: A name, ``fixed:k``, ``random:p`` (p deep tokens, all of them hard), or ``dict(type=name, **arguments)``.

    Returns:
        The router.

    Raises:
        ValueError: There is no such router.
        TypeError: It does not take an argument given.
    """
    arguments = {"type": config} if isinstance(config, str) else dict(config)
    name, _, value = str(arguments.pop("type")).partition(":")
    if name not in ROUTERS:
        raise ValueError(f"router must be one of {sorted(ROUTERS)}, got {name!r}")
    if value and name == "fixed":
        arguments["exit"] = int(value)
    elif value and name == "random":
        arguments["shares"] = (1 - float(value), 0.0, float(value))
    elif value:
        raise ValueError(f"router {name!r} takes no value after a colon, got {value!r}")
    return ROUTERS[name](**arguments)
