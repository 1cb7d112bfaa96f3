"""Editor ``EditorChain``: one editor after another, each on what the one before it made."""

from __future__ import annotations

import math
from collections.abc import Sequence

from torch import Tensor, nn

from mmisr.openmmlab.editor import PIXEL_LOSS, SREditor
from mmisr.registry import MODELS
from mmisr.structures.editor_info import EditorInfo
from mmisr.structures.hints import BatchHints
from mmisr.structures.sr_result import SRResult


@MODELS.register_module()
class EditorChain(SREditor):
    """Steps that are editors: artifact removal and then SR, or x2 and once more x2.

    Each reads its own ``checkpoint``. Trained, all of them learn from the image of the last.

    Convention: between two steps images are clamped to [0, 1], in training too, so that what learns
    is what runs. They stay floats, not rounded to the 8 bits that a file between them would have.

    Args:
        editors: Configs of at least two, first to last.
        scale: Product of their scales.
        pixel_loss: Loss of stand-alone training.
        checkpoint: Weights of the whole chain, of it alone or of a pair; None for none.

    Raises:
        ValueError: There are fewer than two editors, their scales make another one, one routes
            tokens, or a checkpoint does not fit.
    """

    def __init__(
        self,
        editors: Sequence[dict],
        scale: int,
        pixel_loss: dict | None = None,
        checkpoint: str | None = None,
    ) -> None:
        super().__init__(pixel_loss=pixel_loss or PIXEL_LOSS)
        if len(editors) < 2:
            raise ValueError(f"EditorChain.editors needs at least two, got {len(editors)}")
        self.editors = nn.ModuleList([MODELS.build(editor) for editor in editors])
        self._check(scale)
        names = [editor.info.name for editor in self.editors]
        trainable = any(editor.info.trainable for editor in self.editors)
        self._info = EditorInfo("+".join(names), int(scale), trainable=trainable)
        self.checkpoint = checkpoint
        self._load()

    @property
    def info(self) -> EditorInfo:
        """Scale and name."""
        return self._info

    def _upscale(self, lr: Tensor, hints: BatchHints | None) -> SRResult:
        image = lr
        for editor in self.editors:
            # Hints are of the LR image; behind an enlargement they would be of another frame.
            given = hints if image.shape == lr.shape else None
            image = editor.upscale(image.clamp(0, 1), given).image
        return SRResult(image)

    def _check(self, scale: int) -> None:
        scales = [editor.info.scale for editor in self.editors]
        product = math.prod(scales)
        if isinstance(scale, bool) or scale != product:
            raise ValueError(
                f"EditorChain.scale must be the product of its editors' scales {scales}, "
                f"{product}, got {scale!r}"
            )
        for number, editor in enumerate(self.editors):
            if editor.info.adaptive:
                raise ValueError(
                    f"EditorChain.editors[{number}] routes tokens ({editor.info.name!r}), which a "
                    "chain does not carry; use it alone"
                )
