"""Editor ``SpandrelSR``: any single-image SR checkpoint that spandrel can read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from torch import Tensor

from mmisr.openmmlab.checkpoints import load_state
from mmisr.openmmlab.editor import PIXEL_LOSS, SREditor
from mmisr.registry import MODELS
from mmisr.structures.editor_info import EditorInfo
from mmisr.structures.hints import BatchHints
from mmisr.structures.sr_result import SRResult

INSTALL = "pip install spandrel"

PREFIXES = ("editor.generator.", "generator_ema.module.", "generator_ema.", "generator.")
"""Where a pair, this editor and mmagic keep the network.

Averaged weights win over the last ones.
"""

SHOWN = 6
"""How many names an error lists."""


@MODELS.register_module()
class SpandrelSR(SREditor):
    """A network whose architecture spandrel recognises from the weights alone.

    Args:
        checkpoint: The file; read as plain weights, never unpickled. One that this editor was
            fine-tuned to is fine.
        scale: The factor you expect; checked. None takes the checkpoint's.
        pixel_loss: Loss of stand-alone training (fine-tuning).
        data_preprocessor: As in :class:`SREditor`.

    Raises:
        ImportError: spandrel is not installed.
        FileNotFoundError: There is no such file.
        ValueError: The checkpoint is unreadable, unknown, no RGB super-resolution network, or of
            another scale.
    """

    def __init__(
        self,
        checkpoint: str,
        scale: int | None = None,
        pixel_loss: dict | None = None,
        data_preprocessor: dict | None = None,
    ) -> None:
        super().__init__(pixel_loss=pixel_loss or PIXEL_LOSS, data_preprocessor=data_preprocessor)
        descriptor = _descriptor(checkpoint)
        self.checkpoint = checkpoint
        if scale is not None and descriptor.scale != scale:
            raise ValueError(
                f"SpandrelSR(scale={scale}): checkpoint {checkpoint} is a x{descriptor.scale} "
                f"{descriptor.architecture.name}; "
                f"use scale={descriptor.scale} or another checkpoint"
            )
        size = descriptor.size_requirements
        self.generator = descriptor.model
        # spandrel's own call clamps and takes no gradients; this is the part of it that knows the
        # network's signature.
        self._call = descriptor._call_fn
        self._info = EditorInfo(
            name=Path(checkpoint).stem,
            scale=descriptor.scale,
            multiple_of=max(1, size.multiple_of),
            min_size=max(1, size.minimum),
        )

    @property
    def info(self) -> EditorInfo:
        """Scale, size rules and name, as spandrel states them."""
        return self._info

    def init_weights(self) -> None:
        """Keep the checkpoint's weights: some networks would draw new ones here."""

    def _upscale(self, lr: Tensor, hints: BatchHints | None) -> SRResult:
        return SRResult(self._call(self.generator, lr))


def _descriptor(checkpoint: str) -> Any:
    try:
        import spandrel
    except ImportError as error:
        raise ImportError(f"SpandrelSR needs the package spandrel: {INSTALL}") from error
    descriptor = _recognised(spandrel, load_state(checkpoint), checkpoint)
    channels = (descriptor.input_channels, descriptor.output_channels)
    square = descriptor.size_requirements.square
    if descriptor.purpose != "SR" or channels != (3, 3) or square:
        raise ValueError(
            f"checkpoint {checkpoint} ({descriptor.architecture.name}) must be a single-image SR "
            f"network with 3 channels in "
            f"and out, found purpose {descriptor.purpose!r} and channels "
            f"{channels}{' for square images only' * square}; "
            "use another checkpoint"
        )
    return descriptor


def _recognised(spandrel: Any, state: dict[str, Tensor], checkpoint: str) -> Any:
    """The network that spandrel knows in a file, under whatever part of it.

    Raises:
        ValueError: There is none; the text says what the file holds, and what reads it.
    """
    reasons = []
    for prefix in _prefixes(state):
        inner = {}
        for name, value in state.items():
            if name.startswith(prefix):
                inner[name.removeprefix(prefix)] = value
        try:
            return spandrel.ModelLoader().load_from_state_dict(inner)
        except Exception as error:
            # spandrel guesses sizes from the weights; odd ones make it raise anything.
            text = str(error) or type(error).__name__
            reasons.append(text.splitlines()[0])
    raise ValueError(
        f"checkpoint {checkpoint} is of no architecture that spandrel {spandrel.__version__} knows "
        f"({reasons[0]}): its "
        f"{len(state)} weights lie under {_listed(_heads(state))}; {_way_out(state)}"
    )


def _prefixes(state: dict[str, Tensor]) -> list[str]:
    """Prefixes under which the network may lie: ours and mmagic's, then none, then any other."""
    known = [prefix for prefix in PREFIXES if any(name.startswith(prefix) for name in state)]
    return [*known, "", *(f"{head}." for head in _heads(state) if f"{head}." not in known)]


def _heads(state: dict[str, Tensor]) -> list[str]:
    """What the names of weights begin with."""
    return list(dict.fromkeys(name.split(".")[0] for name in state))


def _listed(names: list[str]) -> str:
    return ", ".join(names[:SHOWN]) + (
        f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    )


def _way_out(state: dict[str, Tensor]) -> str:
    heads = set(_heads(state))
    if "editor" in heads:
        return (
            "it is a pair's, whose editor is another: use the `editor` of the config that it "
            "was trained with"
        )
    if heads & {"backbone", "bbox_head", "roi_head"}:
        return (
            "it is a detector's: give the file of an SR network, and this one as "
            "checkpoints=dict(detector=...)"
        )
    if heads & {"generator", "generator_ema"}:
        return (
            "mmagic keeps its networks so: use mmisr.PlainSR with "
            "generator=dict(type='mmagic....') of the config that it was "
            "trained with"
        )
    return "use mmisr.PlainSR with its network's config"
