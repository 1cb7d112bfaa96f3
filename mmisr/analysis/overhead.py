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
    pair_ms = 0.0
    parts_ms = 0.0
    ratios = []
    for batch in batches:
        ways = {
            "pair": partial(_joined, pair, batch),
            "parts": partial(_apart, pair, batch),
        }
        with torch.inference_mode():
            times = interleaved(ways, repeats)
        joined = times["pair"]
        apart = times["parts"]
        pair_ms += median(joined)
        parts_ms += median(apart)
        of_rounds = [p / q for p, q in zip(joined, apart, strict=True)]
        ratios.append(median(of_rounds))
    return {
        "pair_ms": pair_ms,
        "parts_ms": parts_ms,
        "ratio": median(ratios),
    }


def _joined(pair: SRDetector, batch: dict) -> None:
    samples = [sample.clone() for sample in batch["data_samples"]]
    pair.test_step({"inputs": batch["inputs"], "data_samples": samples})


def _apart(pair: SRDetector, batch: dict) -> None:
    device = pair.data_preprocessor.device
    pixels: Tensor = batch["inputs"][0]
    lr = to_unit(pixels[None].to(device))
    result = pair.editor.upscale(lr)
    sr = result.image[0]
    image = EDITOR_PIXELS.convert(sr, MMDET_PIXELS)
    hw = hw_of(sr)
    metainfo = {
        "ori_shape": hw,
        "img_shape": hw,
        "scale_factor": (1.0, 1.0),
    }
    sample = DetDataSample(metainfo=metainfo)
    pair.detector.test_step({"inputs": [image], "data_samples": [sample]})
