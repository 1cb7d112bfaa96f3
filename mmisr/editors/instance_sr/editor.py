"""Editor ``InstanceSR``: super-resolution that spends its compute where the instances are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from mmisr.editors.instance_sr.budget import Budget
from mmisr.editors.instance_sr.decoder import SIZES, DecoderSize
from mmisr.editors.instance_sr.labels import LabelRule, box_targets
from mmisr.editors.instance_sr.losses import (
    LossWeights,
    box_weights,
    localisation_loss,
    reconstruction_loss,
    token_loss,
)
from mmisr.editors.instance_sr.net import InstanceSRNet
from mmisr.editors.instance_sr.routers import Learned, build_router
from mmisr.openmmlab.checkpoints import load_into, load_state
from mmisr.openmmlab.editor import SREditor
from mmisr.registry import MODELS
from mmisr.structures.editor_info import EditorInfo
from mmisr.structures.sr_result import SRResult, UpscaleHints

STAGES = ("decoder", "encoder", "joint")


@MODELS.register_module()
class InstanceSR(SREditor):
    """Tokens of three recovery difficulties leave a chain of three blocks as soon as they may.

    Source: "InstanceSR: Efficient Reconstructing Small Object with Differential Instance-level Super-Resolution" (Fan,
    Liu, Tian, Qian; IEEE TCSVT 2024). No code and no full text is public: this is a re-implementation from the abstract
    and the overview figure; hyper-parameters are ours.

    Args:
        scale: 2, 3 or 4.
        size: ``nano``, ``base``, or the fields of :class:`DecoderSize`.
        token_size: Side of a token in LR pixels: 8, 16 or 32.
        router: See :func:`build_router`; ``learned`` is the method, the others are for comparison.
        execution: ``halo`` (LR pixels around a window; None, the default, is exact), ``easy`` (``exit1`` or
            ``interpolate``), ``budget`` (fields of :class:`Budget`; limits the learned router).
        labels: Fields of :class:`LabelRule`.
        loss: Fields of :class:`LossWeights`.
        checkpoint: Weights to load, of this editor alone or of a pair; None for none.

    Raises:
        ValueError: A value that is not supported, a budget with another router, or a checkpoint that does not fit.
        TypeError: An unknown key in one of the dicts.
    """

    def __init__(
        self,
        scale: int = 4,
        size: str | dict[str, Any] = "nano",
        token_size: int = 8,
        router: str | dict[str, Any] = "learned",
        execution: dict[str, Any] | None = None,
        labels: dict[str, Any] | None = None,
        loss: dict[str, Any] | None = None,
        checkpoint: str | None = None,
    ) -> None:
        super().__init__()
        run = {"halo": None, "easy": "exit1", "budget": None, **(execution or {})}
        self.halo, easy, budget = run.pop("halo"), run.pop("easy"), run.pop("budget")
        if run:
            raise TypeError(f"InstanceSR.execution takes halo, easy and budget, got {sorted(run)}")
        self.net = InstanceSRNet(scale, _size(size), token_size, easy)
        self.router = build_router(router)
        self.budget = None if budget is None else Budget(**budget)
        if self.budget is not None and not isinstance(self.router, Learned):
            raise ValueError(f"InstanceSR.execution.budget limits the learned router; router is {router!r}")
        self.rule = LabelRule(**(labels or {}))
        self.weights = LossWeights(**(loss or {}))
        self.stage = "joint"
        name = f"instance_sr_{size}" if isinstance(size, str) else "instance_sr"
        self._info = EditorInfo(name, scale, self.net.multiple_of, self.net.multiple_of, adaptive=True)
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

    def set_stage(self, stage: str) -> None:
        """Choose what is trained: ``decoder`` (every exit on every token), ``encoder`` alone, or ``joint``.

        Raises:
            ValueError: There is no such stage.
        """
        if stage not in STAGES:
            raise ValueError(f"InstanceSR stage must be one of {STAGES}, got {stage!r}")
        self.stage = stage
        self.net.decoder.requires_grad_(stage != "encoder")
        self.net.encoder.requires_grad_(stage != "decoder")

    def forward_train(self, inputs: Tensor, data_samples: Any = None, **kwargs: Any) -> dict[str, Tensor]:
        """The losses of the current stage, with per-exit PSNR and the share of every class for the log.

        Args:
            inputs: (B, 3, h, w) LR, RGB in [0, 1].
            data_samples: Stacked sample with ``gt_img`` and the metainfo ``boxes_lr``.
        """
        lr = self._pad(inputs)
        boxes = [torch.as_tensor(b).float() for b in data_samples.boxes_lr]
        losses: dict[str, Tensor] = {}
        if self.stage != "encoder":
            losses |= self._decoder_losses(lr, data_samples.gt_img, boxes, inputs.shape[-2:])
        if self.stage != "decoder":
            losses |= self._encoder_losses(lr, boxes)
        return losses

    def _upscale(self, lr: Tensor, hints: UpscaleHints | None) -> SRResult:
        if self.training:
            return self.net.forward_dense(lr, self.router, hints)
        return self.net(lr, self.router, hints, self.budget, self.halo)

    def _decoder_losses(self, lr: Tensor, hr: Tensor, boxes: Sequence[Tensor], hw: Sequence[int]) -> dict[str, Tensor]:
        scale = self.info.scale
        size = hw[0] * scale, hw[1] * scale
        weights = box_weights([b * scale for b in boxes], size, self.weights.box, self.weights.dilate).to(hr)
        exits = self.net.decoder.all_exits(lr)
        images = [image[..., : size[0], : size[1]] for image in exits]
        logs = {f"psnr_exit{k + 1}": _psnr(image.detach(), hr) for k, image in enumerate(images)}
        if self.stage == "decoder":
            terms = [reconstruction_loss(image, hr, weights) for image in images]
            return {"loss_instance_sr_rec": torch.stack(terms).mean(), **logs}
        with torch.no_grad():
            chosen = self.net.encoder(lr)[0].argmax(1)
        sr = self.net.decoder.stitch(exits, chosen, self.net.token_size)[..., : size[0], : size[1]]
        return {"loss_instance_sr_rec": reconstruction_loss(sr, hr, weights), "psnr_sr": _psnr(sr.detach(), hr), **logs}

    def _encoder_losses(self, lr: Tensor, boxes: Sequence[Tensor]) -> dict[str, Tensor]:
        token, hw = self.net.token_size, (lr.shape[-2], lr.shape[-1])
        labels = torch.stack([self.rule(b, hw, token) for b in boxes]).to(lr.device)
        logits, found = self.net.encoder(lr)
        targets = torch.stack([box_targets(b, (logits.shape[-2], logits.shape[-1]), token) for b in boxes]).to(lr)
        chosen = logits.argmax(1)
        logs = {f"{who}_{name}": (tokens == k).float().mean()
                for who, tokens in (("labels", labels), ("routed", chosen))
                for k, name in enumerate(("easy", "moderate", "hard"))}
        recall = (chosen[labels > 0] > 0).float().mean() if bool((labels > 0).any()) else chosen.new_tensor(1.0, dtype=lr.dtype)
        return {
            "loss_instance_sr_enc": self.weights.enc * token_loss(logits, labels, self.weights.recall),
            "loss_instance_sr_loc": self.weights.loc * localisation_loss(found, targets, labels),
            "routed_recall": recall,
            **logs,
        }

    def _load(self) -> None:
        if self.checkpoint is not None:
            load_into(self, load_state(self.checkpoint), self.checkpoint, ("editor.",))


def _size(size: str | dict[str, Any]) -> DecoderSize:
    if isinstance(size, dict):
        return DecoderSize(**size)
    if size not in SIZES:
        raise ValueError(f"InstanceSR.size must be one of {sorted(SIZES)} or a dict of channels and blocks, got {size!r}")
    return SIZES[size]


def _psnr(sr: Tensor, hr: Tensor) -> Tensor:
    return -10 * torch.log10(F.mse_loss(sr.clamp(0, 1), hr).clamp(min=1e-12))
