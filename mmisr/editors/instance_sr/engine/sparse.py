"""Sparse execution of the decoder: a dense trunk, deep blocks in windows of it."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mmisr.editors.instance_sr.decoder import Decoder
from mmisr.editors.instance_sr.engine.all_hard import AllHardIfFaster
from mmisr.editors.instance_sr.engine.batches import Batch, batches
from mmisr.editors.instance_sr.engine.cover import Cover, Exits
from mmisr.editors.instance_sr.engine.cover_costs import EASY_FRAME
from mmisr.editors.instance_sr.engine.leaving import Leaving
from mmisr.editors.instance_sr.engine.planner import Planner
from mmisr.editors.instance_sr.labels import EASY, HARD, MODERATE
from mmisr.ops.compiled import run_compiled
from mmisr.ops.patches import Slots, gather_windows
from mmisr.ops.timing import NULL_TIMER, Timer
from mmisr.ops.tokens import spread
from mmisr.structures.checks import check_fields


@dataclass(frozen=True)
class Running:
    """Settings of the sparse decoder.

    Args:
        compile: Whether torch.compile compiles the deep blocks on windows; the first images then
            take minutes. It needs a C++ compiler on the CPU, where it is no faster; not measured on
            GPU.
        max_mpix_per_pass: Millions of LR pixels, of all images of a batch together, that run at
            once; more run in bands of rows, which bounds the memory and changes nothing else.

    Raises:
        ValueError: A value is out of range.
    """

    compile: bool = False
    max_mpix_per_pass: float = 2.0

    def __post_init__(self) -> None:
        check_fields(self, "InstanceSR.execution")
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
        planner: Chooses the windows.
        step: What may overrule the router before; None keeps every exit as it was routed.
        running: Settings; the defaults of :class:`Running` where None.
        timer: Timer of the stages: plan, trunk, deep blocks, enlarge.
    """

    def __init__(
        self,
        decoder: Decoder,
        planner: Planner,
        step: AllHardIfFaster | None = None,
        running: Running | None = None,
        timer: Timer = NULL_TIMER,
    ) -> None:
        self.decoder = decoder
        self.planner = planner
        self.token = planner.token
        self.step = step
        self.running = running or Running()
        self.timer = timer

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
        """What runs for (B, rows, cols) exits; with a step, what is left of them."""
        with self.timer.stage("plan"):
            maps = []
            covers = []
            on_host = exits.cpu()  # the one synchronisation with the device
            for routed in on_host.numpy():
                decided, cover = self.decide(routed)
                maps.append(decided)
                covers.append(cover)
            return Plan(np.stack(maps), covers)

    def decide(self, routed: Exits) -> tuple[Exits, Cover]:
        """What the tokens of one (rows, cols) map leave by, and how the deep ones are covered."""
        if self.step is not None:
            return self.step(routed)
        return routed, self.planner.cover(routed)

    def bands(self, lr: Tensor, exits: Tensor | Plan) -> Iterator[tuple[slice, Tensor]]:
        """The same, band by band of rows: memory does not grow with the height of the image.

        The plan is that of the whole frame and no rectangle crosses a border of bands, so the bands
        are what :meth:`__call__` gives, to rounding. A band has as many LR pixels of the batch as
        ``running`` allows, but at least one row of tiles. Where a GPU's memory does not suffice,
        bands are halved and a warning says so.

        Args:
            lr: As in :meth:`__call__`.
            exits: As in :meth:`__call__`.

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
        tile = self.planner.tile
        num_rows = plan.maps.shape[1]
        tile_pixels = len(lr) * lr.shape[-1] * tile * self.token
        step = max(1, self.running.most_pixels // tile_pixels) * tile
        sr_side = self.token * self.decoder.scale
        row = 0
        while row < num_rows:
            rows = slice(row, min(row + step, num_rows))
            try:
                band = self._band(lr, plan, rows)
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
            yield slice(rows.start * sr_side, rows.stop * sr_side), band
            row = rows.stop

    def _band(self, lr: Tensor, plan: Plan, rows: slice) -> Tensor:
        """SR pixels of some rows of tokens, from these rows and the context that they see."""
        token = self.token
        batch, num_rows, num_cols = plan.maps.shape
        context = self._context_rows(plan.covers)
        before = min(context, rows.start)
        after = min(context, num_rows - rows.stop)
        first = rows.start - before
        last = rows.stop + after
        inside = slice(before, before + rows.stop - rows.start)
        cut = lr[..., first * token : last * token, :]
        # What is seen around the band is context: its tokens need no exit.
        maps = np.full((batch, last - first, num_cols), EASY)
        maps[:, inside] = plan.maps[:, rows]
        height = cut.shape[-2]
        covers = [cover.band(rows, token, before, height) for cover in plan.covers]
        sr = self._compute(cut, maps, covers)
        sr_side = token * self.decoder.scale
        return sr[..., inside.start * sr_side : inside.stop * sr_side, :]

    def _context_rows(self, covers: list[Cover]) -> int:
        """Rows of tokens beyond a band that its pixels depend on."""
        decoder = self.decoder
        halo = self.planner.halo
        for cover in covers:
            if cover.whole:
                halo = decoder.full_halo
        trunk_units = decoder.size.blocks[0]
        pixels = halo + 2 * trunk_units + 2
        return -(-pixels // self.token)

    def _compute(self, lr: Tensor, maps: Exits, covers: list[Cover]) -> Tensor:
        """The image without fusion; tokens that no cover owns leave by the easy exit."""
        decoder = self.decoder
        lr = lr.to(memory_format=torch.channels_last)
        with self.timer.stage("trunk"):
            trunk = decoder.trunk(lr)
            out = decoder.skip(lr)
            leaving = Leaving(decoder, out)
            if decoder.easy == "exit1":
                is_easy = maps == EASY
                self._leave_easy(is_easy, trunk, leaving)
        with self.timer.stage("deep blocks"):
            for image, cover in enumerate(covers):
                if cover.whole:
                    exits = maps[image]
                    self._run_whole(image, exits, trunk, leaving)
            for batch in batches(maps, covers, self.token, lr.device):
                self._run(batch, trunk, leaving)
            leaving.finish()
        with self.timer.stage("enlarge"):
            return decoder.enlarge(out)

    def ms(self, exits: Exits) -> float:
        """Milliseconds of one image, encoder included, as the device's costs foretell them."""
        costs = self.planner.costs
        exits, cover = self.decide(exits)
        frame = costs.routing_ms(exits.size) + costs.frame_ms(exits.size)
        return frame + costs.ms(cover, exits)

    def macs(self, exits: Exits) -> float:
        """MACs of one image's call: head, trunk, exits, windows with their halo, fusion."""
        decoder = self.decoder
        exits, cover = self.decide(exits)
        token_pixels = self.token**2
        num_tokens = exits.size
        is_easy = exits == EASY
        num_easy = int(is_easy.sum())
        num_leaving = num_tokens - num_easy
        if decoder.easy == "exit1":
            num_leaving += num_easy
            if num_easy > EASY_FRAME * num_tokens:
                num_leaving = 2 * num_tokens - num_easy  # the easy exit runs over the frame
        pixel_macs = decoder.trunk_macs
        if decoder.size.fusion:
            pixel_macs += decoder.fusion_macs
        pixels = num_tokens * token_pixels
        fixed = pixels * pixel_macs
        leaving = num_leaving * token_pixels * decoder.exit_macs
        deep = self.planner.costs.macs(cover)
        return float(fixed) + leaving + deep

    def patch_macs(self, exits: Exits) -> float:
        """MACs as ClassSR counts them.

        Every token by what its own exit needs, without encoder, halo and overlap.

        For comparison with published figures; :meth:`macs` is what is computed.
        """
        decoder = self.decoder
        unit_macs = decoder.size.unit_macs
        exit_macs = decoder.exit_macs
        _, moderate_units, hard_units = decoder.size.blocks
        easy = 0
        if decoder.easy == "exit1":
            easy = exit_macs
        moderate = exit_macs + moderate_units * unit_macs
        hard = moderate + hard_units * unit_macs
        by_exit = np.array([easy, moderate, hard])
        by_exit += decoder.trunk_macs
        macs = by_exit[exits]
        total = float(macs.sum())
        return total * self.token**2

    def _leave_easy(self, easy: NDArray[np.bool_], trunk: Tensor, leaving: Leaving) -> None:
        """The easy exit, over the whole frame where most of an image is easy."""
        share = easy.mean((1, 2), keepdims=True)
        over_frame = share > EASY_FRAME
        if over_frame.any():
            mask = torch.from_numpy(easy & over_frame)
            mask = spread(mask, self.token)
            mask = mask.to(trunk)
            added = self.decoder.leave(EASY, trunk)
            leaving.out.addcmul_(added, mask)
        one_by_one = easy & ~over_frame
        tokens = torch.from_numpy(np.argwhere(one_by_one))
        tokens = tokens.to(trunk.device)
        slots = Slots(
            window=tokens[:, 0],
            inner=tokens[:, 1:] * self.token,
            token=tokens,
            side=self.token,
        )
        leaving.add(EASY, trunk, slots)

    def _run(self, batch: Batch, trunk: Tensor, leaving: Leaving) -> None:
        """Run the deep blocks of one batch."""
        x = gather_windows(trunk, batch.windows)
        x = self._block(MODERATE, x)
        self._leave_batch(MODERATE, batch, x, leaving)
        num_hard = batch.num_hard
        if num_hard:
            x = self._block(HARD, x[:num_hard])
            self._leave_batch(HARD, batch, x, leaving)

    def _leave_batch(self, level: int, batch: Batch, x: Tensor, leaving: Leaving) -> None:
        """Let the tokens of a batch that leave by one exit do so."""
        leaves_here = batch.exits == level
        if leaves_here.any():
            chosen = np.flatnonzero(leaves_here)
            indices = torch.from_numpy(chosen)
            slots = batch.slots.select(indices.to(x.device))
            leaving.add(level, x, slots)

    def _block(self, level: int, x: Tensor) -> Tensor:
        block = self.decoder.blocks[level]
        return run_compiled(block, x) if self.running.compile else cast(Tensor, block(x))

    def _run_whole(self, image: int, exits: Exits, trunk: Tensor, leaving: Leaving) -> None:
        """Run the deep blocks over one image's frame.

        Where all its tokens leave by one exit, over the frame too.
        """
        decoder = self.decoder
        only = slice(image, image + 1)
        x = trunk[only]
        deepest = int(exits.max())
        for level in range(MODERATE, deepest + 1):
            block = decoder.blocks[level]
            x = block(x)
            chosen = exits == level
            if chosen.all():
                leaving.out[only] += decoder.leave(level, x)
            elif chosen.any():
                slots = self._slots_of(image, chosen, x.device)
                leaving.add(level, x, slots)

    def _slots_of(self, image: int, chosen: NDArray[np.bool_], device: torch.device) -> Slots:
        """Tokens of one image where its whole frame is the one window."""
        rows_cols = torch.from_numpy(np.argwhere(chosen))
        rows_cols = rows_cols.to(device)
        number = torch.full_like(rows_cols[:, :1], image)
        return Slots(
            window=torch.zeros_like(rows_cols[:, 0]),
            inner=rows_cols * self.token,
            token=torch.cat([number, rows_cols], 1),
            side=self.token,
        )
