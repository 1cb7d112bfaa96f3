"""Who says which branch a tile takes."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from mmisr.editors.classsr.tiles import Tiles
from mmisr.ops.ranking import by_rank, check_shares, counted, counts_of_each, draws, edges
from mmisr.structures.editor_info import Routers
from mmisr.structures.frames import hw_of
from mmisr.structures.hints import BatchHints, routing_boxes, seeds_of


@dataclass
class RouteInput:
    """What a router may look at.

    Args:
        lr: (B, 3, h, w) RGB in [0, 1], at least a tile.
        tiles: How it is cut.
        num_classes: Number of branches.
        hints: Boxes and seeds, or None.
        classifier: The class module: (N, 3, t, t) tiles to (N, classes) logits.
    """

    lr: Tensor
    tiles: Tiles
    num_classes: int
    hints: BatchHints | None
    classifier: Callable[[Tensor], Tensor]
    classified: Tensor | None = field(default=None, init=False)
    """What the class module said; None until a router first asks."""

    def logits(self) -> Tensor:
        """(B, rows, cols, classes). The class module runs when a router first asks."""
        if self.classified is None:
            tiles = self.tiles.split(self.lr)
            self.classified = self.classifier(tiles)
        rows, cols = self.grid
        return self.classified.view(len(self.lr), rows, cols, -1)

    @property
    def grid(self) -> tuple[int, int]:
        """Rows and columns of the tiles."""
        return self.tiles.grid(hw_of(self.lr))


class Router(ABC):
    """(B, rows, cols) int64 classes of the tiles, from what a router may look at.

    Attributes:
        encodes: Whether it asks the class module, which then counts in its cost.
        budget: What a frame may cost, in routers that honour one; None for no limit.
        in_tiles: Whether the frame is cut at all.
    """

    encodes: bool = False
    budget: Any = None
    in_tiles: bool = True

    @abstractmethod
    def __call__(self, given: RouteInput) -> Tensor:
        """Choose the branches."""


class Learned(Router):
    """The class module's choice: the most probable branch, or the hardest tiles within a budget.

    Args:
        budget: ``dict(hard_share=p)``: at most the share p of the tiles, in [0, 1], takes another
            branch than the smallest: those whose best other logit is furthest above its. None for
            no limit. It holds in use, not in training.

    Raises:
        ValueError: The budget is another.
    """

    encodes = True

    def __init__(self, budget: dict[str, float] | None = None) -> None:
        share = (budget or {}).get("hard_share", 1.0)
        if budget is not None and (set(budget) != {"hard_share"} or not 0 <= share <= 1):
            raise ValueError(
                f"ClassSR's budget is dict(hard_share=p) with p in [0, 1], got {budget!r}"
            )
        self.budget = budget

    def __call__(self, given: RouteInput) -> Tensor:
        """Choose the branches."""
        logits = given.logits()
        if self.budget is None:
            return logits.argmax(-1)
        deeper = logits[..., 1:]
        margin = deeper.amax(-1) - logits[..., 0]
        others = deeper.argmax(-1) + 1
        share = self.budget["hard_share"]
        counts = counts_of_each((1 - share, share), margin)
        is_deep = by_rank(margin, counts)
        return others * is_deep


class Fixed(Router):
    """Every tile takes one branch.

    Args:
        number: Of the branch, from 0.
        in_tiles: False for the branch on the whole frame at once, as it would be run without
            ClassSR.
    """

    def __init__(self, number: int, in_tiles: bool = True) -> None:
        self.number = number
        self.in_tiles = in_tiles

    def __call__(self, given: RouteInput) -> Tensor:
        """Choose the branches."""
        shape = (len(given.lr), *given.grid)
        return torch.full(shape, self.number, device=given.lr.device)


class Ranked(Router):
    """The first tiles of an order take the largest branch, the next ones the next.

    Args:
        strength: (B, rows, cols) from what a router may look at; the strongest tiles come first.
        shares: Shares of the tiles by branch, smallest first; None for those of the class module on
            the same frame, which then runs.
    """

    def __init__(
        self, strength: Callable[[RouteInput], Tensor], shares: Sequence[float] | None
    ) -> None:
        self.strength = strength
        self.shares = shares
        self.encodes = shares is None

    def __call__(self, given: RouteInput) -> Tensor:
        """Choose the branches."""
        strength = self.strength(given).to(given.lr.device)
        if self.shares is not None:
            counts = counts_of_each(self.shares, strength)
        else:
            chosen = given.logits().argmax(-1)
            counts = counted(chosen, given.num_classes)
        return by_rank(strength, counts)


class FromBoxes(Router):
    """Tiles into which an object reaches take the largest branch, the others the smallest.

    Results of the oracle leak: sharpness then marks where the objects are. They are an upper bound,
    not a promise.

    Args:
        name: ``oracle`` with annotations, ``detector_prior`` with a first pass's boxes; for the
            error text.
    """

    def __init__(self, name: str) -> None:
        self.name = name

    def __call__(self, given: RouteInput) -> Tensor:
        """Choose the branches.

        Raises:
            ValueError: No boxes were given.
        """
        boxes = routing_boxes(given.hints, self.name)
        if boxes is None:
            raise ValueError(
                f"ClassSR's router {self.name!r} needs boxes in the lr frame and got none; use "
                "annotated images or ImageHints(boxes_lr=...) for 'oracle', "
                "test_cfg=dict(prior=dict()) in the SRDetector or ImageHints(found=...) for "
                "'detector_prior'"
            )
        hw = hw_of(given.lr)
        touched = [given.tiles.touched(xyxy, hw) for xyxy in boxes]
        is_hard = torch.stack(touched).to(given.lr.device)
        return is_hard.long() * (given.num_classes - 1)


def known_routers(num_classes: int) -> Routers:
    """The routers that tools choose by themselves.

    Args:
        num_classes: Number of branches.
    """
    return Routers(
        own="learned",
        cheapest="fixed:0",
        dense="untiled",
        by_share=("random", "edge"),
        oracle="oracle",
        num_exits=num_classes,
    )


def edge_strength(given: RouteInput) -> Tensor:
    """(B, rows, cols) mean strength of the edges in a tile (ARM's measure)."""
    return given.tiles.mean_of(edges(given.lr))


def random_strength(given: RouteInput) -> Tensor:
    """(B, rows, cols) random numbers, by the images' seeds."""
    seeds = seeds_of(given.hints, len(given.lr))
    return draws(given.grid, seeds)


def build_router(config: str | dict[str, Any], num_classes: int) -> Router:
    """Build a router.

    Args:
        config: ``learned`` (the class module), ``edge``, ``random``, ``oracle``,
            ``detector_prior``, ``fixed:k`` (every tile by branch k) or ``untiled`` (the largest
            branch on the whole frame); or ``dict(type=name, **arguments)``, where ``learned`` takes
            ``budget``, ``edge`` and ``random`` take ``shares``.
        num_classes: Number of branches.

    Raises:
        ValueError: There is no such router or branch, or its value is not one.
        TypeError: It does not take an argument given.

    Example:
        >>> build_router("fixed:1", 3).number
        1
    """
    arguments = {"type": config} if isinstance(config, str) else dict(config)
    spelling = str(arguments.pop("type", None))
    name, _, value = spelling.partition(":")

    def fixed() -> Router:
        if not value.isdigit() or int(value) >= num_classes:
            raise ValueError(
                f"ClassSR's router 'fixed:k' needs a branch k from 0 to {num_classes - 1}, got "
                f"{spelling!r}"
            )
        return Fixed(int(value))

    def ranked(strength: Callable[[RouteInput], Tensor]) -> Callable[..., Router]:
        def build(shares: Sequence[float] | None = None) -> Router:
            checked = None if shares is None else check_shares(shares, num_classes)
            return Ranked(strength, checked)

        return build

    known: dict[str, Callable[..., Router]] = {
        "learned": Learned,
        "edge": ranked(edge_strength),
        "random": ranked(random_strength),
        "oracle": lambda: FromBoxes("oracle"),
        "detector_prior": lambda: FromBoxes("detector_prior"),
        "fixed": fixed,
        "untiled": lambda: Fixed(num_classes - 1, in_tiles=False),
    }
    if name not in known or (value and name != "fixed"):
        raise ValueError(f"ClassSR's router must be one of {sorted(known)}, got {config!r}")
    if "budget" in arguments and name != "learned":
        raise ValueError(
            f"a budget limits the router 'learned', got router={spelling!r}; others take `shares`"
        )
    try:
        return known[name](**arguments)
    except TypeError as error:
        raise TypeError(
            f"ClassSR's router {name!r} was given {sorted(arguments)}: {error}"
        ) from error
