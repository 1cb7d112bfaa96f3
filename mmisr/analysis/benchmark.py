"""How fast InstanceSR is.

Adaptive against dense, on one frame, in one run, with everything charged.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from statistics import median
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mmisr.editors.instance_sr.editor import InstanceSR
from mmisr.editors.instance_sr.engine.batches import Batch, batches
from mmisr.editors.instance_sr.engine.sparse import SparseDecoder
from mmisr.editors.instance_sr.labels import EASY, HARD
from mmisr.editors.instance_sr.net import InstanceSRNet
from mmisr.editors.instance_sr.routers import Given, Learned
from mmisr.ops.memory import peak_mb
from mmisr.ops.patches import gather_tokens, gather_windows, scatter_add_tokens
from mmisr.ops.resample import resize
from mmisr.ops.timing import NULL_TIMER, StageTimer, interleaved
from mmisr.structures.frames import hw_of
from mmisr.structures.sr_result import SRResult

Labels = NDArray[np.int64]

LEARNED = Learned()
"""The router that :class:`Given` maps stand for: it may be overruled, and not be asked at all."""


def map_like(labels: Sequence[Labels], grid: tuple[int, int], share: float) -> Tensor:
    """A routing map of a wanted share that is laid out as real instances are.

    Real label maps are laid side by side over the grid, then thinned or dilated: the deep tokens
    are those with most instance tokens in the 5 x 5 around them, instance tokens first.

    Args:
        labels: (rows, cols) maps of real images, 0 where a token is easy.
        grid: Rows and columns wanted.
        share: Share of deep tokens, 0 to 1.

    Returns:
        (1, rows, cols) exits, EASY or HARD.

    Raises:
        ValueError: No map has an instance.
    """
    used = [m for m in labels if (m != EASY).any()]
    if not used:
        raise ValueError(
            "a benchmark on real maps needs an image with instances, found none in the test set"
        )
    labels_of_grid = _tiled(used, grid)
    is_instance = labels_of_grid != EASY
    instances = is_instance.astype(np.int64)
    near = _sum_5x5(instances)
    rank = near + 25 * instances  # 25 is the most that a token has around it
    order = np.argsort(-rank.ravel(), kind="stable")
    num_tokens = instances.size
    num_deep = round(share * num_tokens)
    exits = np.full(num_tokens, EASY)
    exits[order[:num_deep]] = HARD
    return torch.from_numpy(exits.reshape(1, *grid))


def _tiled(maps: Sequence[Labels], grid: tuple[int, int]) -> Labels:
    """Maps in turns side by side, the smaller ones repeated to the size of the largest."""
    rows, cols = grid
    height = max(m.shape[0] for m in maps)
    width = max(m.shape[1] for m in maps)
    turns = itertools.cycle(maps)
    strips = []
    for _ in range(0, rows, height):
        tiles = []
        for _ in range(0, cols, width):
            tile = next(turns)
            tile_height, tile_width = tile.shape
            below = (0, height - tile_height)
            beside = (0, width - tile_width)
            whole = np.pad(tile, (below, beside), mode="wrap")
            tiles.append(whole)
        strips.append(tiles)
    canvas = np.block(strips)
    return canvas[:rows, :cols]


def _sum_5x5(values: Labels) -> Labels:
    """The sum over the 5 x 5 around each entry; zeros lie beyond the border."""
    rows, cols = values.shape
    padded = np.pad(values, 2)
    total = np.zeros_like(values)
    for y in range(5):
        strip = padded[y : y + rows]
        for x in range(5):
            end = x + cols
            total += strip[:, x:end]
    return total


@torch.inference_mode()
def frame_rows(
    editor: InstanceSR, maps: Mapping[float, Tensor], lr: Tensor, repeats: int
) -> list[dict[str, Any]]:
    """One row per share of deep tokens, SR alone.

    ``dense`` is the network layer by layer over the frame in channels_last layout, ``best_dense``
    the same engine with every token deep in windows of the best size, ``ms`` the encoder and what
    the map asks for. ``block_1_ms`` lets every token leave by the easy exit, ``bicubic_ms`` only
    interpolates.

    Args:
        editor: The editor, executed as its config says but as it is served: by the device's own
            costs and with ``all_hard_if_faster``; its router is not used.
        maps: (1, rows, cols) exits by share.
        lr: (1, 3, h, w), sides multiples of the token size.
        repeats: Timed rounds.

    Returns:
        Figures by row: milliseconds are medians, ``r`` and ``r_best`` medians of ratios within a
        round, ``stages`` medians of a run of their own. ``macs`` charges everything; ``patch_macs``
        counts as ClassSR does.
    """
    case = _Case(editor, lr, repeats)
    full = torch.full_like(next(iter(maps.values())), HARD)
    best = case.best_dense()
    height, width = hw_of(lr)
    scale = editor.info.scale
    ways: dict[str, Callable[[], Any]] = {
        "dense": lambda: dense(editor.net, lr),
        "best": lambda: best(lr, full),
        "block_1": lambda: case.sparse(lr, torch.zeros_like(full)),
        "bicubic": lambda: resize(lr, (height * scale, width * scale)),
    }
    for share, exits in maps.items():
        name = f"{share}"
        ways[name] = partial(case.upscale, exits)
    times = interleaved(ways, repeats)
    all_hard = full[0].numpy()
    same = {
        "dense_ms": median(times["dense"]),
        "best_dense_ms": median(times["best"]),
        "block_1_ms": median(times["block_1"]),
        "bicubic_ms": median(times["bicubic"]),
        "dense_macs": case.sparse.macs(all_hard),
        "best_dense_macs": best.macs(all_hard),
        "dense_peak_mb": peak_mb(ways["dense"]),
    }
    rows = []
    for share, exits in maps.items():
        ms = times[f"{share}"]
        row = case.row(exits, ms)
        row["r"] = _median_ratio(ms, times["dense"])
        row["r_best"] = _median_ratio(ms, times["best"])
        rows.append({**row, **same})
    return rows


class _Case:
    """An editor on one frame, executed as it is served.

    By the device's own costs and with ``all_hard_if_faster``, the rest as its config says.

    Args:
        editor: The editor.
        lr: (1, 3, h, w) RGB in [0, 1].
        repeats: Timed rounds.
    """

    def __init__(self, editor: InstanceSR, lr: Tensor, repeats: int) -> None:
        self.editor = editor
        self.lr = lr
        self.repeats = repeats
        self.planning = replace(editor.execution.planning, costs="measured")
        self.execution = replace(editor.execution, planning=self.planning, all_hard_if_faster=True)
        self.sparse = editor.net.sparse(LEARNED, self.execution)

    def best_dense(self) -> SparseDecoder:
        """The same engine in windows of the best size, whatever a dense pass would take."""
        planning = replace(self.planning, partition="rectangles")
        return self.editor.net.sparse(LEARNED, replace(self.execution, planning=planning))

    def upscale(self, exits: Tensor) -> SRResult:
        """The encoder and what a map asks for."""
        return self.editor.net(self.lr, Given(exits), execution=self.execution)

    def row(self, exits: Tensor, ms: Sequence[float]) -> dict[str, Any]:
        """Figures of one (1, rows, cols) map whose timed rounds took ``ms``."""
        net = self.editor.net
        grid = hw_of(exits)
        frame = hw_of(self.lr)
        unrouted = net.unrouted(LEARNED, self.sparse, grid)
        on_host = exits[0].numpy()
        decided, cover = self.sparse.decide(on_host)
        overruled = unrouted or not np.array_equal(decided, on_host)
        overhead = 0.0 if unrouted else self.overhead_ms(exits)
        median_ms = median(ms)
        work = partial(self.upscale, exits)
        return {
            "frame": list(frame),
            "deep_share": float(np.mean(on_host != EASY)),
            "plan": "all-hard" if overruled else cover.kind,
            "ms": median_ms,
            "images_per_s": 1000 / median_ms,
            "spread": np.percentile(ms, (10, 90)).tolist(),
            "stages": self.stages_ms(exits),
            "macs": net.macs(exits[0], LEARNED, self.execution),
            "patch_macs": self.sparse.patch_macs(on_host),
            "overhead_share": overhead / median_ms,
            "peak_mb": peak_mb(work),
        }

    def stages_ms(self, exits: Tensor) -> dict[str, float]:
        """Median milliseconds of encoder, plan, trunk, deep blocks with exits, enlargement."""
        self.editor.timer = timer = StageTimer(warmup=1)
        rounds = self.repeats + 1
        for _ in range(rounds):
            self.upscale(exits)
        self.editor.timer = NULL_TIMER
        return timer.medians()

    def overhead_ms(self, exits: Tensor) -> float:
        """Milliseconds of what adaptivity adds: encoder, planner, gathering and scattering."""
        net = self.editor.net
        lr = self.lr
        trunk = net.decoder.trunk(lr)
        image = net.decoder.skip(lr)
        planned = partial(self._planned, exits)
        windows = planned()
        counts = [len(batch.slots) for batch in windows]
        num_tokens = sum(counts)
        side = net.token_size
        channels = image.shape[1]
        patches = image.new_zeros(num_tokens, channels, side, side)
        ways: dict[str, Callable[[], Any]] = {
            "encoder": lambda: net.encoder(lr),
            "plan": planned,
            "move": lambda: _move(windows, trunk, image, patches),
        }
        times = interleaved(ways, self.repeats)
        medians = [median(values) for values in times.values()]
        return float(sum(medians))

    def _planned(self, exits: Tensor) -> list[Batch]:
        plan = self.sparse.plan(exits)
        return list(batches(plan.maps, plan.covers, self.sparse.token, self.lr.device))


def _move(windows: Sequence[Batch], trunk: Tensor, image: Tensor, patches: Tensor) -> None:
    """Gather the tokens of all windows, and add patches to the image in their place."""
    if not windows:
        return
    gathered = []
    for batch in windows:
        features = gather_windows(trunk, batch.windows)
        gathered.append(gather_tokens(features, batch.slots, margin=1))
    torch.cat(gathered)
    tokens = torch.cat([batch.slots.token for batch in windows])
    scatter_add_tokens(image, patches, tokens)


def _median_ratio(ms: Sequence[float], others: Sequence[float]) -> float:
    """The median of the ratios within a round."""
    return median(a / b for a, b in zip(ms, others, strict=True))


def dense(net: InstanceSRNet, lr: Tensor) -> Tensor:
    """The decoder to its last exit, layer by layer over the whole frame.

    Args:
        net: The network.
        lr: (1, 3, h, w) RGB in [0, 1].

    Returns:
        (1, 3, s*h, s*w), not clamped.
    """
    decoder = net.decoder
    x = decoder.trunk(lr)
    for block in decoder.blocks[1:]:
        x = block(x)
    added = decoder.leave(HARD, x)
    subpixels = decoder.skip(lr) + added
    image = decoder.enlarge(subpixels)
    return decoder.fusion(image)
