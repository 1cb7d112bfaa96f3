"""Arms: the same detector on the same LR pixels behind different editors, measured alike."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import torch
from mmengine.evaluator import BaseMetric
from torch import Tensor

from mmisr.evaluation.functional.region_quality import region_quality
from mmisr.openmmlab.detector import DetDataSample
from mmisr.ops.macs import count_macs
from mmisr.ops.timing import StageTimer
from mmisr.pipeline.sr_detector import SRDetector

EXITS = ("easy", "moderate", "hard")


@dataclass(frozen=True)
class Arm:
    """One way to feed the detector.

    Args:
        name: Its name in tables.
        editor: Config of its SR editor.
        feed: ``lr`` for the image under test, ``hr`` for the oracle that sees the original pixels.
        prior: Arguments of the first detector pass whose boxes route this arm; None for none.
    """

    name: str
    editor: dict[str, Any]
    feed: Literal["lr", "hr"] = "lr"
    prior: dict[str, Any] | None = None


@dataclass
class ArmResult:
    """What one arm gave.

    Args:
        samples: The predicted samples, in data-set order, with ground truth, HR and SR image.
        ms: Median milliseconds per stage and image.
        macs: Mean multiply-accumulates per stage and image, everything charged.
    """

    samples: list[DetDataSample] = field(default_factory=list)
    ms: dict[str, float] = field(default_factory=dict)
    macs: dict[str, float] = field(default_factory=dict)


def run_arm(
    pair: SRDetector,
    batches: Iterable[dict],
    feed: Literal["lr", "hr"] = "lr",
    on_image: Callable[[], None] | None = None,
) -> ArmResult:
    """Predict a whole data set, one image at a time, timing every stage and counting every MAC.

    Args:
        pair: The model of this arm, with ``test_cfg.keep_sr`` where pixels are compared later.
        batches: Collated batches of one image, as the data loader gives them.
        feed: Which pixels the pair gets; ``hr`` takes the sample's own HR image.
        on_image: Called after every image, for a progress bar.

    Returns:
        Samples, times and costs.

    Raises:
        ValueError: ``feed='hr'`` and a sample has no HR image.
    """
    pair.eval()
    result, counts, cache = ArmResult(), [], dict[tuple[int, ...], dict[str, float]]()
    timer = pair.timer = StageTimer()
    with torch.no_grad():
        for batch in batches:
            inputs, samples = _inputs(batch, feed), batch["data_samples"]
            # Counting runs the whole pair once on every new size, which warms it up before that size is timed.
            counts.append(_count(pair, inputs, samples, cache))
            result.samples += pair.test_step({"inputs": inputs, "data_samples": samples})
            if on_image is not None:
                on_image()
    result.ms = timer.medians()
    result.macs = {k: sum(c[k] for c in counts) / len(counts) for k in counts[0]} if counts else {}
    return result


def _inputs(batch: dict, feed: str) -> Sequence[Tensor]:
    if feed == "lr":
        return batch["inputs"]
    missing = [s.metainfo.get("img_path") for s in batch["data_samples"] if "hr" not in s]
    if missing:
        raise ValueError(
            f"arm 'hr' needs the HR image, and {missing[0]} has none: drop the arm, or simulate LR from HR"
        )
    return [s.hr for s in batch["data_samples"]]


def _count(
    pair: SRDetector,
    inputs: Sequence[Tensor],
    samples: Sequence[DetDataSample],
    cache: dict[tuple[int, ...], dict[str, float]],
) -> dict[str, float]:
    """MACs of one image: once a size, and every time for the part that depends on the pixels."""
    size = tuple(inputs[0].shape)
    data = pair.data_preprocessor({"inputs": list(inputs), "data_samples": list(samples)})
    lr = data["inputs"]
    if size not in cache:
        images = [r.image[0] for r in pair.upscale(lr, samples)]
        batch = pair.handoff(images, samples, pair.detector, training=False)
        detector = count_macs(pair.detector.predict, batch.inputs, batch.samples)
        cache[size] = {"upscale": count_macs(pair.upscale, lr, samples), "detector": detector}
    if pair.editor.info.adaptive:
        return {**cache[size], "upscale": count_macs(pair.upscale, lr, samples)}
    return cache[size]


def figures(result: ArmResult, metric: BaseMetric, crop_border: int = 0) -> dict[str, Any]:
    """The figures of one arm, unrounded; None where a figure does not exist.

    Args:
        result: What the arm gave.
        metric: A :class:`SizeBinnedCocoMetric` with its ``dataset_meta`` set; the same settings for every arm.
        crop_border: Pixels left out of PSNR on each side.

    Returns:
        ``AP``, ``AP50``, ``bins`` (``AP`` and ``count`` by name), ``psnr`` (whole, in_box, out_box), ``tokens``, ``macs``
        (whole pair), ``macs_by_stage``, ``ms``.
    """
    metric.results.clear()
    metric.process({}, [sample.to_dict() for sample in result.samples])
    ap = {k.rpartition("/")[2]: v for k, v in metric.evaluate(len(result.samples)).items()}
    bins = [k.removeprefix("count_") for k in ap if k.startswith("count_")]
    return {
        "AP": number(ap["AP"]),
        "AP50": number(ap["AP50"]),
        "bins": {b: {"AP": number(ap[f"AP_{b}"]), "count": int(ap[f"count_{b}"])} for b in bins},
        "psnr": _psnr(result.samples, crop_border),
        "tokens": _tokens(result.samples),
        "macs": sum(result.macs.values()),
        "macs_by_stage": result.macs,
        "ms": result.ms,
    }


def number(value: float) -> float | None:
    """A finite number, or None: JSON has no NaN."""
    return float(value) if math.isfinite(value) else None


def _psnr(samples: Sequence[DetDataSample], crop_border: int) -> dict[str, float | None]:
    rows = [
        region_quality(s.sr, s.hr.float() / 255, s.gt_instances.bboxes, crop_border)
        for s in samples
        if "sr" in s and "hr" in s and s.sr.shape == s.hr.shape
    ]
    columns = {region: [row[f"psnr_{region}"] for row in rows] for region in ("whole", "in_box", "out_box")}
    finite = {region: [v for v in values if math.isfinite(v)] for region, values in columns.items()}
    return {region: float(np.mean(values)) if values else None for region, values in finite.items()}


def _tokens(samples: Sequence[DetDataSample]) -> dict[str, float | None]:
    maps = [s.metainfo["routing"] for s in samples if "routing" in s.metainfo]
    if not maps:
        return dict.fromkeys(EXITS)
    shares = torch.stack([m.shares()[0] for m in maps]).mean(0)
    return {name: float(v) for name, v in zip(EXITS, shares, strict=True)}
