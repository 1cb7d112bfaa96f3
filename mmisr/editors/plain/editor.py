"""Editor ``PlainSR``: any SR network of mmagic's behind the common interface."""

from __future__ import annotations

import torch
from torch import Tensor

from mmisr.openmmlab.checkpoints import load_into, load_state
from mmisr.openmmlab.editor import PIXEL_LOSS, SREditor
from mmisr.registry import MODELS
from mmisr.structures.editor_info import EditorInfo
from mmisr.structures.sr_result import SRResult, UpscaleHints

PREFIXES = ("editor.generator.", "generator_ema.", "generator.")
"""Where mmagic and we keep a network inside a checkpoint."""


@MODELS.register_module()
class PlainSR(SREditor):
    """A dense SR network: EDSR, SRResNet, RRDB, RDN, SwinIR, or your own registered one.

    The network must take (B, 3, h, w) RGB in [0, 1] and give (B, 3, s*h, s*w).

    Args:
        generator: Config of the network, e.g. ``dict(type='mmagic.EDSRNet', ...)``.
        scale: Factor per axis; checked against what the network really does.
        multiple_of: What LR sizes must be multiples of (the window size, for SwinIR).
        checkpoint: Weights to load, mmagic's own included; None for none.
        pixel_loss: Loss of stand-alone training.
        data_preprocessor: As in :class:`SREditor`.

    Raises:
        ValueError: The network's factor is not ``scale``, or the checkpoint does not fit.
    """

    def __init__(
        self,
        generator: dict,
        scale: int,
        multiple_of: int = 1,
        checkpoint: str | None = None,
        pixel_loss: dict | None = None,
        data_preprocessor: dict | None = None,
    ) -> None:
        super().__init__(generator, pixel_loss or PIXEL_LOSS, data_preprocessor)
        name = str(generator["type"]).rpartition(".")[2]
        self._info = EditorInfo(name=name, scale=scale, multiple_of=multiple_of, min_size=max(8, multiple_of))
        self._check_scale()
        self.checkpoint = checkpoint
        self._load()

    @property
    def info(self) -> EditorInfo:
        """Scale, size rules and name."""
        return self._info

    def init_weights(self) -> None:
        """Initialise, then load the checkpoint that the config names."""
        super().init_weights()
        self._load()

    def _upscale(self, lr: Tensor, hints: UpscaleHints | None) -> SRResult:
        return SRResult(self.generator(lr))

    def _load(self) -> None:
        if self.checkpoint is not None:
            load_into(self.generator, load_state(self.checkpoint), self.checkpoint, PREFIXES)

    @torch.no_grad()
    def _check_scale(self) -> None:
        size = self.info.min_size
        mode = self.generator.training
        shape = tuple(self.generator.eval()(torch.zeros(1, 3, size, size)).shape)
        self.generator.train(mode)
        expected = (1, 3, size * self.info.scale, size * self.info.scale)
        if shape != expected:
            raise ValueError(
                f"PlainSR(scale={self.info.scale}): {self.info.name} must turn (1, 3, {size}, {size}) into {expected}, "
                f"it gave {shape}; set the same factor in `scale` and in `generator`"
            )
