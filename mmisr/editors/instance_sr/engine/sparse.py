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
            routed = exits.cpu().numpy()  # the one synchronisation with the device
            decided = [self.decide(exits_of_image) for exits_of_image in routed]
            maps = np.stack([exits_of_image for exits_of_image, _ in decided])
        return Plan(maps, [cover for _, cover in decided])

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
        num_rows, num_cols = plan.maps.shape[1:]
        context = self._context_rows(plan.covers)
        before = min(context, rows.start)
        after = min(context, num_rows - rows.stop)
        first, last = rows.start - before, rows.stop + after
        cut = lr[..., first * self.token : last * self.token, :]
        count = rows.stop - rows.start
        maps = np.full((len(plan.maps), last - first, num_cols), EASY, dtype=plan.maps.dtype)
        maps[:, before : before + count] = plan.maps[:, rows]
        covers = [c.band(rows, self.token, before, cut.shape[-2]) for c in plan.covers]
        sr = self._compute(cut, maps, covers)
        sr_side = self.token * self.decoder.scale
        return sr[..., before * sr_side : (before + count) * sr_side, :]

    def _context_rows(self, covers: list[Cover]) -> int:
        """Rows of tokens beyond a band that its pixels depend on."""
        decoder = self.decoder
        whole = any(cover.whole for cover in covers)
        halo = decoder.full_halo if whole else self.planner.halo
        trunk = 2 * decoder.size.blocks[0] + 2
        return -(-(halo + trunk) // self.token)

    def _compute(self, lr: Tensor, maps: Exits, covers: list[Cover]) -> Tensor:
        """The image without fusion; tokens that no cover owns leave by the easy exit."""
        lr = lr.to(memory_format=torch.channels_last)
        with self.timer.stage("trunk"):
            trunk = self.decoder.trunk(lr)
            out = self.decoder.skip(lr)
            leaving = Leaving(self.decoder, out)
            if self.decoder.easy == "exit1":
                self._leave_easy(maps == EASY, trunk, leaving)
        with self.timer.stage("deep blocks"):
            for image, cover in enumerate(covers):
                if cover.whole:
                    self._run_whole(image, maps[image], trunk, leaving)
            for batch in batches(maps, covers, self.token, lr.device):
                self._run(batch, trunk, leaving)
            leaving.finish()
        with self.timer.stage("enlarge"):
            return self.decoder.enlarge(out)

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
        pixels = exits.size * self.token**2
        num_easy = int((exits == EASY).sum())
        num_leaving = exits.size - num_easy
        if decoder.easy == "exit1":
            whole_frame = num_easy > EASY_FRAME * exits.size
            num_leaving += exits.size if whole_frame else num_easy
        fixed = pixels * decoder.trunk_macs
        if decoder.size.fusion:
            fixed += pixels * decoder.fusion_macs
        leaving = num_leaving * self.token**2 * decoder.exit_macs
        return float(fixed) + leaving + self.planner.costs.macs(cover)

    def patch_macs(self, exits: Exits) -> float:
        """MACs as ClassSR counts them.

        Every token by what its own exit needs, without encoder, halo and overlap.

        For comparison with published figures; :meth:`macs` is what is computed.
        """
        decoder, size = self.decoder, self.decoder.size
        easy = decoder.exit_macs if decoder.easy == "exit1" else 0
        moderate = decoder.exit_macs + size.blocks[1] * size.unit_macs
        hard = moderate + size.blocks[2] * size.unit_macs
        by_exit = np.array([easy, moderate, hard]) + decoder.trunk_macs
        return float(by_exit[exits].sum()) * self.token**2

    def _leave_easy(self, easy: NDArray[np.bool_], trunk: Tensor, leaving: Leaving) -> None:
        """The easy exit, over the whole frame where most of an image is easy."""
        most = easy.mean((1, 2), keepdims=True) > EASY_FRAME
        if most.any():
            mask = spread(torch.from_numpy(easy & most), self.token).to(trunk)
            leaving.out.addcmul_(self.decoder.leave(EASY, trunk), mask)
        tokens = torch.from_numpy(np.argwhere(easy & ~most)).to(trunk.device)
        inner = tokens[:, 1:] * self.token
        leaving.add(EASY, trunk, Slots(tokens[:, 0], inner, tokens, self.token))

    def _run(self, batch: Batch, trunk: Tensor, leaving: Leaving) -> None:
        """Run the deep blocks of one batch."""
        x = self._block(MODERATE, gather_windows(trunk, batch.windows))
        for level in (MODERATE, HARD):
            if level == HARD and batch.num_hard:
                x = self._block(HARD, x[: batch.num_hard])
            chosen = np.flatnonzero(batch.exits == level)
            if len(chosen):
                slots = batch.slots.select(torch.from_numpy(chosen).to(x.device))
                leaving.add(level, x, slots)

    def _block(self, level: int, x: Tensor) -> Tensor:
        block = self.decoder.blocks[level]
        return run_compiled(block, x) if self.running.compile else cast(Tensor, block(x))

    def _run_whole(self, image: int, exits: Exits, trunk: Tensor, leaving: Leaving) -> None:
        """Run the deep blocks over one image's frame.

        Where all its tokens leave by one exit, over the frame too.
        """
        only = slice(image, image + 1)
        x = trunk[only]
        for level in range(MODERATE, int(exits.max()) + 1):
            x = self.decoder.blocks[level](x)
            chosen = exits == level
            if chosen.all():
                leaving.out[only] += self.decoder.leave(level, x)
            elif chosen.any():
                leaving.add(level, x, self._slots_of(image, chosen, x.device))

    def _slots_of(self, image: int, chosen: NDArray[np.bool_], device: torch.device) -> Slots:
        """Tokens of one image where its whole frame is the one window."""
        tokens = torch.from_numpy(np.argwhere(chosen)).to(device)
        in_batch = torch.cat([torch.full_like(tokens[:, :1], image), tokens], 1)
        window = torch.zeros_like(in_batch[:, 0])
        return Slots(window, tokens * self.token, in_batch, self.token)
