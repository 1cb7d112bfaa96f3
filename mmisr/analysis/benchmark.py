"""How fast InstanceSR is.

Adaptive against dense, on one frame, in one run, with everything charged.
"""

from __future__ import annotations

import contextlib
import ctypes
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mmisr.editors.instance_sr.editor import InstanceSR
from mmisr.editors.instance_sr.engine.planner import Batch
from mmisr.editors.instance_sr.engine.sparse import Execution, SparseDecoder
from mmisr.editors.instance_sr.labels import EASY, HARD
from mmisr.editors.instance_sr.net import InstanceSRNet
from mmisr.editors.instance_sr.routers import Learned, RouteInput
from mmisr.ops.patches import gather_tokens, gather_windows, scatter_add_tokens
from mmisr.ops.resample import resize
from mmisr.ops.timing import NULL_TIMER, StageTimer, interleaved
from mmisr.structures.frames import hw_of

Labels = NDArray[np.int64]


def map_like(labels: Sequence[Labels], grid: tuple[int, int], share: float) -> Tensor:
    """A routing map of a wanted share that is laid out as real instances are.

    Real label maps are laid side by side over the grid, then thinned or dilated: the tokens kept
    are those with most instance tokens in the 5 x 5 around them, instance tokens first.

    Args:
        labels: (rows, cols) maps of real images, 0 where a token is easy.
        grid: Rows and columns wanted.
        share: Share of deep tokens.

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
    height, width = max(m.shape[0] for m in used), max(m.shape[1] for m in used)
    down, across = -(-grid[0] // height), -(-grid[1] // width)
    filled = [
        np.pad(m, ((0, height - m.shape[0]), (0, width - m.shape[1])), mode="wrap") for m in used
    ]
    canvas = np.block(
        [[filled[(i * across + j) % len(filled)] for j in range(across)] for i in range(down)]
    )
    deep = (canvas[: grid[0], : grid[1]] != EASY).astype(np.int64)
    padded = np.pad(deep, 2)
    near = np.sum(
        [padded[y : y + grid[0], x : x + grid[1]] for y in range(5) for x in range(5)], axis=0
    )
    order = np.argsort(-(near + 25 * deep).ravel(), kind="stable")
    exits = np.full(deep.size, EASY)
    exits[order[: round(share * deep.size)]] = HARD
    return torch.from_numpy(exits.reshape(1, *grid))


@torch.inference_mode()
def frame_rows(
    editor: InstanceSR, maps: Mapping[float, Tensor], lr: Tensor, repeats: int
) -> list[dict[str, Any]]:
    """One row a share of deep tokens, SR alone.

    ``dense`` is the network layer by layer over the frame in channels_last layout, ``best_dense``
    the same engine with every token deep in windows of the best size, ``ms`` the encoder and what
    the map asks for. ``block_1_ms`` lets every token leave by the easy exit, ``bicubic_ms`` only
    interpolates.

    Args:
        editor: The editor; its ``execution`` says how, with ``all_hard_if_faster``; its router is
            not used.
        maps: (1, rows, cols) exits by share.
        lr: (1, 3, h, w), sides multiples of the token size.
        repeats: Timed rounds.

    Returns:
        Figures by row: milliseconds are medians, ``r`` and ``r_best`` medians of ratios within a
        round, ``stages`` medians of a run of their own. ``macs`` charges everything; ``patch_macs``
        counts as ClassSR does.
    """
    net, run = editor.net, replace(editor.execution, costs="measured", all_hard_if_faster=True)
    sparse, best = (
        net.sparse(run, router=Learned()),
        net.sparse(replace(run, partition="rectangles")),
    )
    full = torch.full_like(next(iter(maps.values())), HARD)
    ways: dict[str, Callable[[], Any]] = {
        "dense": lambda: dense(net, lr),
        "best": lambda: best(lr, full),
    }
    hw = hw_of(lr)
    sr_hw = (hw[0] * net.decoder.scale, hw[1] * net.decoder.scale)
    ways |= {
        "block_1": lambda: sparse(lr, torch.zeros_like(full)),
        "bicubic": lambda: resize(lr, sr_hw),
    }
    ways |= {
        f"{share}": partial(net, lr, GivenMap(exits), execution=run)
        for share, exits in maps.items()
    }
    times = interleaved(ways, repeats)
    dense_macs = net.sparse(replace(run, partition="dense")).macs(full[0].numpy())
    dense_peak = peak_mb(ways["dense"])
    skipped = net.unrouted(sparse, hw_of(full))
    rows = []
    for share, exits in maps.items():
        own = times[f"{share}"]
        ms = median(own)
        rows.append(
            {
                "frame": list(hw),
                "deep_share": float((exits != EASY).float().mean()),
                "plan": "all-hard" if skipped else sparse.planner.cover(exits[0].numpy()).kind,
                "ms": ms,
                "dense_ms": median(times["dense"]),
                "best_dense_ms": median(times["best"]),
                "block_1_ms": median(times["block_1"]),
                "bicubic_ms": median(times["bicubic"]),
                "images_per_s": 1000 / ms,
                "stages": stages_ms(net, run, lr, exits, repeats),
                "macs": net.macs(exits[0], GivenMap(exits), run),
                "patch_macs": sparse.patch_macs(exits[0].numpy()),
                "dense_macs": dense_macs,
                "best_dense_macs": best.macs(full[0].numpy()),
                "r": median(a / b for a, b in zip(own, times["dense"], strict=True)),
                "r_best": median(a / b for a, b in zip(own, times["best"], strict=True)),
                "spread": [float(v) for v in np.percentile(own, (10, 90))],
                "overhead_share": 0.0
                if skipped
                else overhead_ms(net, sparse, lr, exits, repeats) / ms,
                "peak_mb": peak_mb(ways[f"{share}"]),
                "dense_peak_mb": dense_peak,
            }
        )
    return rows


class GivenMap:
    """A router that asks the encoder, as the learned one does, and then decides as it was told.

    Args:
        exits: (B, rows, cols) what it decides.
    """

    encodes = True

    def __init__(self, exits: Tensor) -> None:
        self.exits = exits

    def __call__(self, given: RouteInput) -> Tensor:
        """Route."""
        given.logits()
        return self.exits


def stages_ms(
    net: InstanceSRNet, run: Execution, lr: Tensor, exits: Tensor, repeats: int
) -> dict[str, float]:
    """Median milliseconds of encoder, plan, trunk, deep blocks with their exits, and enlargement."""
    net.timer = timer = StageTimer(warmup=1)
    for _ in range(repeats + 1):
        net(lr, GivenMap(exits), execution=run)
    net.timer = NULL_TIMER
    return timer.medians()


def dense(net: InstanceSRNet, lr: Tensor) -> Tensor:
    """The decoder to its last exit, layer by layer over the whole frame, (1, 3, h, w) to (1, 3, s*h, s*w)."""
    decoder = net.decoder
    x = decoder.blocks[2](decoder.blocks[1](decoder.trunk(lr)))
    return decoder.fusion(decoder.enlarge(decoder.skip(lr) + decoder.leave(HARD, x)))


def overhead_ms(
    net: InstanceSRNet, sparse: SparseDecoder, lr: Tensor, exits: Tensor, repeats: int
) -> float:
    """Milliseconds of what adaptivity adds: encoder, planner, gathering and scattering."""
    trunk, image = net.decoder.trunk(lr), net.decoder.skip(lr)

    def planned() -> list[Batch]:
        plan = sparse.plan(exits)
        return list(sparse.planner.batches(plan.maps, plan.covers, lr.device))

    batches = planned()
    side = net.token_size
    patches = image.new_zeros(sum(len(b.slots) for b in batches), image.shape[1], side, side)

    def moved() -> None:
        if batches:
            torch.cat(
                [
                    gather_tokens(gather_windows(trunk, b.windows), b.slots, margin=1)
                    for b in batches
                ]
            )
            scatter_add_tokens(image, patches, torch.cat([b.slots.token for b in batches]))

    times = interleaved(
        {"encoder": lambda: net.encoder(lr), "plan": planned, "move": moved}, repeats
    )
    return float(sum(median(values) for values in times.values()))


def peak_mb(call: Callable[[], Any]) -> float | None:
    """Megabytes that a call takes beyond what was held before; None where the system cannot say."""
    if torch.cuda.is_available():
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
        call()
        return (torch.cuda.max_memory_allocated() - before) / 2**20
    if not sys.platform.startswith("linux"):
        return None
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(
            0
        )  # freed memory that the allocator keeps would hide what a call takes
        Path("/proc/self/clear_refs").write_text("5")  # the high-water mark starts again
        held = _status("VmRSS")
        call()
        return max(_status("VmHWM") - held, 0.0) / 1024
    return None


def _status(field: str) -> float:
    """Kilobytes of one line of the process's own status."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return float(next(line for line in lines if line.startswith(field)).split()[1])
