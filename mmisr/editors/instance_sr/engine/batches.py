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
        pixels = int(size.prod())
        most = max(1, BATCH_PIXELS // pixels)
        # Those with hard tokens come first: block 3's batch is then a prefix of block 2's.
        depth = pool.depth[members]
        order = np.argsort(-depth, kind="stable")
        members = members[order]
        for start in range(0, len(members), most):
            end = start + most
            chosen = members[start:end]
            yield _batch(pool, chosen, maps, token, device)


def _pool(covers: Sequence[Cover]) -> _Pool:
    windowed = []
    for cover in covers:
        if cover.whole:
            cover = Cover.none(cover.owner.shape)
        windowed.append(cover)
    owner = _numbered(windowed)
    is_deep = owner >= 0
    tokens = np.argwhere(is_deep)
    owner = owner[is_deep]
    order = np.argsort(owner, kind="stable")
    images = np.arange(len(windowed))
    counts = [len(cover.sizes) for cover in windowed]
    return _Pool(
        image=np.repeat(images, counts),
        sizes=np.concatenate([cover.sizes for cover in windowed]),
        corners=np.concatenate([cover.corners for cover in windowed]),
        depth=np.concatenate([cover.depth for cover in windowed]),
        tokens=tokens[order],
        owner=owner[order],
    )


def _numbered(covers: Sequence[Cover]) -> Exits:
    """(B, rows, cols) owners of all images, their windows numbered throughout."""
    owners = []
    first = 0
    for cover in covers:
        numbered = cover.owner + first
        numbered[cover.owner < 0] = -1
        owners.append(numbered)
        first += len(cover.sizes)
    return np.stack(owners)


def _batch(
    pool: _Pool, chosen: NDArray[np.int64], maps: Exits, token: int, device: torch.device
) -> Batch:
    """The batch of the ``chosen`` windows of a pool, which are equal."""
    rows, window = _tokens_of(pool, chosen)
    tokens = pool.tokens[rows]
    corners = pool.corners[chosen]
    height, width = pool.sizes[chosen[0]].tolist()
    image, row, col = tokens.T
    inner = tokens[:, 1:] * token - corners[window]
    room = np.array([height, width]) - token
    at_border = (inner < 1) | (inner >= room)
    is_hard = pool.depth[chosen] == HARD

    def moved(array: NDArray[np.int64]) -> torch.Tensor:
        return torch.from_numpy(array).to(device)

    windows = Windows(
        image=moved(pool.image[chosen]),
        corner=moved(corners),
        size_hw=(height, width),
    )
    slots = Slots(
        window=moved(window),
        inner=moved(inner),
        token=moved(tokens),
        side=token,
        at_border=bool(at_border.any()),
    )
    return Batch(
        windows=windows,
        slots=slots,
        exits=maps[image, row, col],
        num_hard=int(is_hard.sum()),
    )


def _tokens_of(
    pool: _Pool, chosen: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Indices of the tokens of some windows, and which of these windows each is in."""
    first = np.searchsorted(pool.owner, chosen)
    last = np.searchsorted(pool.owner, chosen, side="right")
    ranges = [np.arange(a, b) for a, b in zip(first, last, strict=True)]
    window = np.repeat(np.arange(len(chosen)), last - first)
    return np.concatenate(ranges), window
