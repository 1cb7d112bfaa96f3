"""Arms: the same detector on the same LR pixels behind different editors, measured alike."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import torch
from torch import Tensor

from mmisr.analysis.comparison.costs import StageCosts
from mmisr.openmmlab.detector import DetDataSample
from mmisr.pipeline.handoff import DetectorBatch
from mmisr.pipeline.sr_detector import SRDetector

NAME = re.compile(r"(?!\.)[\w.-]*[^\W_][\w.-]*")
"""Letters, digits, ``.``, ``_`` and ``-``, a letter or digit among them, and no dot in front."""

DENSE = "_all_hard"
"""What follows the name of a routed editor's arm in that of its dense self."""

WINDOWS = "_windows"
"""And in that of the pair that searches only where tokens go deep."""


@dataclass(frozen=True)
class Arm:
    """One way to feed the detector.

    Args:
        name: Its name in tables and of its folder: letters, digits, ``.``, ``_`` and ``-``.
        editor: Config of its SR editor.
        feed: ``lr`` for the image under test, ``hr`` for the oracle that sees the original pixels.
        prior: Arguments of the first detector pass whose boxes route this arm, or tell its editor
            what is where; None for none, or for the config's where the editor is the config's own.
        windows: Fields of :class:`mmisr.pipeline.windows.settings.Windows`, to super-resolve and
            search only where instances may be; None for whole images.
        handoff: Arguments of :class:`mmisr.pipeline.handoff.Handoff`; None for those of the pair's
            config.
        slices: Fields of :class:`mmisr.pipeline.slices.Slices`, to see the image slice by slice;
            None for whole images.
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
    windows: dict[str, Any] | None = None
    handoff: dict[str, Any] | None = None
    slices: dict[str, Any] | None = None
    detector: dict[str, Any] | None = None
    checkpoints: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not NAME.fullmatch(self.name):
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
    by_size: dict[tuple[int, ...], dict[str, float]] = {}
    costs = pair.timer = StageCosts()
    depends = pair.search.follows_image or pair.editor.info.adaptive
    with torch.no_grad():
        for batch in batches:
            inputs = _inputs(batch, feed)
            data = {"inputs": inputs, "data_samples": batch["data_samples"]}
            size = tuple(inputs[0].shape)
            if depends or size not in by_size:
                with costs.counting() as counted:
                    predicted = pair.test_step(data)
                by_size[size] = _charged(counted)
            else:
                predicted = pair.test_step(data)
            macs = by_size[size]
            counts.append(macs)
            for sample in predicted:
                keep(sample, macs)
    return ArmCost(costs.medians(), mean_macs(counts))


def _charged(macs: Mapping[str, float]) -> dict[str, float]:
    """Who is charged with the MACs of each stage."""
    return {"upscale": macs["upscale"] + macs["handoff"], "detector": macs["detector"]}


def mean_macs(counts: Sequence[dict[str, float]]) -> dict[str, float]:
    """The mean over images, by stage; empty where there is no image."""
    if not counts:
        return {}
    means = {}
    for stage in counts[0]:
        total = sum(count[stage] for count in counts)
        means[stage] = total / len(counts)
    return means


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
    """The shapes of what the detector gets of one batch, one per image, padding included.

    Args:
        pair: The model of the arm, in evaluation.
        batch: A collated batch; it may be predicted again.
        feed: Which pixels the pair gets.
    """
    samples = [sample.clone() for sample in batch["data_samples"]]
    with torch.no_grad():
        inputs = _inputs(batch, feed)
        data = _preprocessed(pair, inputs, samples)
        shapes = []
        for seen in _handed(pair, data["inputs"], samples):
            shapes += [tuple(image.shape) for batch in seen for image in batch.inputs]
    return tuple(shapes)


def _preprocessed(
    pair: SRDetector, inputs: Sequence[Tensor], samples: Sequence[DetDataSample]
) -> dict[str, Any]:
    return pair.data_preprocessor({"inputs": list(inputs), "data_samples": list(samples)})


def _handed(
    pair: SRDetector, lr: Sequence[Tensor], samples: Sequence[DetDataSample]
) -> Iterator[list[DetectorBatch]]:
    """What the detector gets of LR images at once: super-resolved, resized and padded."""
    for images, known in pair.portions(lr, samples):
        yield pair.handed(pair.search.upscale(pair, images, known))


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
    weights = _weights(config, arm, checkpoint)
    if arm.detector is not None:
        config["detector"] = arm.detector
        weights.pop("detector", None)
    if arm.handoff is not None:
        config["handoff"] = arm.handoff
    test_cfg = config.get("test_cfg") or {}
    prior = arm.prior
    if prior is None and arm.editor == config["editor"]:
        # An editor that is told what is where is another one without.
        prior = test_cfg.get("prior")
    config["editor"] = arm.editor
    config["checkpoints"] = {**weights, **arm.checkpoints}
    seen = {
        "keep_sr": True,
        "prior": prior,
        "windows": arm.windows,
        "slices": arm.slices,
    }
    config["test_cfg"] = {**test_cfg, **seen}
    return config


def _weights(config: dict[str, Any], arm: Arm, checkpoint: str | None) -> dict[str, str]:
    """Files by part: what the arm takes from the comparison's own pair."""
    # A router has no weights of its own: another one leaves the editor what it is.
    same_editor = _without_router(arm.editor) == _without_router(config["editor"])
    named = config.get("checkpoints") or {}
    if checkpoint is not None:
        named = {"detector": checkpoint, "editor": checkpoint}
    weights = {}
    for part, path in named.items():
        if part == "detector" or same_editor:
            weights[part] = str(path)
    return weights


def _without_router(editor: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in editor.items() if key != "router"}
