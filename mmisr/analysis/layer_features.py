"""The features of one layer of an editor, or of a detector behind one, on given patches."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn

from mmisr.openmmlab.detector import DetDataSample
from mmisr.openmmlab.editor import SREditor, routed_by
from mmisr.openmmlab.taps import check_taps, tapped
from mmisr.pipeline.sr_detector import SRDetector
from mmisr.structures.frames import hw_of

Part = Literal["editor", "detector"]
MOST = 4 << 30
"""Bytes of features that are held at most."""

FIRST_LEVEL = "pyramid.0"
"""The layer of a detector, unless another is named: the finest that its heads read."""


Model = SREditor | SRDetector


@dataclass(frozen=True)
class Subject:
    """What is looked at.

    Args:
        model: An editor, or a pair, in evaluation.
        part: Whose layer it is.
        layer: Its name, as :func:`mmisr.openmmlab.taps.tapped` takes it.
    """

    model: Model
    part: Part
    layer: str


def network_of(model: Model, part: Part) -> nn.Module:
    """The editor or the detector of a model.

    Args:
        model: An editor, or a pair.
        part: Which.

    Raises:
        ValueError: An editor alone has no detector.
    """
    if part == "editor":
        return _editor(model)
    if isinstance(model, SRDetector):
        return model.detector
    raise ValueError(
        f"{model.info.name!r} is an editor alone and has no detector to look into; give the "
        "config of a pair or of a detector, or look into the editor"
    )


def _editor(model: Model) -> SREditor:
    return model.editor if isinstance(model, SRDetector) else model


def choose_subject(model: Model, part: Part, layer: str | None, patch: Tensor) -> Subject:
    """The layer that is asked for; by default the one that the source looks at.

    Args:
        model: An editor, or a pair.
        part: Whose layer.
        layer: Its name; None for the last convolution before the enlargement of an editor, and for
            the finest level that the heads of a detector read.
        patch: (3, side, side), what the network is tried on.

    Raises:
        ValueError: There is no such layer, or none before an enlargement.
    """
    network = network_of(model, part)
    if layer is None and isinstance(network, SREditor):
        layer = last_before_enlargement(network, patch[None])
    layer = layer or FIRST_LEVEL
    check_taps(network, [layer])
    return Subject(model, part, layer)


@torch.no_grad()
def last_before_enlargement(editor: SREditor, lr: Tensor) -> str:
    """The name of the last convolution of an editor that works at the size of LR.

    The last ones to run are part of the enlargement where a PixelShuffle turns their channels into
    pixels: those of ``r * r`` times as many outputs as inputs, and those of one RGB image per
    sub-pixel. One of as many outputs as inputs is taken for such only where it is the very last.

    Args:
        editor: In evaluation.
        lr: (1, 3, h, w) RGB in [0, 1], of a size that it needs not pad.

    Raises:
        ValueError: There is none, or the editor pads this size.
    """
    _check_side(editor, lr)
    size = hw_of(lr)
    ran: list[tuple[str, nn.Conv2d]] = []
    handles = []
    for name, module in editor.named_modules():
        if not isinstance(module, nn.Conv2d):
            continue

        def note(module: nn.Conv2d, inputs: object, output: Tensor, name: str = name) -> None:
            if hw_of(output) == size:
                ran.append((name, module))

        handles.append(module.register_forward_hook(note))
    try:
        with _dense(editor):
            editor.upscale(lr)
    finally:
        for handle in handles:
            handle.remove()
    return _last_of_features(ran, editor)


def _check_side(editor: SREditor, lr: Tensor) -> None:
    """See that an editor takes a patch as it is.

    Raises:
        ValueError: It pads it, so that no layer works at its size.
    """
    info = editor.info
    multiple = info.multiple_of
    for side in hw_of(lr):
        least = max(side, info.min_size)
        steps = math.ceil(least / multiple)
        fitting = steps * multiple
        if fitting == side:
            continue
        raise ValueError(
            f"the side of a patch must be a multiple of {multiple} and at least {info.min_size} "
            f"for editor {info.name!r}, got {side}: take {fitting} (--side)"
        )


def _last_of_features(ran: Sequence[tuple[str, nn.Conv2d]], editor: SREditor) -> str:
    """The name of the last convolution that makes no pixels.

    Raises:
        ValueError: There is none.
    """
    info = editor.info
    is_last = True
    for name, conv in reversed(ran):
        is_other_width = conv.out_channels != conv.in_channels
        may_be = is_last or is_other_width
        if not (may_be and _makes_pixels(conv, info.scale)):
            return name
        is_last = False
    raise ValueError(
        f"editor {info.name!r} has no convolution before its enlargement; name a layer"
    )


def _makes_pixels(conv: nn.Conv2d, scale: int) -> bool:
    """Whether a PixelShuffle follows, as far as the channels tell."""
    factors = [factor for factor in (2, 3, scale) if factor > 1]
    widened = [conv.in_channels * factor**2 for factor in factors]
    images = [3 * factor**2 for factor in factors]
    return conv.out_channels in (*widened, *images)


@contextmanager
def _dense(editor: SREditor) -> Iterator[None]:
    """Within, an editor that routes takes every token as deep as it goes."""
    routers = editor.info.routers
    with nullcontext() if routers is None else routed_by(editor, routers.dense):
        yield


@torch.no_grad()
def layer_features(subject: Subject, patches: Sequence[Tensor]) -> Tensor:
    """Run patches and keep what a layer puts out, its last output where it runs several times.

    Args:
        subject: What is looked at; an editor that routes goes deep everywhere.
        patches: (3, side, side) RGB in [0, 1], all of one size.

    Returns:
        (N, D) float32 on the CPU.

    Raises:
        ValueError: The layer does not run, runs on parts of an image, puts out no tensor, or too
            much for the memory.
    """
    weights = next(subject.model.parameters(), torch.zeros(0))
    network = network_of(subject.model, subject.part)
    editor = _editor(subject.model)
    rows: list[Tensor] = []
    with tapped(network, [subject.layer]) as features, _dense(editor):
        for patch in patches:
            _run(subject, patch[None].to(weights.device))
            outputs = features.all(subject.layer)
            row = _flat(outputs, len(patches), subject.layer)
            rows.append(row)
            features.clear()
    return torch.cat(rows)


def _run(subject: Subject, batch: Tensor) -> None:
    """One pass as far as the layer's network goes."""
    model = subject.model
    result = _editor(model).upscale(batch)
    if subject.part == "editor" or isinstance(model, SREditor):
        return
    sample = _sample(hw_of(batch))
    images = list(result.image)
    seen = model.handoff(images, [sample], model.detector, training=False)
    extract: Any = model.detector.extract_feat  # mmdet's, of which torch knows nothing
    extract(seen.inputs)


def _sample(hw: tuple[int, int]) -> DetDataSample:
    """Of a patch: its frame alone."""
    return DetDataSample(metainfo={"source_shape": hw, "lr_shape": hw})


def _flat(outputs: Sequence[Tensor], patches: int, layer: str) -> Tensor:
    """(1, D) of the last output."""
    if not outputs:
        raise ValueError(
            f"layer {layer!r} did not run on these patches; name one that does (of a detector: "
            "within backbone or neck)"
        )
    last = outputs[-1]
    if len(last) != 1:
        raise ValueError(
            f"layer {layer!r} put out {len(last)} rows for one patch: it runs on parts of an "
            "image; name another"
        )
    values = math.prod(last.shape[1:])
    if 4 * values * patches > MOST:
        raise ValueError(
            f"layer {layer!r} has {values} values per patch, and {patches} patches of them take "
            f"more than {MOST >> 30} GiB; take a smaller side, fewer patches or another layer"
        )
    return last.flatten(1).float().cpu()
