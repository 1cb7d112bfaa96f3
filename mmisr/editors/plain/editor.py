"""Editor ``PlainSR``: any SR network of mmagic's behind the common interface."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from mmisr.openmmlab.checkpoints import load_state
from mmisr.openmmlab.editor import PIXEL_LOSS, SREditor
from mmisr.openmmlab.loading import load_into
from mmisr.ops.modes import evaluating
from mmisr.registry import MODELS
from mmisr.structures.editor_info import EditorInfo
from mmisr.structures.hints import BatchHints
from mmisr.structures.sr_result import SRResult

PREFIXES = ("editor.generator.", "generator_ema.module.", "generator_ema.", "generator.")
"""Where mmagic and we keep a network inside a checkpoint.

Averaged weights win over the last ones.
"""

MIN_SIZE = 8
"""Smaller images are padded up to this.

Networks that mirror their border inside need a few pixels.
"""

MULTIPLES = (1, 2, 4, 8, 16)
"""What is tried, in units of the network's window, where no ``multiple_of`` is given."""


@MODELS.register_module()
class PlainSR(SREditor):
    """A dense SR network: EDSR, SRResNet, RRDB, RDN, SwinIR, SRCNN, or your own registered one.

    The network must take (B, 3, h, w) RGB in [0, 1] and give (B, 3, s*h, s*w). It is run once on a
    small black image when it is built, so that a wrong factor fails before any data is read.

    Args:
        generator: Config of the network, e.g. ``dict(type='mmagic.EDSRNet', ...)``.
        scale: Factor per axis; checked against what the network really does.
        multiple_of: What LR sizes must be multiples of. None takes the network's ``window_size``
            where it has one, and doubles it (or 1) until the network runs, at most four times.
        checkpoint: Weights to load, mmagic's own included; None for none.
        pixel_loss: Loss of stand-alone training.
        data_preprocessor: As in :class:`SREditor`.

    Raises:
        ValueError: The network's factor is not ``scale``, it is not from RGB to RGB, or the
            checkpoint does not fit.
    """

    def __init__(
        self,
        generator: dict,
        scale: int,
        multiple_of: int | None = None,
        checkpoint: str | None = None,
        pixel_loss: dict | None = None,
        data_preprocessor: dict | None = None,
    ) -> None:
        super().__init__(generator, pixel_loss or PIXEL_LOSS, data_preprocessor)
        # The factor is checked here, before it is compared with what the network does.
        info = EditorInfo(type(self.generator).__name__, scale)
        window = int(getattr(self.generator, "window_size", 1))
        tried = [window * n for n in MULTIPLES] if multiple_of is None else [multiple_of]
        multiple = self._working_multiple(scale, tried)
        self._info = replace(info, multiple_of=multiple, min_size=max(MIN_SIZE, multiple))
        self.checkpoint = checkpoint
        self._load()

    @property
    def info(self) -> EditorInfo:
        """Scale, size rules and name."""
        return self._info

    def _upscale(self, lr: Tensor, hints: BatchHints | None) -> SRResult:
        return SRResult(self.generator(lr))

    def _load(self) -> None:
        if self.checkpoint is not None:
            load_into(self.generator, load_state(self.checkpoint), self.checkpoint, PREFIXES)

    def _working_multiple(self, scale: int, multiples: list[int]) -> int:
        """The first of ``multiples`` whose odd multiples the network enlarges by ``scale``."""
        mismatch = ""
        for multiple in multiples:
            # The smallest odd number of multiples that reaches MIN_SIZE.
            tall = -(-MIN_SIZE // multiple) | 1
            h, w = tall * multiple, (tall + 2) * multiple
            expected = (1, 3, h * scale, w * scale)
            output = self._try(h, w)
            if output == expected:
                return multiple
            mismatch = f"(1, 3, {h}, {w}) into {expected}, got {output}"
        raise ValueError(
            f"PlainSR(scale={scale}): {type(self.generator).__name__} must turn {mismatch}; "
            f"`generator` must be a network from "
            "one RGB image to one, with the same factor as `scale`, and `multiple_of` a size that "
            "it accepts"
        )

    @torch.no_grad()
    def _try(self, h: int, w: int) -> tuple[int, ...] | str:
        """The shape of what the network makes of a black image, or what it did instead."""
        try:
            with evaluating(self.generator):
                output = self.generator(torch.zeros(1, 3, h, w))
        except Exception as error:
            # Whatever a network makes of a size or a channel count that it cannot take.
            return f"{type(error).__name__}: {error}"
        if not isinstance(output, Tensor):
            return f"a {type(output).__name__}"
        return tuple(output.shape)
