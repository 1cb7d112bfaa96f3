"""Routers: who decides by which exit a token leaves."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor
from torch.nn import functional as F

from mmisr.editors.instance_sr.budget import Budget, Prices
from mmisr.editors.instance_sr.labels import CLASSES, EASY, HARD, MODERATE, LabelRule
from mmisr.ops.ranking import by_rank, check_shares, counted, counts_of_each, draws, edges
from mmisr.structures.frames import hw_of
from mmisr.structures.hints import BatchHints, routing_boxes, seeds_of


@dataclass
class RouteInput:
    """What a router may look at.

    Args:
        lr: (B, 3, h, w) RGB in [0, 1]; sides are multiples of the token size.
        token: Side of a token in LR pixels.
        hints: Boxes and seeds, or None.
        encode: The encoder: logits (B, 3, rows, cols) and boxes (B, 4, rows, cols).
        prices: What routing maps cost, for a budget; None in training, where no budget holds.
    """

    lr: Tensor
    token: int
    hints: BatchHints | None
    encode: Callable[[], tuple[Tensor, Tensor]]
    prices: Prices | None = None
    encoded: tuple[Tensor, Tensor] | None = field(default=None, init=False)
    """What the encoder said; None until a router first asks."""

    def logits(self) -> Tensor:
        """(B, 3, rows, cols). The encoder runs when a router first asks.

        One that never asks is not charged for it.
        """
        if self.encoded is None:
            self.encoded = self.encode()
        return self.encoded[0]

    @property
    def grid(self) -> tuple[int, int]:
        """Rows and columns of the token grid."""
        return self.lr.shape[-2] // self.token, self.lr.shape[-1] // self.token


class Router(ABC):
    """(B, rows, cols) int64 exits from what a router may look at.

    Attributes:
        encodes: Whether it asks for the encoder's logits, which then count in its cost.
        budget: What an image may cost, in routers that honour one; None for no limit.
    """

    encodes: bool = False
    budget: Budget | None = None

    @property
    def is_means(self) -> bool:
        """Whether the choice is a means to speed, which may be overruled by what is faster.

        A share of the tokens or of the MACs is a promise; milliseconds are kept all hard too.
        """
        return self.encodes and (self.budget is None or self.budget.in_ms)

    @abstractmethod
    def __call__(self, given: RouteInput) -> Tensor:
        """Choose the exits, (B, rows, cols) int64."""


class Learned(Router):
    """The encoder's choice: the largest logit, after a fixed bias; or the best within a budget.

    Args:
        bias: Added to the logits of moderate and hard; positive finds more instances and costs
            more. It changes nothing within a budget.
        budget: What an image may cost; None for no limit. It holds in use, not in training.
    """

    encodes = True

    def __init__(self, bias: float = 0.0, budget: Budget | None = None) -> None:
        self.bias = bias
        self.budget = budget

    def __call__(self, given: RouteInput) -> Tensor:
        """Choose the exits, (B, rows, cols) int64."""
        logits = given.logits()
        budget = self.budget
        prices = given.prices
        if budget is None or prices is None:
            return self._largest(logits)
        # On the CPU: the search asks for the price of many maps, and each would be a
        # synchronisation.
        on_host = logits.detach().cpu()
        maps = []
        for image in on_host:
            exits = budget.route(image, prices)
            maps.append(exits)
        return torch.stack(maps).to(logits.device)

    def _largest(self, logits: Tensor) -> Tensor:
        bias = logits.new_tensor([0, self.bias, self.bias])
        biased = logits + bias[:, None, None]
        return biased.argmax(1)


class Given(Router):
    """Exits that were chosen before, by whoever asks; for measurements.

    The encoder runs, so that it is charged as the learned router's is.

    Args:
        exits: (B, rows, cols) int64.
    """

    encodes = True

    def __init__(self, exits: Tensor) -> None:
        self.exits = exits

    def __call__(self, given: RouteInput) -> Tensor:
        """Choose the exits, (B, rows, cols) int64."""
        given.logits()
        return self.exits


class Known(Router):
    """Exits that were chosen on a look at the whole frame, of which this image is a part.

    Args:
        exits: (B, rows, cols) int64.
        chosen_by: The router that chose them.
    """

    def __init__(self, exits: Tensor, chosen_by: Router) -> None:
        self.exits = exits
        self.chosen_by = chosen_by

    @classmethod
    def of(cls, exits: Sequence[Tensor], lr: Tensor, chosen_by: Router) -> Known:
        """From (rows, cols) exits of each image of (B, 3, h, w)."""
        return cls(torch.stack(list(exits)).to(lr.device), chosen_by)

    @property
    def is_means(self) -> bool:
        """As the router says that chose them."""
        return self.chosen_by.is_means

    def __call__(self, given: RouteInput) -> Tensor:
        """The exits.

        Raises:
            ValueError: They are those of an image of another size.
        """
        if tuple(self.exits.shape[1:]) != given.grid:
            raise ValueError(
                f"exits in the hints are of {tuple(self.exits.shape[1:])} tokens, and the image "
                f"has {given.grid}: they are of another image, or of tokens of another size"
            )
        return self.exits


class FromBoxes(Router):
    """Exits by the label rule from boxes.

    The oracle with ground truth, the detector prior with a first pass's boxes.

    Results of the oracle leak: sharpness then marks where the objects are. They are an upper bound,
        not a promise.

    Args:
        name: ``oracle`` or ``detector_prior``, for the error text.
        rule: How boxes make labels.
    """

    def __init__(self, name: str, rule: LabelRule) -> None:
        self.name = name
        self.rule = rule

    def __call__(self, given: RouteInput) -> Tensor:
        """Choose the exits, (B, rows, cols) int64.

        Raises:
            ValueError: No boxes were given.
        """
        boxes_lr = routing_boxes(given.hints, self.name)
        if boxes_lr is None:
            way = (
                "use annotated images, or ImageHints(boxes_lr=...)"
                if self.name == "oracle"
                else "set test_cfg=dict(prior=dict()) in the SRDetector, or give "
                "ImageHints(found=...)"
            )
            raise ValueError(
                f"router '{self.name}' needs boxes in the lr frame and got none; {way}"
            )
        hw = hw_of(given.lr)
        labels = [self.rule(boxes, hw, given.token) for boxes in boxes_lr]
        exits = torch.stack(labels)
        return exits.to(given.lr.device)


class Edge(Router):
    """Tokens with the strongest edges go deepest.

    Source: ARM (Chen et al., ECCV 2022) ranks patches by the mean absolute Laplacian; it looks MACs
    up in a table where we give shares.

    Args:
        shares: Shares of the tokens that leave by (easy, moderate, hard); None for those of the
            learned router on the same image, which runs the encoder.
    """

    def __init__(self, shares: Sequence[float] | None = None) -> None:
        self.shares = None if shares is None else check_shares(shares, len(CLASSES))
        self.encodes = shares is None

    def __call__(self, given: RouteInput) -> Tensor:
        """Choose the exits, (B, rows, cols) int64."""
        strength = F.avg_pool2d(edges(given.lr), given.token)
        return _ranked(strength[:, 0], self.shares, given)


class Fixed(Router):
    """Every token leaves by one exit; ``all-hard`` is exit 2, the dense decoder.

    Args:
        exit: 0, 1 or 2.

    Raises:
        ValueError: There is no such exit.
    """

    def __init__(self, exit: int) -> None:  # noqa: A002  the config key, as in `fixed:2`
        if exit not in (EASY, MODERATE, HARD):
            raise ValueError(
                f"router 'fixed' needs exit 0 (easy), 1 (moderate) or 2 (hard), got {exit!r}"
            )
        self.exit = exit

    def __call__(self, given: RouteInput) -> Tensor:
        """Choose the exits, (B, rows, cols) int64."""
        return torch.full((len(given.lr), *given.grid), self.exit, device=given.lr.device)


class Random(Router):
    """Random tokens, the same for an image in any batch.

    The draw depends on the image's seed alone.

    Args:
        shares: Shares of the tokens that leave by (easy, moderate, hard); None for those of the
            learned router on the same image, which runs the encoder.
    """

    def __init__(self, shares: Sequence[float] | None = None) -> None:
        self.shares = None if shares is None else check_shares(shares, len(CLASSES))
        self.encodes = shares is None

    def __call__(self, given: RouteInput) -> Tensor:
        """Choose the exits, (B, rows, cols) int64; images without a seed all draw from seed 0."""
        strength = draws(given.grid, seeds_of(given.hints, len(given.lr)))
        return _ranked(strength.to(given.lr.device), self.shares, given)


def _ranked(strength: Tensor, shares: Sequence[float] | None, given: RouteInput) -> Tensor:
    """Exits by rank, by shares or as many of each as the learned router takes."""
    if shares is not None:
        counts = counts_of_each(shares, strength)
    else:
        chosen = given.logits().argmax(1)
        counts = counted(chosen, len(CLASSES))
    return by_rank(strength, counts)
