"""Batches: equal windows of all images of a batch, which run together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from mmisr.editors.instance_sr.engine.cover import Cover, Exits, Pixels, by_size
from mmisr.editors.instance_sr.labels import HARD
from mmisr.ops.patches import Slots, Windows

BATCH_PIXELS = 24 * 1024
"""Pixels of windows that run as one batch, which bounds the memory; more gain nothing."""


@dataclass(frozen=True)
class Batch:
    """Equal windows that run together, those with hard tokens first.

    Args:
        windows: N windows.
        slots: M tokens in them, by window.
        exits: (M,) MODERATE or HARD.
        num_hard: How many windows, from the first on, go through block 3 too.
    """

    windows: Windows
    slots: Slots
    exits: NDArray[np.int64]
    num_hard: int


@dataclass(frozen=True)
class _Pool:
    """The windows of all images, numbered throughout.

    Args:
        image: (n,) index of each window's image.
        sizes: (n, 2) as in :class:`Cover`.
        corners: (n, 2) as in :class:`Cover`.
        depth: (n,) as in :class:`Cover`.
        tokens: (m, 3) image, row and column of every deep token, in the order of their windows.
        owner: (m,) number of each token's window, ascending.
    """

    image: NDArray[np.int64]
    sizes: Pixels
    corners: Pixels
    depth: NDArray[np.int64]
    tokens: NDArray[np.int64]
    owner: NDArray[np.int64]


def batches(
    maps: Exits, covers: Sequence[Cover], token: int, device: torch.device
) -> Iterator[Batch]:
    """The windows of all images, as batches of equal ones.

    Images with a whole-frame pass have none.

    Args:
        maps: (B, rows, cols) exits.
        covers: One per image.
        token: Side of a token in pixels.
        device: Device of the indices.
    """
    pool = _pool(covers)
    for size, members in by_size(pool.sizes):
        ordered = members[np.argsort(-pool.depth[members], kind="stable")]
        most = max(1, BATCH_PIXELS // int(size.prod()))
        for start in range(0, len(ordered), most):
            yield _batch(pool, ordered[start : start + most], maps, token, device)


def _pool(covers: Sequence[Cover]) -> _Pool:
    windowed = [Cover.none(c.owner.shape) if c.whole else c for c in covers]
    counts = [len(cover.sizes) for cover in windowed]
    first = np.cumsum([0, *counts])
    owners = []
    for cover, start in zip(windowed, first[:-1], strict=True):
        owners.append(np.where(cover.owner >= 0, cover.owner + start, -1))
    owner = np.stack(owners)
    tokens = np.argwhere(owner >= 0)
    owner = owner[owner >= 0]
    order = np.argsort(owner, kind="stable")
    return _Pool(
        image=np.repeat(np.arange(len(windowed)), counts),
        sizes=np.concatenate([cover.sizes for cover in windowed]),
        corners=np.concatenate([cover.corners for cover in windowed]),
        depth=np.concatenate([cover.depth for cover in windowed]),
        tokens=tokens[order],
        owner=owner[order],
    )


def _batch(
    pool: _Pool, chosen: NDArray[np.int64], maps: Exits, token: int, device: torch.device
) -> Batch:
    """The batch of the ``chosen`` windows of a pool, which are equal."""
    first = np.searchsorted(pool.owner, chosen)
    last = np.searchsorted(pool.owner, chosen, side="right")
    window = np.repeat(np.arange(len(chosen)), last - first)
    rows = np.concatenate([np.arange(a, b) for a, b in zip(first, last, strict=True)])
    tokens = pool.tokens[rows]
    size = pool.sizes[chosen[0]]
    corners = pool.corners[chosen]
    inner = tokens[:, 1:] * token - corners[window]
    at_border = (inner < 1) | (inner + token >= size)

    def moved(array: NDArray[np.int64]) -> torch.Tensor:
        return torch.from_numpy(array).to(device)

    height, width = size.tolist()
    windows = Windows(moved(pool.image[chosen]), moved(corners), (height, width))
    slots = Slots(moved(window), moved(inner), moved(tokens), token, bool(at_border.any()))
    num_hard = int((pool.depth[chosen] == HARD).sum())
    return Batch(windows, slots, maps[tuple(tokens.T)], num_hard)
