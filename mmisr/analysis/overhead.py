"""What joining costs: the pair against its parts run one after the other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from statistics import median
from time import perf_counter

import torch
from torch import Tensor

from mmisr.openmmlab.detector import DetDataSample
from mmisr.pipeline.sr_detector import SRDetector
from mmisr.structures.frames import hw_of
from mmisr.structures.pixels import EDITOR_PIXELS, MMDET_PIXELS, to_unit


def pair_overhead(pair: SRDetector, batches: Sequence[dict], repeats: int = 5) -> dict[str, float]:
    """Time the pair and its parts on the same images, interleaved.

    The parts are what a user would run by hand: the editor alone, its image handed as 8-bit-range BGR to the detector's own
    ``test_step``. Both orders alternate, so that neither profits from a warm cache.

    Args:
        pair: The model, in evaluation.
        batches: Collated batches of one image.
        repeats: How often every image is run each way.

    Returns:
        ``pair_ms`` and ``parts_ms``, sums over images of the median, and ``ratio``, the median over images of pair / parts.
    """
    pair.eval()
    ratios, totals = [], [0.0, 0.0]
    with torch.inference_mode():
        for batch in batches:
            ways = (lambda b=batch: _joined(pair, b), lambda b=batch: _apart(pair, b))
            times = _interleaved(ways, repeats)
            middles = [median(t) for t in times]
            totals = [t + m for t, m in zip(totals, middles, strict=True)]
            ratios.append(median(p / q for p, q in zip(*times, strict=True)))
    return {"pair_ms": totals[0], "parts_ms": totals[1], "ratio": median(ratios)}


def _joined(pair: SRDetector, batch: dict) -> None:
    pair.test_step({"inputs": batch["inputs"], "data_samples": [s.clone() for s in batch["data_samples"]]})


def _apart(pair: SRDetector, batch: dict) -> None:
    lr: Tensor = to_unit(batch["inputs"][0][None].to(pair.data_preprocessor.device))
    sr = pair.editor.upscale(lr).image[0]
    hw = hw_of(sr)
    sample = DetDataSample(metainfo={"ori_shape": hw, "img_shape": hw, "scale_factor": (1.0, 1.0)})
    pair.detector.test_step({"inputs": [EDITOR_PIXELS.convert(sr, MMDET_PIXELS)], "data_samples": [sample]})


def _interleaved(ways: Sequence[Callable[[], None]], repeats: int) -> list[list[float]]:
    times: list[list[float]] = [[] for _ in ways]
    for repeat in range(repeats + 1):
        order = range(len(ways)) if repeat % 2 else reversed(range(len(ways)))
        for index in order:
            start = perf_counter()
            ways[index]()
            if repeat:  # the first round warms up
                times[index].append((perf_counter() - start) * 1000)
    return times
