"""Arms: the same detector on the same LR pixels behind different editors, measured alike."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import torch
from torch import Tensor

from mmisr.openmmlab.detector import DetDataSample
from mmisr.ops.macs import count_macs, counting_macs
from mmisr.ops.timing import StageTimer
from mmisr.pipeline.sr_detector import SRDetector

DENSE = "_all_hard"
"""What follows the name of a routed editor's arm in that of its dense self."""


@dataclass(frozen=True)
class Arm:
    """One way to feed the detector.

    Args:
        name: Its name in tables and of its folder: letters, digits, ``.``, ``_`` and ``-``.
        editor: Config of its SR editor.
        feed: ``lr`` for the image under test, ``hr`` for the oracle that sees the original pixels.
        prior: Arguments of the first detector pass whose boxes route this arm; None for none.
        handoff: Arguments of :class:`mmisr.pipeline.handoff.Handoff`; None for those of the pair's
            config.
        sliced: Arguments of :class:`mmisr.pipeline.sliced.Slicing`, to detect slice by slice; None
            for the whole image.
        detector: The ``model`` of an mmdet config, where this arm has a detector of its own; None
            for the pair's.
        checkpoints: Weights of its own parts, any of ``{'editor': path, 'detector': path}``.

    Raises:
        ValueError: The name cannot be a folder's, or ``feed`` is unknown.
    """

    name: str
    editor: dict[str, Any]
    feed: Literal["lr", "hr"] = "lr"
    prior: dict[str, Any] | None = None
    handoff: dict[str, Any] | None = None
    sliced: dict[str, Any] | None = None
    detector: dict[str, Any] | None = None
    checkpoints: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.name.replace("-", "").replace("_", "").replace(
            ".", ""
        ).isalnum() or self.name.startswith("."):
            raise ValueError(
                f"the name of an arm is part of a folder's: letters, digits, '.', '_' and '-', got "
                f"{self.name!r}"
            )
        if self.feed not in ("lr", "hr"):
            raise ValueError(f"feed of arm {self.name} must be 'lr' or 'hr', got {self.feed!r}")


@dataclass(frozen=True)
class ArmCost:
    """What one arm cost.

    Args:
        ms: Median milliseconds per stage and image.
        macs: Mean multiply-accumulates per stage and image, everything charged.
    """

    ms: dict[str, float]
    macs: dict[str, float]


def run_arm(
    pair: SRDetector,
    batches: Iterable[dict],
    feed: Literal["lr", "hr"],
    keep: Callable[[DetDataSample, dict[str, float]], Any],
) -> ArmCost:
    """Predict a whole data set, one image at a time, timing every stage and counting every MAC.

    Args:
        pair: The model of this arm, with ``test_cfg.keep_sr`` where pixels are compared later.
        batches: Collated batches of one image, as the data loader gives them.
        feed: Which pixels the pair gets; ``hr`` takes the sample's own HR image.
        keep: Called with every predicted sample and its MACs by stage, in data-set order; nothing
            is kept here.

    Returns:
        Times and costs.

    Raises:
        ValueError: ``feed='hr'`` and a sample has no HR image.
    """
    pair.eval()
    counts: list[dict[str, float]] = []
    cache: dict[tuple[int, ...], dict[str, float]] = {}
    timer = pair.timer = StageTimer()
    with torch.no_grad():
        for batch in batches:
            inputs, samples = _inputs(batch, feed), batch["data_samples"]
            # Counting runs the whole pair once on every new size, which warms it up before that
            # size is timed.
            counts.append(_count(pair, inputs, samples, cache))
            for sample in pair.test_step({"inputs": inputs, "data_samples": samples}):
                keep(sample, counts[-1])
    return ArmCost(timer.medians(), mean_macs(counts))


def mean_macs(counts: Sequence[dict[str, float]]) -> dict[str, float]:
    """The mean over images, by stage."""
    return {k: sum(c[k] for c in counts) / len(counts) for k in counts[0]} if counts else {}


def predict(pair: SRDetector, batch: dict, feed: Literal["lr", "hr"]) -> list[DetDataSample]:
    """Predict one batch of one image as :func:`run_arm` does, without timing or counting.

    Args:
        pair: The model of the arm, in evaluation.
        batch: A collated batch; it may be predicted again.
        feed: Which pixels the pair gets.

    Returns:
        The predicted samples.

    Raises:
        ValueError: ``feed='hr'`` and a sample has no HR image.
    """
    samples = [sample.clone() for sample in batch["data_samples"]]
    with torch.no_grad():
        return pair.test_step({"inputs": _inputs(batch, feed), "data_samples": samples})


def detector_shape(
    pair: SRDetector, batch: dict, feed: Literal["lr", "hr"]
) -> tuple[tuple[int, ...], ...]:
    """The shapes of what the detector gets of one batch, one an image, padding included.

    Args:
        pair: The model of the arm, in evaluation.
        batch: A collated batch; it may be predicted again.
        feed: Which pixels the pair gets.
    """
    samples = [sample.clone() for sample in batch["data_samples"]]
    with torch.no_grad():
        data = pair.data_preprocessor(
            {"inputs": list(_inputs(batch, feed)), "data_samples": samples}
        )
        images = [r.image[0] for r in pair.upscale(data["inputs"], samples)]
        inputs = pair.handoff(images, samples, pair.detector, training=False).inputs
        return tuple(tuple(image.shape) for image in inputs)


def _inputs(batch: dict, feed: str) -> Sequence[Tensor]:
    if feed == "lr":
        return batch["inputs"]
    missing = [s.metainfo.get("img_path") for s in batch["data_samples"] if "hr" not in s]
    if missing:
        raise ValueError(
            f"arm 'hr' needs the HR image, and {missing[0]} has none: drop the arm, or simulate LR "
            f"from HR"
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
        with counting_macs() as upscale:
            images = [r.image[0] for r in pair.upscale(lr, samples)]
        batch = pair.handoff(images, samples, pair.detector, training=False)
        detector = count_macs(pair.detector.predict, batch.inputs, batch.samples)
        cache[size] = {"upscale": upscale.macs, "detector": detector}
        return cache[size]
    if pair.editor.info.adaptive:
        return {**cache[size], "upscale": count_macs(pair.upscale, lr, samples)}
    return cache[size]


def pair_config(model: dict[str, Any], arm: Arm, checkpoint: str | None = None) -> dict[str, Any]:
    """Config of the pair of one arm.

    Args:
        model: The ``model`` of the comparison's config.
        arm: The arm.
        checkpoint: Weights of the whole pair, which the arm takes its own parts from: the detector,
            and the editor where it is the config's own.

    Returns:
        The config, with ``keep_sr``.
    """
    config: dict[str, Any] = copy.deepcopy(dict(model))
    own = {k: v for k, v in dict(config["editor"]).items() if k != "router"}
    same_editor = {k: v for k, v in arm.editor.items() if k != "router"} == own
    weights = {
        k: str(v)
        for k, v in (config.get("checkpoints") or {}).items()
        if k == "detector" or same_editor
    }
    if checkpoint is not None:
        weights = {"detector": checkpoint, **({"editor": checkpoint} if same_editor else {})}
    if arm.detector is not None:
        config["detector"] = arm.detector
        weights.pop("detector", None)
    config["editor"] = arm.editor
    config["checkpoints"] = {**weights, **arm.checkpoints}
    if arm.handoff is not None:
        config["handoff"] = arm.handoff
    config["test_cfg"] = {**(config.get("test_cfg") or {}), "keep_sr": True, "prior": arm.prior}
    return config
