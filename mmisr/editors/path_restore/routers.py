"""Who decides which path a patch takes: the pathfinder, or something to compare it with."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Generator, Tensor

from mmisr.editors.path_restore.net import IDENTITY, NetSize

NAMES = ("policy", "all-paths", "fixed", "random")


@dataclass(frozen=True)
class Batch:
    """The patches of a batch of images, image by image.

    Args:
        images: Number of images.
        per_image: Number of patches of each.
        seeds: One number per image.
    """

    images: int
    per_image: int
    seeds: Sequence[int]


class Router(ABC):
    """Decides before the network runs, or while it does.

    Attributes:
        whole: Whether all take one path, so that the image need not be cut into patches.
    """

    whole = False

    @abstractmethod
    def routes(self, batch: Batch, size: NetSize) -> Tensor | None:
        """(images * per_image, N) int64 paths; None where the pathfinder is asked on the way."""

    def pick(self, block: int, logits: Tensor, images: int) -> Tensor:
        """Paths through one block by what the pathfinder said.

        Args:
            block: Its number, from 0.
            logits: (P, M), image by image.
            images: Number of images that they are of.

        Returns:
            (P,) int64.
        """
        return logits.argmax(1)


class Policy(Router):
    """The pathfinder: the likeliest path, or as many steps as a budget allows.

    Args:
        hard_share: Share of the steps of an image that are no identity: in every block the patches
            that want one most. None leaves it to the pathfinder. It holds within each pass, where
            an image has more patches than one takes.

    Raises:
        ValueError: The share is not in [0, 1].
    """

    def __init__(self, hard_share: float | None = None) -> None:
        if hard_share is not None:
            _check_share("budget.hard_share", hard_share)
        self.hard_share = hard_share

    def routes(self, batch: Batch, size: NetSize) -> None:
        """None: the pathfinder is asked."""
        return

    def pick(self, block: int, logits: Tensor, images: int) -> Tensor:
        """(P,) int64 paths."""
        if self.hard_share is None:
            return logits.argmax(1)
        others = logits[:, 1:]
        best, path = others.max(1)
        margin = best - logits[:, IDENTITY]
        of_image = margin.view(images, -1)
        patches = of_image.shape[1]
        count = _count(self.hard_share, patches, block)
        _, chosen = of_image.topk(count, 1)
        goes = torch.zeros_like(of_image, dtype=torch.bool)
        goes.scatter_(1, chosen, True)
        step = path + 1
        return torch.where(goes.flatten(), step, IDENTITY)


class Fixed(Router):
    """Every patch takes one path in every block.

    Args:
        path: Its number, 0 for the identity.
        whole: Whether images are computed in one piece, as a network without paths would.
    """

    def __init__(self, path: int, whole: bool = False) -> None:
        self.path = path
        self.whole = whole

    def routes(self, batch: Batch, size: NetSize) -> Tensor:
        """(P, N) int64 paths.

        Raises:
            ValueError: The network has no such path.
        """
        last = size.paths - 1
        if not 0 <= self.path <= last:
            raise ValueError(f"router 'fixed' needs a path from 0 to {last}, got {self.path!r}")
        patches = batch.images * batch.per_image
        blocks = size.blocks
        shape = patches, blocks
        return torch.full(shape, self.path)


class Random(Router):
    """Random steps, the same for an image in any batch.

    Args:
        share: Chance of a step to be no identity; which path it is then, is drawn too.
        shares: Instead, shares of the patches by the number of their steps, 0 to N; which steps
            they are is drawn.

    Raises:
        ValueError: Not one of the two was given, or it is none.
    """

    def __init__(self, share: float | None = None, shares: Sequence[float] | None = None) -> None:
        if (share is None) == (shares is None):
            raise ValueError(
                "router 'random' needs share (random:0.5) or shares, one of the two, got "
                f"share={share!r}, shares={shares!r}"
            )
        if share is not None:
            _check_share("share", share)
        if shares is not None and (min(shares) < 0 or abs(sum(shares) - 1) > 1e-6):
            raise ValueError(
                f"router 'random': shares must be >= 0 and sum to 1, got {list(shares)}"
            )
        self.share = share
        self.shares = shares

    def routes(self, batch: Batch, size: NetSize) -> Tensor:
        """(P, N) int64 paths.

        Raises:
            ValueError: There is not one share for every number of steps.
        """
        drawn = []
        for seed in batch.seeds:
            draw = Generator().manual_seed(seed)
            steps = self._steps(batch.per_image, size, draw)
            paths = torch.randint(1, size.paths, steps.shape, generator=draw)
            actions = torch.where(steps, paths, IDENTITY)
            drawn.append(actions)
        return torch.cat(drawn)

    def _steps(self, patches: int, size: NetSize, draw: Generator) -> Tensor:
        """(patches, N) bool."""
        blocks = size.blocks
        scores = torch.rand(patches, blocks, generator=draw)
        if self.share is not None:
            return scores < self.share
        lengths = blocks + 1
        if self.shares is None or len(self.shares) != lengths:
            raise ValueError(
                f"router 'random': shares must be of 0 to {blocks} steps, {lengths} numbers, "
                f"got {self.shares!r}"
            )
        weights = torch.tensor(self.shares)
        # Of an image's patches, so many shall take so many steps.
        drawn = torch.multinomial(weights, patches, replacement=True, generator=draw)
        order = scores.argsort(1)
        rank = order.argsort(1)
        return rank < drawn[:, None]


def build_router(config: str | dict[str, Any]) -> Router:
    """Build a router.

    Args:
        config: A name, ``fixed:k``, ``random:p``, or ``dict(type=name, **arguments)``. ``policy``
            takes ``budget=dict(hard_share=...)``; ``all-paths`` is path 1 everywhere, on the whole
            image at once, ``fixed:1`` the same in patches; ``fixed:0`` is the shared units alone.

    Raises:
        ValueError: There is no such router, its value is none, or a budget came with another one
            than ``policy``.
        TypeError: An unknown key.

    Example:
        >>> build_router("random:0.25").share
        0.25
    """
    arguments = {"type": config} if isinstance(config, str) else dict(config)
    spelling = str(arguments.pop("type", None))
    name, _, value = spelling.partition(":")
    if name not in NAMES:
        raise ValueError(f"router must be one of {NAMES}, got {config!r}")
    if "budget" in arguments and name != "policy":
        raise ValueError(
            f"a budget limits the router 'policy', got router={spelling!r}; 'random' takes shares"
        )
    if value:
        arguments |= _value(name, value)
    makers: dict[str, Callable[..., Router]] = {
        "policy": _policy,
        "all-paths": lambda: Fixed(1, whole=True),
        "fixed": Fixed,
        "random": Random,
    }
    try:
        return makers[name](**arguments)
    except TypeError as error:
        raise TypeError(f"router {spelling!r}: {error}") from error


def _policy(budget: dict[str, Any] | None = None) -> Policy:
    return Policy(**(budget or {}))


def _value(name: str, text: str) -> dict[str, Any]:
    """What stands behind the colon."""
    kinds: dict[str, tuple[str, Callable[[str], Any]]] = {
        "fixed": ("path", int),
        "random": ("share", float),
    }
    if name not in kinds:
        raise ValueError(f"router {name!r} takes no value, got {text!r}")
    key, kind = kinds[name]
    try:
        return {key: kind(text)}
    except ValueError as error:
        raise ValueError(f"router '{name}:{key}' needs a number, got {text!r}") from error


def _check_share(name: str, share: float) -> None:
    is_number = isinstance(share, int | float) and not isinstance(share, bool)
    if not is_number or not 0 <= share <= 1:
        raise ValueError(f"{name} must be in [0, 1], got {share!r}")


def _count(share: float, patches: int, block: int) -> int:
    """Steps of a block, so that those of all blocks come to the share, rounded once."""
    before = round(share * patches * block)
    until_here = round(share * patches * (block + 1))
    return min(patches, until_here - before)
