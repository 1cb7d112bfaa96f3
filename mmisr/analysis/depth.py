"""An adaptive editor by itself: quality and cost by router, and where it goes deep."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from statistics import mean, median
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from mmisr.analysis.seams import seam_ratio
from mmisr.openmmlab.editor import SREditor, routed_by
from mmisr.ops.macs import counting_macs
from mmisr.ops.psnr import psnr_of_unit
from mmisr.ops.resample import resize
from mmisr.ops.timing import interleaved
from mmisr.structures.frames import hw_of
from mmisr.structures.hints import BatchHints
from mmisr.structures.sr_result import SRResult

BINS = 5
LEVELS = 255

Router = str | dict[str, Any]


@dataclass(frozen=True)
class Seen:
    """One image of a test set.

    Args:
        lr: (1, 3, h, w) RGB in [0, 1].
        hr: (1, 3, s*h, s*w) RGB in [0, 1].
        hints: One record.
    """

    lr: Tensor
    hr: Tensor
    hints: BatchHints


@dataclass(frozen=True)
class RouterFigures:
    """What one router comes to, means over the images.

    Args:
        router: As a config spells it.
        psnr: In dB, over RGB, mean of the images'.
        depth: Exit by which a token leaves, from 0, mean over the tokens.
        gmacs: Billion multiply-accumulates per image, as they ran.
        ms: Milliseconds per image: the median round, in which all routers take turns.
        seams: How much steeper the image is where tokens meet, see
            :func:`mmisr.analysis.seams.seam_ratio`.
    """

    router: str
    psnr: float
    depth: float
    gmacs: float
    ms: float
    seams: float


@dataclass(frozen=True)
class DepthBin:
    """Tokens of like difficulty.

    Args:
        difficulty: Mean of what they were sorted by.
        depth: Exit by which they leave, mean.
        tokens: How many they are.
    """

    difficulty: float
    depth: float
    tokens: int


@torch.no_grad()
def router_figures(
    editor: SREditor, routers: Sequence[Router], images: Sequence[Seen], rounds: int
) -> list[RouterFigures]:
    """Measure routers on the same images.

    Args:
        editor: In evaluation mode.
        routers: As :meth:`SREditor.route_by` takes them.
        images: At least one.
        rounds: How often every image is timed.
    """
    rows = []
    ways: dict[str, Callable[[], None]] = {}
    for router in routers:
        name = str(router)
        row = _figures(editor, router, images)
        rows.append(row)
        ways[name] = partial(_upscale_all, editor, router, images)
    # What ran for the figures has warmed everything up.
    times = interleaved(ways, rounds, warmup=0)
    timed = []
    for row in rows:
        ms = median(times[row.router]) / len(images)
        timed.append(replace(row, ms=ms))
    return timed


def _upscale_all(editor: SREditor, router: Router, images: Sequence[Seen]) -> None:
    with routed_by(editor, router):
        for seen in images:
            editor.upscale(seen.lr, seen.hints)


def _figures(editor: SREditor, router: Router, images: Sequence[Seen]) -> RouterFigures:
    """All but the milliseconds."""
    psnrs = []
    depths = []
    macs = []
    seams = []
    with routed_by(editor, router):
        for seen in images:
            with counting_macs() as count:
                result = editor.upscale(seen.lr, seen.hints)
            quality = psnr_of_unit(result.image.double(), seen.hr.double())
            depth = _exits(result).mean()
            psnrs.append(float(quality))
            depths.append(float(depth))
            token = _token(result) * editor.info.scale
            seam = seam_ratio(result.image, seen.hr, token)
            seams.append(seam)
            macs.append(count.macs)
    return RouterFigures(
        router=str(router),
        psnr=mean(psnrs),
        depth=mean(depths),
        gmacs=mean(macs) / 1e9,
        ms=0.0,
        seams=mean(seams),
    )


@torch.no_grad()
def depth_by_difficulty(editor: SREditor, images: Sequence[Seen]) -> dict[str, list[DepthBin]]:
    """How deep tokens go, in fifths of the tokens from the easiest to the hardest.

    Args:
        editor: In evaluation mode, with the router that is asked about.
        images: At least one.

    Returns:
        By what the tokens were sorted by: ``input``, the root mean squared error of the LR pixels,
        enlarged (the noise's standard deviation where LR is HR with noise), and ``dense``, that of
        the dense network's output; both on the 0..255 scale.
    """
    routers = editor.info.routers
    if routers is None:
        raise ValueError(f"{editor.info.name!r} routes no tokens; use an editor that does")
    exits = []
    inputs = []
    outputs = []
    for seen in images:
        own = editor.upscale(seen.lr, seen.hints)
        with routed_by(editor, routers.dense):
            dense = editor.upscale(seen.lr, seen.hints)
        size = hw_of(seen.hr)
        enlarged = resize(seen.lr, size, "bicubic")
        token = _token(own) * editor.info.scale
        error_before = _token_rmse(enlarged, seen.hr, token)
        error_after = _token_rmse(dense.image, seen.hr, token)
        rows, cols = error_before.shape
        whole = _exits(own)[0, :rows, :cols]
        left_by = whole.flatten().cpu()
        exits.append(left_by.numpy())
        inputs.append(error_before.flatten())
        outputs.append(error_after.flatten())
    depths = np.concatenate(exits)
    by_input = np.concatenate(inputs)
    by_output = np.concatenate(outputs)
    return {"input": binned(by_input, depths), "dense": binned(by_output, depths)}


def binned(difficulty: NDArray[Any], depths: NDArray[Any], bins: int = BINS) -> list[DepthBin]:
    """Equal shares of the tokens, from the easiest to the hardest.

    Args:
        difficulty: (N,).
        depths: (N,) exits.
        bins: How many shares.

    Example:
        >>> [b.depth for b in binned(np.array([3, 1, 2, 4]), np.array([1, 0, 1, 2]), bins=2)]
        [0.5, 1.5]
    """
    order = np.argsort(difficulty, kind="stable")
    shares = np.array_split(order, bins)
    result = []
    for chosen in shares:
        if not len(chosen):
            continue
        hard = difficulty[chosen].mean()
        depth = depths[chosen].mean()
        result.append(DepthBin(float(hard), float(depth), len(chosen)))
    return result


def _exits(result: SRResult) -> Tensor:
    """(1, rows, cols) float32."""
    if result.routing is None:
        raise ValueError("the editor gave no routing map")
    return result.routing.exits.float()


def _token(result: SRResult) -> int:
    if result.routing is None:
        raise ValueError("the editor gave no routing map")
    return result.routing.token_size


def _token_rmse(image: Tensor, hr: Tensor, token: int) -> NDArray[Any]:
    """(rows, cols) of the tokens that lie wholly in the image, on the 0..255 scale."""
    squared = (image - hr).square().mean(1, keepdim=True)
    means = F.avg_pool2d(squared, token)
    return LEVELS * means[0, 0].sqrt().cpu().numpy()
