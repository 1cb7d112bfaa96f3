"""Multiply-accumulates and parameters of a pair and its parts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import mean

import torch
from torch import Tensor, nn

from mmisr.openmmlab.detector import DetDataSample
from mmisr.openmmlab.editor import SREditor
from mmisr.ops.macs import count_macs
from mmisr.pipeline.sr_detector import SRDetector
from mmisr.structures.frames import hw_of


@dataclass(frozen=True)
class PartCost:
    """What one part of a model costs.

    Args:
        part: The name of the part.
        gmacs: Billion multiply-accumulates, see :func:`mmisr.ops.macs.count_macs`.
        mparams: Its parameters, in millions.
    """

    part: str
    gmacs: float
    mparams: float


def part_costs(model: SRDetector | SREditor, lr: Tensor) -> list[PartCost]:
    """What the parts of a model cost on one image.

    Args:
        model: The model, in evaluation mode.
        lr: The LR image, (1, 3, h, w) RGB in [0, 1].
    """
    if isinstance(model, SREditor):
        return editor_costs(model, lr)
    of_look = look_costs(model, lr)
    of_editor = editor_costs(model.editor, lr)
    own = of_editor[0]
    before = [*of_look, own]
    of_detector = detector_costs(model, lr, before)
    return of_look + of_editor + of_detector


def mean_costs(counted: Sequence[Sequence[PartCost]]) -> list[PartCost]:
    """The costs of several images as one.

    Args:
        counted: The costs of the same parts on each image.

    Returns:
        Means of GMACs, under names without a size where not all images have the same.
    """
    means = []
    for same in zip(*counted, strict=True):
        first = same[0]
        name = first.part
        # Images of several sizes have no one size to name.
        if any(cost.part != name for cost in same):
            name = name.partition(" at ")[0]
        gmacs = mean([cost.gmacs for cost in same])
        cost = PartCost(name, gmacs, first.mparams)
        means.append(cost)
    return means


def editor_costs(editor: SREditor, lr: Tensor) -> list[PartCost]:
    """What an editor costs; of one that can be routed also the bounds.

    Args:
        editor: The editor, in evaluation mode.
        lr: The LR image, (1, 3, h, w) RGB in [0, 1].
    """
    name = f"editor {editor.info.name}"
    mparams = million_parameters(editor)
    gmacs = _editor_gmacs(editor, lr)
    costs = [PartCost(name, gmacs, mparams)]
    routers = editor.info.routers
    if routers is None:
        return costs
    # The bounds between which any routing lies; then the editor is left as it was.
    router = editor.router
    bounds = {"all easy": routers.cheapest, "all hard": routers.dense}
    for bound, bounding in bounds.items():
        editor.route_by(bounding)
        gmacs = _editor_gmacs(editor, lr)
        costs.append(PartCost(f"  the same, {bound}", gmacs, mparams))
    editor.router = router
    return costs


def _editor_gmacs(editor: SREditor, lr: Tensor) -> float:
    return editor.count_macs(lr) / 1e9


def look_costs(pair: SRDetector, lr: Tensor) -> list[PartCost]:
    """What the look before SR costs; nothing where the pair takes none.

    Args:
        pair: The pair, in evaluation mode.
        lr: The LR image, (1, 3, h, w) RGB in [0, 1].
    """
    if pair.prior is None:
        return []
    lr_hw = hw_of(lr)
    sample = DetDataSample(metainfo={"source_shape": lr_hw})
    samples = [sample]
    detector = pair.first_detector
    scale = pair.editor.info.scale
    macs = count_macs(pair.prior.find, lr, samples, scale, detector)
    gmacs = macs / 1e9
    mparams = million_parameters(detector)
    look = PartCost("first look", gmacs, mparams)
    return [look]


def detector_costs(pair: SRDetector, lr: Tensor, before: Sequence[PartCost]) -> list[PartCost]:
    """What the detector costs at the size that the pair feeds it, and the pair.

    Args:
        pair: The pair, in evaluation mode.
        lr: The LR image, (1, 3, h, w) RGB in [0, 1].
        before: What was done to this image before.
    """
    with torch.no_grad():
        sr = pair.editor.upscale(lr).image[0]
    detector = pair.detector
    sample = DetDataSample(metainfo={"source_shape": hw_of(sr)})
    batch = pair.handoff([sr], [sample], detector, training=False)
    macs = count_macs(detector.predict, batch.inputs, batch.samples)
    height, width = hw_of(batch.inputs)
    kind = type(detector).__name__
    alone = PartCost(
        part=f"detector {kind} at {width}x{height}",
        gmacs=macs / 1e9,
        mparams=million_parameters(detector),
    )
    gmacs = [cost.gmacs for cost in (*before, alone)]
    together = PartCost(
        part="pair",
        gmacs=sum(gmacs),
        mparams=million_parameters(pair),
    )
    return [alone, together]


def million_parameters(model: nn.Module) -> float:
    """Parameters of a model, in millions."""
    return sum(weight.numel() for weight in model.parameters()) / 1e6
