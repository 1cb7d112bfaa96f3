"""Editor ``Resample``: interpolation, the baseline that every SR method must beat."""

from __future__ import annotations

from torch import Tensor

from mmisr.openmmlab.editor import SREditor
from mmisr.ops.resample import MODES, resize
from mmisr.registry import MODELS
from mmisr.structures.editor_info import EditorInfo
from mmisr.structures.hints import BatchHints
from mmisr.structures.sr_result import SRResult


@MODELS.register_module()
class Resample(SREditor):
    """Interpolate by a fixed kernel; ``scale=1`` is the identity, bit for bit.

    Args:
        scale: Factor per axis.
        mode: ``nearest``, ``bilinear``, ``bicubic``, ``area`` or ``lanczos``, as
            :func:`mmisr.ops.resample.resize`.
        data_preprocessor: As in :class:`SREditor`.

    Raises:
        ValueError: The mode is unknown or the scale is below 1.
    """

    def __init__(
        self, scale: int, mode: str = "bicubic", data_preprocessor: dict | None = None
    ) -> None:
        super().__init__(data_preprocessor=data_preprocessor)
        if mode not in MODES:
            raise ValueError(f"Resample.mode must be one of {MODES}, got {mode!r}")
        self.mode = mode
        self._info = EditorInfo(
            name="identity" if scale == 1 else mode, scale=scale, trainable=False
        )

    @property
    def info(self) -> EditorInfo:
        """Scale and name."""
        return self._info

    def _upscale(self, lr: Tensor, hints: BatchHints | None) -> SRResult:
        h, w = lr.shape[-2:]
        return SRResult(resize(lr, (h * self.info.scale, w * self.info.scale), self.mode))
