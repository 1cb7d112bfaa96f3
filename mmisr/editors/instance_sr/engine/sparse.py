"""Sparse execution of the decoder: a dense trunk, deep blocks in windows of it."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mmisr.editors.instance_sr.decoder import Decoder
from mmisr.editors.instance_sr.engine.cost_model import CostModel
from mmisr.editors.instance_sr.engine.planner import (
    BATCH_PIXELS,
    EASY_FRAME,
    PARTITIONS,
    Batch,
    Cover,
    Exits,
    Partition,
    Planner,
)
from mmisr.editors.instance_sr.labels import EASY, HARD, MODERATE
from mmisr.ops.compiled import run_compiled
from mmisr.ops.patches import Slots, gather_tokens, gather_windows, scatter_add_tokens
from mmisr.ops.timing import NULL_TIMER, Timer
from mmisr.ops.tokens import spread
from mmisr.structures.checks import check_fields


@dataclass(frozen=True)
class Execution:
    """How deep tokens are computed.

    Args:
        halo: LR pixels computed around a window and thrown away; None for the whole receptive field
            of the deep blocks, which makes the result that of a dense pass. 2 costs about 0.01 dB,
            4 nothing that can be measured (the method's README has the table).
        partition: ``auto`` takes what the cost model likes; ``rectangles`` of merged tokens, one of
            ``windows`` a token, or ``dense`` passes for everything.
        costs: ``default``, the same plan everywhere; or ``measured``, the device's own, measured
            once and cached.
        all_hard_if_faster: Whether an image of which a dense pass is faster than windows gets one,
            after which all its tokens leave by the deepest exit chosen in it: sooner, and by more
            of the network. Images too small for the encoder to pay then go all hard without it.
            This overrules the encoder alone: not other routers, not budgets of tokens or MACs, and
                no partition but ``auto``. Off, every token leaves by the exit chosen for it.
        compile: Whether torch.compile compiles the deep blocks on windows; the first images then
            take minutes. It needs a C++ compiler on the CPU, where it is no faster; not measured on
            GPU.
        max_mpix_per_pass: Millions of LR pixels, of all images of a batch together, that run at
            once; more run in bands of rows, which bounds the memory and changes nothing else.

    Raises:
        ValueError: A value is out of range.
    """

    halo: int | None = None
    partition: Partition = "auto"
    costs: Literal["default", "measured"] = "default"
    all_hard_if_faster: bool = False
    compile: bool = False
    max_mpix_per_pass: float = 2.0

    def __post_init__(self) -> None:
        check_fields(self, "InstanceSR.execution")
        if self.halo is not None and self.halo < 0:
            raise ValueError(
                f"InstanceSR.execution.halo must be >= 0, or None for an exact result, got "
                f"{self.halo}"
            )
        if self.partition not in PARTITIONS:
            raise ValueError(
                f"InstanceSR.execution.partition must be one of {PARTITIONS}, got "
                f"{self.partition!r}"
            )
        if self.costs not in ("default", "measured"):
            raise ValueError(
                f"InstanceSR.execution.costs must be 'default' or 'measured', got {self.costs!r}"
            )
        if self.max_mpix_per_pass <= 0:
            raise ValueError(
                f"InstanceSR.execution.max_mpix_per_pass must be > 0, got {self.max_mpix_per_pass}"
            )

    @property
    def most_pixels(self) -> int:
        """``max_mpix_per_pass`` in pixels."""
        return round(self.max_mpix_per_pass * 1e6)


@dataclass(frozen=True)
class Plan:
    """What runs.

    Args:
        maps: (B, rows, cols) exits, on the host.
        covers: How the deep tokens of each image are covered.
    """

    maps: Exits
    covers: list[Cover]


class SparseDecoder:
    """Runs a decoder where a routing map asks for it.

    Head, first block and easy exit run once over the frame. Deeper tokens are covered with windows
    of the trunk's features, and the deep blocks run over batches of equal windows; block 3's batch
    is a prefix of block 2's.

    Args:
        decoder: The network.
        token: Side of a token in LR pixels.
        execution: How.
        costs: Of the device, for the planner.
        free: Whether an image of which a dense pass is faster may leave by its deepest exit alone.
        timer: Of its stages: plan, trunk, deep blocks, exits.
    """

    def __init__(
        self,
        decoder: Decoder,
        token: int,
        execution: Execution,
        costs: CostModel | None = None,
        free: bool = False,
        timer: Timer = NULL_TIMER,
    ) -> None:
        self.decoder = decoder
        self.timer = timer
        self.token = token
        self.compile = execution.compile
        halo = (
            decoder.full_halo if execution.halo is None else min(execution.halo, decoder.full_halo)
        )
        self.planner = Planner(
            decoder.size,
            token,
            halo,
            costs or CostModel(),
            execution.partition,
            decoder.exit_macs,
            decoder.easy == "exit1",
            free and execution.partition == "auto",
        )

    def __call__(self, lr: Tensor, exits: Tensor | Plan) -> Tensor:
        """Compute only what the routing map asks for.

        Args:
            lr: (B, 3, h, w) RGB in [0, 1]; sides are multiples of the token size.
            exits: (B, h/T, w/T) int64, or what :meth:`plan` made of them.

        Returns:
            (B, 3, s*h, s*w), not clamped.
        """
        plan = exits if isinstance(exits, Plan) else self.plan(exits)
        return self.decoder.fusion(self._compute(lr, plan.maps, plan.covers))

    def plan(self, exits: Tensor) -> Plan:
        """What runs for (B, rows, cols) exits.

        Where the planner is free, with the exits that it prefers.
        """
        with self.timer.stage("plan"):
            maps = exits.cpu().numpy().copy()  # the one synchronisation with the device
            covers = [self.planner.cover(chosen) for chosen in maps]
            for chosen, cover in zip(maps, covers, strict=True):
                if cover.kind == "all-hard":
                    chosen[:] = chosen.max()
        return Plan(maps, covers)

    def bands(
        self, lr: Tensor, exits: Tensor | Plan, most_pixels: int
    ) -> Iterator[tuple[slice, Tensor]]:
        """The same, a band of rows at a time, so that memory does not grow with the height of the image.

        The plan is that of the whole frame and no rectangle crosses a border of bands, so the bands are what
        :meth:`__call__` gives, to rounding.

        Args:
            lr: As in :meth:`__call__`.
            exits: As in :meth:`__call__`.
            most_pixels: LR pixels of the batch in one band, but at least one row of tiles. Where a GPU's memory does
                not suffice, bands are halved and a warning says so.

        Yields:
            Rows of the SR image and (B, 3, s * rows, s * w) pixels, from top to bottom.

        Raises:
            ValueError: The decoder has a fusion module, which sees across bands.
        """
        if self.decoder.size.fusion:
            raise ValueError(
                "InstanceSR in bands (execution.max_mpix_per_pass) needs size.fusion=False"
            )
        plan = exits if isinstance(exits, Plan) else self.plan(exits)
        maps, covers = plan.maps, plan.covers
        tile, (count, height, width) = self.planner.tile, (len(lr), lr.shape[-2], lr.shape[-1])
        step = max(1, most_pixels // (count * width * tile * self.token)) * tile
        row, scale = 0, self.decoder.scale
        while row * self.token < height:
            rows = slice(row, min(row + step, maps.shape[1]))
            try:
                part = self._band(lr, maps, covers, rows)
            except torch.OutOfMemoryError:
                if step == tile:
                    raise
                step = max(step // 2 // tile, 1) * tile
                torch.cuda.empty_cache()
                warnings.warn(
                    f"out of GPU memory: going on with bands of {step * self.token} LR rows",
                    stacklevel=2,
                )
                continue
            yield slice(rows.start * self.token * scale, rows.stop * self.token * scale), part
            row = rows.stop

    def _band(self, lr: Tensor, maps: Exits, covers: list[Cover], rows: slice) -> Tensor:
        """SR pixels of some rows of tokens, from these rows and the context that they see."""
        seen = -(-(self.planner.halo + 2 * self.decoder.size.blocks[0] + 2) // self.token)
        if any(cover.whole for cover in covers):
            seen = -(-(self.decoder.full_halo + 2 * self.decoder.size.blocks[0] + 2) // self.token)
        before, after = min(seen, rows.start), min(seen, maps.shape[1] - rows.stop)
        cut = lr[..., (rows.start - before) * self.token : (rows.stop + after) * self.token, :]
        exits = np.full(
            (len(maps), cut.shape[-2] // self.token, maps.shape[2]), EASY, dtype=maps.dtype
        )
        exits[:, before : before + rows.stop - rows.start] = maps[:, rows]
        parts = [cover.band(rows, self.token, before, cut.shape[-2]) for cover in covers]
        sr = self._compute(cut, exits, parts)
        start = before * self.token * self.decoder.scale
        return sr[
            ..., start : start + (rows.stop - rows.start) * self.token * self.decoder.scale, :
        ]

    def _compute(self, lr: Tensor, maps: Exits, covers: list[Cover]) -> Tensor:
        """The image without fusion; tokens that no cover owns leave by the easy exit."""
        lr = lr.to(memory_format=torch.channels_last)
        with self.timer.stage("trunk"):
            trunk, out = self.decoder.trunk(lr), self.decoder.skip(lr)
            leaving = Leaving(self.decoder, out)
            if self.decoder.easy == "exit1":
                self._leave_easy(maps == EASY, trunk, leaving)
        with self.timer.stage("deep blocks"):
            for image, cover in enumerate(covers):
                if cover.whole:
                    self._run_whole(image, maps[image], trunk, leaving)
            for batch in self.planner.batches(maps, covers, lr.device):
                self._run(batch, trunk, leaving)
            leaving.finish()
        with self.timer.stage("enlarge"):
            return self.decoder.enlarge(out)

    def ms(self, exits: Exits) -> float:
        """Milliseconds of one image, encoder included, as the device's costs foretell them."""
        costs, megapixels = self.planner.costs, exits.size * self.token**2 / 1e6
        routing = costs.route_ms + megapixels * costs.encoder_ms
        return (
            routing
            + megapixels * costs.frame_ms
            + self.planner.ms(self.planner.cover(exits), exits)
        )

    def macs(self, exits: Exits) -> float:
        """MACs of one image's call: head, trunk, exits, windows with their halo, fusion."""
        decoder, size = self.decoder, self.decoder.size
        frame = exits.size * self.token**2
        total, cover = float(frame * decoder.trunk_macs), self.planner.cover(exits)
        easy = 0 if cover.kind == "all-hard" else int((exits == EASY).sum())
        left = exits.size - easy
        if decoder.easy == "exit1":
            left += exits.size if easy > EASY_FRAME * exits.size else easy
        if size.fusion:
            total += (
                frame
                * decoder.scale**2
                * sum(p.numel() for p in decoder.fusion.parameters() if p.ndim == 4)
            )
        return total + left * self.token**2 * decoder.exit_macs + self.planner.macs(cover)

    def patch_macs(self, exits: Exits) -> float:
        """MACs as ClassSR counts them.

        Every token by what its own exit needs, without encoder, halo and overlap.

        For comparison with published figures; :meth:`macs` is what is computed.
        """
        decoder, size = self.decoder, self.decoder.size
        easy = decoder.exit_macs if decoder.easy == "exit1" else 0
        deep = decoder.exit_macs + size.blocks[1] * size.unit_macs
        by_exit = (
            np.array([easy, deep, deep + size.blocks[2] * size.unit_macs]) + decoder.trunk_macs
        )
        return float(by_exit[exits].sum()) * self.token**2

    def _leave_easy(self, easy: NDArray[np.bool_], trunk: Tensor, leaving: Leaving) -> None:
        """The easy exit, over the whole frame where most of an image is easy."""
        most = easy.mean((1, 2), keepdims=True) > EASY_FRAME
        if most.any():
            mask = spread(torch.from_numpy(easy & most), self.token).to(trunk)
            leaving.out.addcmul_(self.decoder.leave(EASY, trunk), mask)
        tokens = torch.from_numpy(np.argwhere(easy & ~most)).to(trunk.device)
        leaving.add(
            EASY, trunk, Slots(tokens[:, 0], tokens[:, 1:] * self.token, tokens, self.token)
        )

    def _run(self, batch: Batch, trunk: Tensor, leaving: Leaving) -> None:
        """Run the deep blocks of one batch."""
        x = self._block(MODERATE, gather_windows(trunk, batch.windows))
        for level in (MODERATE, HARD):
            if level == HARD and batch.num_hard:
                x = self._block(HARD, x[: batch.num_hard])
            chosen = np.flatnonzero(batch.exits == level)
            if len(chosen):
                leaving.add(level, x, batch.slots.select(torch.from_numpy(chosen).to(x.device)))

    def _block(self, level: int, x: Tensor) -> Tensor:
        block = self.decoder.blocks[level]
        return run_compiled(block, x) if self.compile else cast(Tensor, block(x))

    def _run_whole(self, image: int, exits: Exits, trunk: Tensor, leaving: Leaving) -> None:
        """Run the deep blocks over one image's frame.

        Where all its tokens leave by one exit, over the frame too.
        """
        x, part = trunk[image : image + 1], slice(image, image + 1)
        for level in range(MODERATE, int(exits.max()) + 1):
            x = self.decoder.blocks[level](x)
            if (exits == level).all():
                leaving.out[part] += self.decoder.leave(level, x)
            elif (exits == level).any():
                tokens = torch.from_numpy(np.argwhere(exits == level)).to(x.device)
                places = torch.cat([torch.full_like(tokens[:, :1], image), tokens], 1)
                leaving.add(
                    level,
                    x,
                    Slots(torch.zeros_like(places[:, 0]), tokens * self.token, places, self.token),
                )


class Leaving:
    """Tokens on their way through an exit.

    Many at once, because small convolutions cost more than their MACs.

    Args:
        decoder: Whose exits.
        out: (B, 3 s^2, h, w) sub-pixels, added to in place.
    """

    def __init__(self, decoder: Decoder, out: Tensor) -> None:
        self.decoder = decoder
        self.out = out
        self._ready: dict[int, list[tuple[Tensor, Tensor]]] = {}

    def add(self, level: int, x: Tensor, slots: Slots) -> None:
        """Let tokens of (N, C, h, w) features leave by the exit of ``level``, now or with those to come."""
        most = max(1, BATCH_PIXELS // (slots.side + 2) ** 2)
        for start in range(0, len(slots), most):
            part = slots.select(slice(start, start + most))
            ready = self._ready.setdefault(level, [])
            ready.append((gather_tokens(x, part, margin=1), part.token))
            if sum(len(token) for _, token in ready) >= most:
                self._leave(level)

    def finish(self) -> None:
        """Let those leave that still wait."""
        for level in list(self._ready):
            self._leave(level)

    def _leave(self, level: int) -> None:
        features, tokens = (
            torch.cat(column) for column in zip(*self._ready.pop(level), strict=True)
        )
        scatter_add_tokens(self.out, self.decoder.leave(level, features, padding=0), tokens)
