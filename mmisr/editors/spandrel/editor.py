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

PREFIXES = ("editor.generator.", "generator.")
"""Where a pair and this editor keep the network, in checkpoints of fine-tuning."""


@MODELS.register_module()
class SpandrelSR(SREditor):
    """A network whose architecture spandrel recognises from the weights alone.

    Args:
        checkpoint: The file; read as plain weights, never unpickled. One that this editor was fine-tuned to is fine.
        scale: The factor you expect; checked. None takes the checkpoint's.
        pixel_loss: Loss of stand-alone training (fine-tuning).
        data_preprocessor: As in :class:`SREditor`.

    Raises:
        ImportError: spandrel is not installed.
        FileNotFoundError: There is no such file.
        ValueError: The checkpoint is unreadable, unknown, no RGB super-resolution network, or of another scale.
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
                f"SpandrelSR(scale={scale}): checkpoint {checkpoint} is a x{descriptor.scale} {descriptor.architecture.name}; "
                f"use scale={descriptor.scale} or another checkpoint"
            )
        size = descriptor.size_requirements
        self.generator = descriptor.model
        # spandrel's own call clamps and takes no gradients; this is the part of it that knows the network's signature.
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
    state = _network(load_state(checkpoint))
    try:
        descriptor = spandrel.ModelLoader().load_from_state_dict(state)
    except Exception as error:  # spandrel guesses sizes from the weights; odd ones make it raise anything
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise ValueError(
            f"checkpoint {checkpoint} is of no architecture that spandrel {spandrel.__version__} knows ({reason}); "
            "use mmisr.PlainSR with its network's config"
        ) from error
    channels = (descriptor.input_channels, descriptor.output_channels)
    square = descriptor.size_requirements.square
    if descriptor.purpose != "SR" or channels != (3, 3) or square:
        raise ValueError(
            f"checkpoint {checkpoint} ({descriptor.architecture.name}) must be a single-image SR network with 3 channels in "
            f"and out, found purpose {descriptor.purpose!r} and channels {channels}{' for square images only' * square}; "
            "use another checkpoint"
        )
    return descriptor


def _network(state: dict[str, Tensor]) -> dict[str, Tensor]:
    for prefix in PREFIXES:
        inner = {k.removeprefix(prefix): v for k, v in state.items() if k.startswith(prefix)}
        if inner:
            return inner
    return state
