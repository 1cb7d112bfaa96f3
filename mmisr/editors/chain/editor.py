"""Editor ``EditorChain``: one editor after another, each on what the one before it made."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import cast

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
        parts: list[SREditor] = [MODELS.build(editor) for editor in editors]
        self.editors = nn.ModuleList(parts)
        facts = [part.info for part in parts]
        _check(scale, facts)
        name = "+".join(fact.name for fact in facts)
        trainable = any(fact.trainable for fact in facts)
        self._info = EditorInfo(name, int(scale), trainable=trainable)
        self.checkpoint = checkpoint
        self._load()

    @property
    def info(self) -> EditorInfo:
        """Scale and name."""
        return self._info

    @property
    def names_weights(self) -> bool:
        """Whether the config names the weights of the chain, or of each editor that has some."""
        parts = cast("list[SREditor]", list(self.editors))
        needed = [part for part in parts if part.info.trainable]
        return super().names_weights or all(part.names_weights for part in needed)

    def _upscale(self, lr: Tensor, hints: BatchHints | None) -> SRResult:
        image = lr
        parts = cast("list[SREditor]", list(self.editors))
        for editor in parts:
            # Hints are of the LR image; behind an enlargement they would be of another frame.
            is_lr = image.shape == lr.shape
            given = hints if is_lr else None
            seen = image.clamp(0, 1)
            image = editor.upscale(seen, given).image
        return SRResult(image)


def _check(scale: int, facts: Sequence[EditorInfo]) -> None:
    """See that editors make a chain of a scale.

    Raises:
        ValueError: They do not.
    """
    scales = [fact.scale for fact in facts]
    product = math.prod(scales)
    if isinstance(scale, bool) or scale != product:
        raise ValueError(
            f"EditorChain.scale must be the product of its editors' scales {scales}, {product}, "
            f"got {scale!r}"
        )
    for number, fact in enumerate(facts):
        if fact.adaptive:
            raise ValueError(
                f"EditorChain.editors[{number}] routes tokens ({fact.name!r}), which a chain does "
                "not carry; use it alone"
            )
