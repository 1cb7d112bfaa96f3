"""The planner: by which windows the deep tokens of an image are computed, given what the device charges."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray

from mmisr.editors.instance_sr.decoder import DecoderSize
from mmisr.editors.instance_sr.engine.cost_model import CostModel
from mmisr.editors.instance_sr.labels import EASY, HARD, MODERATE
from mmisr.ops.patches import Slots, Windows
from mmisr.ops.tokens import FAR, Boxes, merge_rectangles, window_sides

Exits = NDArray[np.int64]
Partition = Literal["auto", "rectangles", "windows", "dense"]
PARTITIONS = ("auto", "rectangles", "windows", "dense")
logger = logging.getLogger(__name__)

WINDOW_PIXELS = 128
"""Largest side of a window without its halo; the features of one then stay in a CPU's caches."""

RISK = 1.2
"""Windows must promise to be so much faster than a dense pass.

Gathering, small kernels and a busy machine cost them more
than was measured, by 1.13 to 1.20 on frames of 320x180.
"""

WASTE = 1.12
"""Rectangles of few shapes were never measured to cost less than this beyond what their tokens and halos must."""

EASY_FRAME = 0.5
"""Where more of an image is easy, its easy exit runs over the whole frame, which costs half as much a token."""

ROUTING_SHARE = 0.03
"""Frames on which the encoder alone would take more than this share of a dense pass are not routed. Between other work it
takes half as much again as when it is measured by itself."""

BATCH_PIXELS = 24 * 1024
"""Pixels of windows that run as one batch, which bounds the memory; more gain nothing."""


@dataclass(frozen=True)
class Cover:
    """How the deep tokens of one image are covered.

    Args:
        kind: ``none``, ``rectangles``, ``windows``, ``dense``, or ``all-hard``: a dense pass after
            which every token leaves by the deepest exit, whatever was asked for it.
        sizes: (n, 2) height and width of each window in pixels, halo included.
        corners: (n, 2) its top and left in the image.
        owner: (rows, cols) which window computes each deep token; -1 for easy ones.
        depth: (n,) MODERATE or HARD, the deepest token that it computes.
    """

    kind: str
    sizes: NDArray[np.int64]
    corners: NDArray[np.int64]
    owner: NDArray[np.int64]
    depth: NDArray[np.int64]

    @staticmethod
    def none(grid: tuple[int, ...]) -> Cover:
        """That of an image of so many rows and columns of tokens, all easy."""
        empty = np.zeros((0, 2), dtype=np.int64)
        return Cover("none", empty, empty, np.full(grid, -1), empty[:, 0])

    @property
    def whole(self) -> bool:
        """Whether the deep blocks run over the whole frame."""
        return self.kind in ("dense", "all-hard")

    def band(self, rows: slice, token: int, before: int, pixels: int) -> Cover:
        """The part of the cover that computes some rows of tokens, seen from a cut-out of the frame.

        Args:
            rows: Rows of tokens, between two rows of tiles.
            token: Side of a token in pixels.
            before: Rows of tokens that the cut-out has above them.
            pixels: Height of the cut-out.
        """
        inside = self.owner[rows]
        shift = (rows.start - before) * token
        if self.whole:
            frame = np.array([[pixels, self.owner.shape[1] * token]])
            return Cover(
                self.kind, frame, np.zeros_like(frame), _padded(inside, before), self.depth
            )
        chosen = np.unique(inside[inside >= 0])
        number = np.full(len(self.sizes) + 1, -1)
        number[chosen] = np.arange(len(chosen))
        corners = self.corners[chosen] - np.array([shift, 0])
        return Cover(
            self.kind,
            self.sizes[chosen],
            corners,
            _padded(number[inside], before),
            self.depth[chosen],
        )


def _padded(owner: NDArray[np.int64], before: int) -> NDArray[np.int64]:
    return np.pad(owner, ((before, 0), (0, 0)), constant_values=-1)


