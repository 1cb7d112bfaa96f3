"""What joining costs: the pair against its parts run one after the other."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from statistics import median

import torch
from torch import Tensor

from mmisr.openmmlab.detector import DetDataSample
from mmisr.ops.timing import interleaved
from mmisr.pipeline.sr_detector import SRDetector
from mmisr.structures.frames import hw_of
from mmisr.structures.pixels import EDITOR_PIXELS, MMDET_PIXELS, to_unit


def pair_overhead(pair: SRDetector, batches: Sequence[dict], repeats: int = 5) -> dict[str, float]:
    """Time the pair and its parts on the same images, interleaved.

    The parts are what a user would run by hand: the editor alone, its image handed as 8-bit-range
    BGR to the detector's own ``test_step``. Both orders alternate, so that neither profits from a
    warm cache.

    Args:
        pair: The model, in evaluation.
        batches: Collated batches of one image.
        repeats: How often every image is run each way.

    Returns:
        ``pair_ms`` and ``parts_ms``, sums over images of the median, and ``ratio``, the median over
        images of pair / parts.
    """
    pair.eval()
    ratios, totals = [], [0.0, 0.0]
    with torch.inference_mode():
        for batch in batches:
            times = interleaved(
                {"pair": partial(_joined, pair, batch), "parts": partial(_apart, pair, batch)},
                repeats,
            )
            totals = [t + median(ms) for t, ms in zip(totals, times.values(), strict=True)]
            ratios.append(median(p / q for p, q in zip(times["pair"], times["parts"], strict=True)))
    return {"pair_ms": totals[0], "parts_ms": totals[1], "ratio": median(ratios)}


def _joined(pair: SRDetector, batch: dict) -> None:
    pair.test_step(
        {"inputs": batch["inputs"], "data_samples": [s.clone() for s in batch["data_samples"]]}
    )


def _apart(pair: SRDetector, batch: dict) -> None:
    lr: Tensor = to_unit(batch["inputs"][0][None].to(pair.data_preprocessor.device))
    sr = pair.editor.upscale(lr).image[0]
    hw = hw_of(sr)
    sample = DetDataSample(metainfo={"ori_shape": hw, "img_shape": hw, "scale_factor": (1.0, 1.0)})
    pair.detector.test_step(
        {"inputs": [EDITOR_PIXELS.convert(sr, MMDET_PIXELS)], "data_samples": [sample]}
    )
