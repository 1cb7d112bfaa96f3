"""Editor ``Unsharp``: bicubic, then an unsharp mask whose strength is learned."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from mmisr.openmmlab.editor import PIXEL_LOSS, SREditor
from mmisr.ops.blur import blur, gaussian_kernel
from mmisr.ops.resample import resize
from mmisr.registry import MODELS
from mmisr.structures.editor_info import EditorInfo
from mmisr.structures.hints import BatchHints
from mmisr.structures.sr_result import SRResult


@MODELS.register_module()
class Unsharp(SREditor):
    """Enlarge by bicubic, then add back a share of what a Gaussian blur takes away.

    Args:
        scale: Factor per axis.
        amount: Share of the detail that is added; 0 is bicubic, a negative one blurs. Learned from
            here.
        sigma: Standard deviation of the Gaussian, in LR pixels.
        pixel_loss: Loss of stand-alone training.
        data_preprocessor: As in :class:`SREditor`.

    Raises:
        ValueError: ``scale`` is below 1, or ``sigma`` is not positive.
    """

    def __init__(
        self,
        scale: int,
        amount: float = 0.5,
        sigma: float = 0.5,
        pixel_loss: dict | None = None,
        data_preprocessor: dict | None = None,
    ) -> None:
        super().__init__(pixel_loss=pixel_loss or PIXEL_LOSS, data_preprocessor=data_preprocessor)
        self._info = EditorInfo(name="unsharp", scale=scale)
        self.kernel = gaussian_kernel((sigma * scale, sigma * scale))
        self.amount = nn.Parameter(torch.tensor(float(amount)))

    @property
    def info(self) -> EditorInfo:
        """Scale and name; any size will do, so nothing more."""
        return self._info

    def _upscale(self, lr: Tensor, hints: BatchHints | None) -> SRResult:
        h, w = lr.shape[-2:]
        image = resize(lr, (h * self.info.scale, w * self.info.scale), "bicubic")
        return SRResult(image + self.amount * (image - blur(image, self.kernel)))
