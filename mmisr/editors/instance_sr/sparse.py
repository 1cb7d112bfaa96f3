"""Sparse execution of the decoder: a dense trunk, deep blocks in windows of it, and what that costs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mmisr.editors.instance_sr.decoder import Decoder
from mmisr.editors.instance_sr.labels import EASY, HARD, MODERATE
from mmisr.ops.patches import gather_centres, gather_windows, scatter_centres, windows_around
from mmisr.ops.tokens import Rect, merge_rectangles, spread

Exits = NDArray[np.int64]


@dataclass(frozen=True)
class Execution:
    """How deep tokens are computed.

    Args:
        halo: LR pixels computed around a window and thrown away; None for the whole receptive field of the deep
            blocks, which makes the result that of a dense pass.
        partition: ``rectangles`` merges neighbouring tokens, image by image, which needs the fewest MACs; ``windows``
            takes one window per token and runs those of a whole batch together, hard ones first.
        max_windows: How many windows run at once, which bounds the memory; only with ``windows``.

    Raises:
        ValueError: A value is out of range.
    """

    halo: int | None = None
    partition: Literal["rectangles", "windows"] = "rectangles"
    max_windows: int = 1024

    def __post_init__(self) -> None:
        if self.halo is not None and self.halo < 0:
            raise ValueError(f"InstanceSR.execution.halo must be >= 0, or None for an exact result, got {self.halo}")
        if self.partition not in ("rectangles", "windows"):
            raise ValueError(
                f"InstanceSR.execution.partition must be 'rectangles' or 'windows', got {self.partition!r}"
            )
        if self.max_windows < 1:
            raise ValueError(f"InstanceSR.execution.max_windows must be at least 1, got {self.max_windows}")


@dataclass(frozen=True)
class Job:
    """One run of the deep blocks over one window of one image.

    Args:
        rect: The tokens it covers.
        halo: Pixels around them.
        levels: Exits that it computes, MODERATE, HARD or both.
    """

    rect: Rect
    halo: int
    levels: tuple[int, ...]


class SparseDecoder:
    """Runs a decoder where a routing map asks for it.

    Head, first block and easy exit run once over the frame. Deeper tokens are covered with windows, and the deep blocks
    run over windows of the trunk's features. What is chosen depends on one image's map alone, so a result does not
    depend on the batch. Where a dense pass over the frame needs no more MACs, it is taken.

    Args:
        decoder: The network.
        token: Side of a token in LR pixels.
        execution: How.
    """

    def __init__(self, decoder: Decoder, token: int, execution: Execution) -> None:
        self.decoder = decoder
        self.token = token
        self.execution = execution
        self.halo = decoder.full_halo if execution.halo is None else min(execution.halo, decoder.full_halo)

    def __call__(self, lr: Tensor, exits: Tensor) -> Tensor:
        """Compute only what the routing map asks for.

        Args:
            lr: (B, 3, h, w) RGB in [0, 1]; sides are multiples of the token size.
            exits: (B, h/T, w/T) int64.

        Returns:
            (B, 3, s*h, s*w), not clamped.
        """
        decoder = self.decoder
        maps = exits.cpu().numpy()  # the one synchronisation with the device
        trunk = decoder.trunk(lr)
        if (maps == EASY).any():
            residual = decoder.easy_residual(trunk)
        else:
            height, width = (side * decoder.scale for side in lr.shape[-2:])
            residual = trunk.new_zeros(len(lr), 3, height, width)
        in_windows = []
        for number, chosen in enumerate(maps):
            jobs = self.plan(chosen)
            if jobs is None:
                in_windows.append(number)
                continue
            for job in jobs:
                self._run_job(job, number, trunk, exits, residual)
        if in_windows:
            self._run_windows(maps, in_windows, trunk, residual)
        return decoder.fusion(decoder.bilinear(lr) + residual)

    def plan(self, exits: Exits) -> list[Job] | None:
        """The cheapest jobs for the (rows, cols) map of one image; None for one window per token."""
        if not (exits != EASY).any():
            return []
        hw = exits.shape[0] * self.token, exits.shape[1] * self.token
        levels = tuple(level for level in (MODERATE, HARD) if (exits == level).any())
        dense = [Job(Rect(0, 0, *exits.shape), 0, levels)]
        if self.execution.partition == "windows":
            return None if self._window_macs(exits, hw) < self._job_macs(dense, hw) else dense
        options = [dense, self._cover_apart(exits, levels), self._cover_together(exits)]
        return min(options, key=lambda jobs: self._job_macs(jobs, hw))

    def macs(self, exits: Exits) -> float:
        """MACs of one image's call: head, trunk, exits, windows with their halo, fusion."""
        decoder, size = self.decoder, self.decoder.size
        hw = exits.shape[0] * self.token, exits.shape[1] * self.token
        frame = hw[0] * hw[1]
        total = float(frame * (27 * size.channels + size.blocks[0] * size.unit_macs))
        if (exits == EASY).any() and decoder.easy == "exit1":
            total += frame * self._exit_macs
        if size.fusion:
            total += frame * decoder.scale**2 * sum(p.numel() for p in decoder.fusion.parameters() if p.ndim == 4)
        jobs = self.plan(exits)
        return total + (self._window_macs(exits, hw) if jobs is None else self._job_macs(jobs, hw))

    @property
    def _exit_macs(self) -> int:
        """MACs of one exit per LR pixel."""
        return 27 * self.decoder.size.channels * self.decoder.scale**2

    def _cover_apart(self, exits: Exits, levels: tuple[int, ...]) -> list[Job]:
        """Rectangles of hard tokens, then rectangles of moderate ones."""
        return [
            Job(rect, self.halo, (level,))
            for level in reversed(levels)
            for rect in merge_rectangles(exits == level, self.token, self.halo)
        ]

    def _cover_together(self, exits: Exits) -> list[Job]:
        """Rectangles of deep tokens; one runs as deep as the deepest token in it."""
        jobs = []
        for rect in merge_rectangles(exits != EASY, self.token, self.halo):
            inside = exits[rect.tokens()]
            levels = tuple(level for level in (MODERATE, HARD) if (inside == level).any())
            jobs.append(Job(rect, self.halo, levels))
        return jobs

    def _job_macs(self, jobs: list[Job], hw: tuple[int, int]) -> float:
        size, total = self.decoder.size, 0
        for job in jobs:
            units = size.blocks[1] + (size.blocks[2] if HARD in job.levels else 0)
            total += _pixels(job, self.token, job.halo, hw) * units * size.unit_macs
            total += _pixels(job, self.token, min(job.halo, 1), hw) * self._exit_macs * len(job.levels)
        return float(total)

    def _window_macs(self, exits: Exits, hw: tuple[int, int]) -> float:
        size = self.decoder.size
        side = self.token + 2 * self.halo
        window = min(side, hw[0]) * min(side, hw[1])
        hard, moderate = int((exits == HARD).sum()), int((exits == MODERATE).sum())
        units = (hard + moderate) * size.blocks[1] + hard * size.blocks[2]
        return float(window * units * size.unit_macs + (hard + moderate) * self.token**2 * self._exit_macs)

    def _run_job(self, job: Job, number: int, trunk: Tensor, exits: Tensor, residual: Tensor) -> None:
        """Overwrite the residual of one image where the tokens of one rectangle leave by an exit of the job."""
        decoder, scale = self.decoder, self.decoder.scale
        rows, cols = job.rect.window(self.token, job.halo, (trunk.shape[-2], trunk.shape[-1]))
        inner = job.rect.inner(self.token, job.halo)
        token_rows, token_cols = job.rect.tokens()
        where = spread(exits[number : number + 1, token_rows, token_cols], self.token * scale)
        out_rows, out_cols = job.rect.pixels(self.token * scale)
        x = trunk[number : number + 1, :, rows, cols]
        for level in (MODERATE, HARD)[: max(job.levels)]:
            x = decoder.blocks[level](x)
            if level in job.levels:
                image = self._leave_inside(level, x, *inner)
                now = residual[number : number + 1, :, out_rows, out_cols]
                chosen = torch.where(where == level, image.to(now.dtype), now)
                residual[number : number + 1, :, out_rows, out_cols] = chosen

    def _leave_inside(self, level: int, x: Tensor, rows: slice, cols: slice) -> Tensor:
        """The exit of the inner part of a window alone, which still sees one pixel around it."""
        top, left = min(rows.start, 1), min(cols.start, 1)
        bottom, right = min(x.shape[-2] - rows.stop, 1), min(x.shape[-1] - cols.stop, 1)
        part = x[..., rows.start - top : rows.stop + bottom, cols.start - left : cols.stop + right]
        image, scale = self.decoder.leave(level, part), self.decoder.scale
        down = slice(top * scale, (top + rows.stop - rows.start) * scale)
        return image[..., down, left * scale : (left + cols.stop - cols.start) * scale]

    def _run_windows(self, maps: Exits, images: list[int], trunk: Tensor, residual: Tensor) -> None:
        """Run one window per deep token of several images; block 3's batch is a prefix of block 2's."""
        chosen = np.full_like(maps, EASY)
        chosen[images] = maps[images]
        hard = np.argwhere(chosen == HARD)
        tokens = torch.from_numpy(np.concatenate([hard, np.argwhere(chosen == MODERATE)]))
        for start in range(0, len(tokens), self.execution.max_windows):
            part = tokens[start : start + self.execution.max_windows].to(trunk.device)
            self._run_part(part, min(max(len(hard) - start, 0), len(part)), trunk, residual)

    def _run_part(self, tokens: Tensor, num_hard: int, trunk: Tensor, residual: Tensor) -> None:
        """Run the windows of ``tokens``, of which the first ``num_hard`` go through block 3 too."""
        decoder, hw = self.decoder, (trunk.shape[-2], trunk.shape[-1])
        windows = windows_around(tokens, self.token, self.halo, hw)
        x = decoder.blocks[1](gather_windows(trunk, windows))
        centres = [gather_centres(x, windows, margin=1)[num_hard:]]
        levels = [MODERATE]
        if num_hard:
            hard = decoder.blocks[2](x[:num_hard])
            centres.append(gather_centres(hard, windows.first(num_hard), margin=1))
            levels.append(HARD)
        for level, features in zip(levels, centres, strict=True):
            if not len(features):
                continue
            patches = decoder.leave(level, features, padding=0)
            scatter_centres(residual, patches, tokens[num_hard:] if level == MODERATE else tokens[:num_hard])


def _pixels(job: Job, token: int, halo: int, hw: tuple[int, int]) -> int:
    rows, cols = job.rect.window(token, halo, hw)
    return (rows.stop - rows.start) * (cols.stop - cols.start)
