"""Editor ``CAJNN``: JPEG artifacts are removed and the image is enlarged in one pass."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import l1_loss

from mmisr.editors.cajnn.net import SIZES, CAJNNNet, NetSize
from mmisr.openmmlab.editor import PIXEL_LOSS, SREditor
from mmisr.ops.resample import resize
from mmisr.registry import MODELS
from mmisr.structures.checks import check_not_negative, check_types
from mmisr.structures.editor_info import EditorInfo
from mmisr.structures.frames import hw_of
from mmisr.structures.hints import BatchHints
from mmisr.structures.sr_result import SRResult

TURNS = (0, 1, 2, 3)
AXES = (-2, -1)


@MODELS.register_module()
class CAJNN(SREditor):
    """One network removes compression artifacts and enlarges, blind to the JPEG quality.

    Source: "Boosting High-Level Vision with Joint Compression Artifacts Reduction and
    Super-Resolution" (Xiang, Lin, Allebach; ICPR 2020), from its description; no code is public.
    Activations, initial weights and where the ablation's LR image comes from are ours.

    Args:
        scale: 1 (artifact removal alone), 2, 4 or 8.
        size: ``paper``, ``nano``, or the fields of :class:`NetSize`.
        lr_weight: Weight of the L1 loss between an LR image that the network restores on the way
            and the clean LR image, the bicubic reduction of HR. 0, the default and the paper's
            choice, leaves it out.
        self_ensemble: Whether images are the mean over the eight turns and flips of the input, at
            eight times the compute; not in training. By default they are not.
        pixel_loss: Loss of stand-alone training, and of a pair that asks for the editor's own.
        checkpoint: Weights to load, of this editor alone or of a pair; None for none.

    Raises:
        ValueError: A value that is not supported, or a checkpoint that does not fit.
        TypeError: An unknown key in ``size``.
    """

    def __init__(
        self,
        scale: int = 4,
        size: str | dict[str, Any] = "nano",
        lr_weight: float = 0.0,
        self_ensemble: bool = False,
        pixel_loss: dict | None = None,
        checkpoint: str | None = None,
    ) -> None:
        super().__init__(pixel_loss=pixel_loss or PIXEL_LOSS)
        given = {"lr_weight": lr_weight, "self_ensemble": self_ensemble}
        check_types(type(self), given, "CAJNN")
        check_not_negative("CAJNN", {"lr_weight": lr_weight})
        self.net = CAJNNNet(scale, _size(size), restores_lr=lr_weight > 0)
        if scale == 1 and lr_weight > 0:
            raise ValueError(
                f"CAJNN.lr_weight must be 0 at scale 1, got {lr_weight}: what is restored there is "
                "the LR image itself"
            )
        self.lr_weight = lr_weight
        self.self_ensemble = bool(self_ensemble)
        name = f"cajnn_{size}" if isinstance(size, str) else "cajnn"
        self._info = EditorInfo(name, self.net.scale)
        self.checkpoint = checkpoint
        self._load()

    @property
    def info(self) -> EditorInfo:
        """Scale and name."""
        return self._info

    def losses(
        self, lr: Tensor, hr: Tensor | None, hints: BatchHints | None = None
    ) -> dict[str, Tensor]:
        """The pixel loss, and that of the restored LR image where it has a weight.

        Args:
            lr: (B, 3, h, w) RGB in [0, 1].
            hr: (B, 3, s*h, s*w) RGB in [0, 1].
            hints: One record per image, for pixel losses that read them.

        Returns:
            Losses by name.

        Raises:
            ValueError: There are no HR images.
        """
        if hr is None:
            raise ValueError("CAJNN learns from HR images; simulate LR from HR")
        if self.lr_weight == 0:
            return super().losses(lr, hr, hints)
        sr, restored = self.net.both(lr)
        clean = clean_lr(hr, hw_of(lr))
        distance = l1_loss(restored, clean)
        return {
            **self.pixel_terms(sr, hr, hints),
            "loss_cajnn_lr": self.lr_weight * distance,
        }

    def _upscale(self, lr: Tensor, hints: BatchHints | None) -> SRResult:
        if self.self_ensemble and not self.training:
            return SRResult(self._ensemble(lr))
        return SRResult(self.net(lr))

    def _ensemble(self, lr: Tensor) -> Tensor:
        """The mean over eight views, each turned back; unclamped floats."""
        mirrored = lr.flip(-1)
        plain = self._mean_over_turns(lr)
        other = self._mean_over_turns(mirrored)
        return (plain + other.flip(-1)) / 2

    def _mean_over_turns(self, lr: Tensor) -> Tensor:
        """The mean over four turns, each turned back."""
        views = []
        for turns in TURNS:
            turned = torch.rot90(lr, turns, AXES)
            view = self.net(turned)
            back = torch.rot90(view, -turns, AXES)
            views.append(back)
        return torch.stack(views).mean(0)


def clean_lr(hr: Tensor, lr_hw: tuple[int, int]) -> Tensor:
    """The LR image without artifacts: the antialiased bicubic reduction of HR, not rounded.

    Args:
        hr: (B, 3, H, W) RGB in [0, 1].
        lr_hw: Height and width of the LR image.

    Returns:
        (B, 3, h, w) in [0, 1].

    Example:
        >>> clean_lr(torch.ones(1, 3, 8, 12), (2, 3)).shape
        torch.Size([1, 3, 2, 3])
    """
    reduced = resize(hr, lr_hw, "bicubic", antialias=True)
    return reduced.clamp(0, 1)


def _size(size: str | dict[str, Any]) -> NetSize:
    if isinstance(size, str):
        if size not in SIZES:
            raise ValueError(
                f"CAJNN.size must be one of {list(SIZES)}, or a dict of channels, growth and "
                f"blocks, got {size!r}"
            )
        return SIZES[size]
    return NetSize(**size)