@dataclass(frozen=True)
class Batch:
    """Equal windows that run together, those with hard tokens first.

    Args:
        windows: N windows.
        slots: M tokens in them, by window.
        exits: (M,) MODERATE or HARD.
        num_hard: So many first windows go through block 3 too.
    """

    windows: Windows
    slots: Slots
    exits: NDArray[np.int64]
    num_hard: int


@dataclass(frozen=True)
class Planner:
    """Chooses, for one image at a time, what its device computes soonest.

    Options: a whole-frame pass; one window a token; rectangles of neighbouring tokens, hard and
    moderate ones together or apart. Equal windows run as one batch, so a batch costs a launch and
    its MACs. What is chosen depends on one image's map alone, so a result does not depend on the
    batch that the image comes in.

    Args:
        size: The decoder's.
        token: Side of a token in LR pixels.
        halo: LR pixels around a window.
        costs: Of the device.
        partition: ``auto``, or one option for all images.
        exit_macs: MACs of one exit per LR pixel.
        easy_exit: Whether easy tokens have an exit; without one they are interpolated.
        free: Whether the whole-frame pass may let every token leave by the deepest exit, which is
            faster.
    """

    size: DecoderSize
    token: int
    halo: int
    costs: CostModel
    partition: Partition = "auto"
    exit_macs: int = 0
    easy_exit: bool = True
    free: bool = False

    def cover(self, exits: Exits) -> Cover:
        """The cheapest cover of the deep tokens of one (rows, cols) map."""
        if not (exits != EASY).any():
            return Cover.none(exits.shape)
        if self.partition == "auto" and (exits == exits.max()).all():
            return self._whole(exits)
        options = list(self._options(exits))
        best = min(options, key=lambda option: option[1])[0]
        if logger.isEnabledFor(logging.DEBUG):
            listed = ", ".join(
                f"{cover.kind} {len(cover.sizes)}: {ms:.2f} ms" for cover, ms in options
            )
            logger.debug(
                "%s of %s: %s", best.kind, f"{(exits != EASY).mean():.2f} deep tokens", listed
            )
        return best

    def ms(self, cover: Cover, exits: Exits) -> float:
        """Milliseconds of the deep blocks and their exits, as the device's costs foretell them."""
        total = self._exits_ms(cover, exits)
        for first, members in _by_size(cover.sizes):
            pixels = int(first.prod())
            batches = max(1, len(members) * pixels // BATCH_PIXELS)
            hard = int((cover.depth[members] == HARD).sum())
            units = self.size.blocks[1] + (self.size.blocks[2] if hard else 0)
            macs = (
                pixels
                * self.size.unit_macs
                * (len(members) * self.size.blocks[1] + hard * self.size.blocks[2])
            )
            total += self.costs.batch(macs / 1e9, pixels, batches * units)
        return total

    def routing_pays(self, grid: tuple[int, int]) -> bool:
        """Whether finding out how to route a frame of so many tokens costs little beside its dense pass."""
        deepest = np.full(grid, HARD)
        megapixels = deepest.size * self.token**2 / 1e6
        dense = self.ms(self._whole(deepest), deepest) + megapixels * self.costs.frame_ms
        routing = self.costs.route_ms + megapixels * self.costs.encoder_ms
        logger.debug(
            "encoder on %s tokens: %.2f ms beside %.2f ms of a dense pass", grid, routing, dense
        )
        return routing <= ROUTING_SHARE * dense

    def _exits_ms(self, cover: Cover, exits: Exits) -> float:
        """Milliseconds of the exits.

        One after a whole frame of one depth, else token by token beside the easy one.
        """
        tokens, easy = exits.size, int((exits == EASY).sum())
        frame = self.costs.batch(
            tokens * self.token**2 * self.exit_macs / 1e9, tokens * self.token**2, 0
        )
        if cover.kind == "all-hard" or cover.whole and (exits == exits.max()).all():
            return frame
        easy_ms = frame if easy > EASY_FRAME * tokens else easy * self.costs.token_ms
        return easy_ms * self.easy_exit + (tokens - easy) * self.costs.token_ms

    def macs(self, cover: Cover) -> float:
        """MACs of the deep blocks, halo included."""
        units = self.size.blocks[1] + (cover.depth == HARD) * self.size.blocks[2]
        return float((cover.sizes.prod(1) * units).sum()) * self.size.unit_macs

    def batches(
        self, maps: Exits, covers: Sequence[Cover], device: torch.device
    ) -> Iterator[Batch]:
        """The windows of all images, as batches of equal ones.

        Images with a whole-frame pass have none.

        Args:
            maps: (B, rows, cols) exits.
            covers: One an image.
            device: Where the indices go.
        """
        covers = [Cover.none(c.owner.shape) if c.whole else c for c in covers]
        start = np.cumsum([0, *(len(c.sizes) for c in covers)])
        sizes, corners, depth = (
            np.concatenate([getattr(c, f) for c in covers]) for f in ("sizes", "corners", "depth")
        )
        image = np.repeat(np.arange(len(covers)), np.diff(start))
        owner = np.stack(
            [np.where(c.owner >= 0, c.owner + s, -1) for c, s in zip(covers, start, strict=False)]
        )
        tokens = np.argwhere(owner >= 0)
        owned = owner[owner >= 0]
        by_owner = np.argsort(owned, kind="stable")
        tokens, owned = tokens[by_owner], owned[by_owner]
        for size, members in _by_size(sizes):
            ordered = members[np.argsort(-depth[members], kind="stable")]
            most = max(1, BATCH_PIXELS // int(size.prod()))
            for chunk in (ordered[i : i + most] for i in range(0, len(ordered), most)):
                lo, hi = np.searchsorted(owned, chunk), np.searchsorted(owned, chunk, side="right")
                window = np.repeat(np.arange(len(chunk)), hi - lo)
                mine = np.concatenate([np.arange(a, b) for a, b in zip(lo, hi, strict=True)])
                part = tokens[mine]
                inner = part[:, 1:] * self.token - corners[chunk][window]
                at_border = ((inner < 1) | (inner + self.token >= size)).any()
                arrays = (
                    torch.from_numpy(a).to(device)
                    for a in (image[chunk], corners[chunk], window, inner, part)
                )
                picture, corner, window_of, inner_of, token = arrays
                yield Batch(
                    Windows(picture, corner, (int(size[0]), int(size[1]))),
                    Slots(window_of, inner_of, token, self.token, bool(at_border)),
                    maps[tuple(part.T)],
                    int((depth[chunk] == HARD).sum()),
                )

    def _options(self, exits: Exits) -> Iterator[tuple[Cover, float]]:
        """Covers, and the milliseconds by which they are chosen."""

        def priced(cover: Cover) -> tuple[Cover, float]:
            return cover, self.ms(cover, exits) * (1.0 if cover.whole else RISK)

        deep = exits != EASY
        if self.partition in ("auto", "dense"):
            whole, whole_ms = priced(self._whole(exits))
            yield whole, whole_ms
            if self.partition == "auto" and self._least_ms(exits) * WASTE * RISK >= whole_ms:
                return  # planning windows would only take time
        if self.partition in ("auto", "rectangles"):
            yield priced(self._placed("rectangles", exits, [(self._merge(deep), deep)]))
            levels = [exits == level for level in (HARD, MODERATE)]
            if all(level.any() for level in levels):
                yield priced(
                    self._placed(
                        "rectangles", exits, [(self._merge(level), level) for level in levels]
                    )
                )
        if self.partition == "windows":
            y, x = np.nonzero(deep)
            yield priced(
                self._placed("windows", exits, [(np.stack([y, x, y + 1, x + 1], 1), deep)])
            )

    def _least_ms(self, exits: Exits) -> float:
        """Milliseconds that windows take at least.

        In one batch, with every halo but without a token too many.
        """
        deep = exits != EASY
        edges = sum(int((np.diff(deep, axis=axis)).sum()) for axis in (0, 1))
        pixels = (
            min(int(deep.sum()) * self.token + edges * self.halo, deep.size * self.token)
            * self.token
        )
        blocks = self.size.blocks
        units = blocks[1] + blocks[2] * (exits == HARD).sum() / deep.sum()
        ms = self.costs.batch(
            pixels * units * self.size.unit_macs / 1e9, WINDOW_PIXELS**2, blocks[1]
        )
        return ms + self._exits_ms(Cover.none(exits.shape), exits)

    @property
    def tile(self) -> int:
        """Rows and columns of tokens that no rectangle crosses a multiple of."""
        return WINDOW_PIXELS // self.token

    def _merge(self, mask: NDArray[np.bool_]) -> Boxes:
        return merge_rectangles(mask, self.token, self.halo, tile=self.tile)

    def _whole(self, exits: Exits) -> Cover:
        frame = np.array([exits.shape]) * self.token
        mixed = self.free and (exits != exits.max()).any()
        owner = np.where((exits != EASY) | mixed, 0, -1)
        return Cover(
            "all-hard" if mixed else "dense",
            frame,
            np.zeros_like(frame),
            owner,
            np.array([exits.max()]),
        )

    def _placed(
        self, kind: str, exits: Exits, parts: Sequence[tuple[Boxes, NDArray[np.bool_]]]
    ) -> Cover:
        """Windows over rectangles, each with the tokens that it computes."""
        owner, count = np.full_like(exits, -1), 0
        for rects, mask in parts:
            for number, (y1, x1, y2, x2) in enumerate(rects.tolist(), count):
                here = owner[y1:y2, x1:x2]
                here[mask[y1:y2, x1:x2]] = number
            count += len(rects)
        rects = np.concatenate([r for r, _ in parts])
        frame = np.array(exits.shape) * self.token
        # Within the tile of its rectangle, so that a band of tiles needs a halo more of the frame
        # and nothing else.
        tile = self.tile * self.token
        start = rects[:, :2] * self.token
        first = np.maximum(start // tile * tile - self.halo, 0)
        room = np.minimum((start // tile + 1) * tile + self.halo, frame) - first
        sizes = self._fold(
            np.minimum(window_sides(rects[:, 2:] - rects[:, :2], self.token, self.halo), room), room
        )
        corners = np.clip(start - self.halo, first, first + room - sizes)
        depth = np.full(count, MODERATE)
        depth[np.unique(owner[exits == HARD])] = HARD
        return Cover(kind, sizes, corners, owner, depth)

    def _fold(self, sizes: NDArray[np.int64], room: NDArray[np.int64]) -> NDArray[np.int64]:
        """Enlarge windows of rare sizes, within their room, to a size that others have, where that saves a batch."""
        kinds, which, counts = _kinds(sizes)
        areas = kinds.prod(1)
        most = self.costs.launch_ms / (
            self.size.unit_macs / 1e9 * self.costs.window_ms
        )  # pixels that a launch is worth
        for small in np.argsort(areas * counts, kind="stable"):
            members = which == small
            fits = (
                (kinds >= kinds[small]).all(1)
                & (kinds <= room[members].min(0)).all(1)
                & (counts > 0)
            )
            extra = np.where(fits, (areas - areas[small]) * counts[small], FAR)
            extra[small] = FAR
            best = int(extra.argmin())
            if extra[best] < most:
                which[members] = best
                counts[best] += counts[small]
                counts[small] = 0
        return kinds[which]


def _by_size(sizes: NDArray[np.int64]) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Each size that occurs, and the indices of its windows."""
    kinds, which, _ = _kinds(sizes)
    for number, size in enumerate(kinds):
        yield size, np.flatnonzero(which == number)


def _kinds(
    sizes: NDArray[np.int64],
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """The (k, 2) sizes that occur, which of them each window has, and how many have it."""
    codes, which, counts = np.unique(
        sizes[:, 0] << 32 | sizes[:, 1], return_inverse=True, return_counts=True
    )
    return np.stack([codes >> 32, codes & (1 << 32) - 1], 1), which, counts
