"""Editor ``InstanceRouter``: says where instances are, and leaves the pixels as they are."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from mmisr.editors.instance_sr.budget import Prices, margins
from mmisr.editors.instance_sr.editor import ROUTERS
from mmisr.editors.instance_sr.encoder_losses import encoder_losses, shares
from mmisr.editors.instance_sr.labels import LabelRule
from mmisr.editors.instance_sr.losses import LossWeights
from mmisr.editors.instance_sr.pretrained_encoder import PretrainedEncoder
from mmisr.editors.instance_sr.router_config import build_router
from mmisr.editors.instance_sr.routers import RouteInput
from mmisr.openmmlab.checkpoints import load_state
from mmisr.openmmlab.editor import SREditor
from mmisr.openmmlab.heads import reduce_mean
from mmisr.registry import MODELS
from mmisr.structures.editor_info import EditorInfo, with_budget
from mmisr.structures.hints import BatchHints, every
from mmisr.structures.sr_result import RoutingMap, SRResult

TOKEN = 8


@MODELS.register_module()
class InstanceRouter(SREditor):
    """A router by itself, for pairs that search in windows behind any editor.

    ``test_cfg=dict(windows=dict(router=dict(type='mmisr.InstanceRouter', checkpoint=...)))``. It is
    trained as an editor is, on LR images and their boxes; its images are LR images.

    InstanceSR brings an encoder of its own, which must cost next to nothing beside its decoder.
    Beside a detector there is room for a larger one, that knows natural images and finds more.

    Source: ours.

    Args:
        router: See :func:`mmisr.editors.instance_sr.router_config.build_router`.
        labels: Fields of :class:`LabelRule`.
        loss: Fields of :class:`LossWeights`; only ``enc``, ``loc`` and ``recall`` count.
        pretrained: File of MobileNetV2's ImageNet weights, where training begins; None for random
            ones.
        checkpoint: Weights to load; None for none.

    Raises:
        ValueError: A value that is not supported, or a file that does not fit.
        TypeError: An unknown key in one of the dicts.
    """

    def __init__(
        self,
        router: str | dict[str, Any] = "learned",
        labels: dict[str, Any] | None = None,
        loss: dict[str, Any] | None = None,
        pretrained: str | None = None,
        checkpoint: str | None = None,
    ) -> None:
        super().__init__()
        self.net = PretrainedEncoder()
        self.rule = LabelRule(**(labels or {}))
        self.weights = LossWeights(**(loss or {}))
        self.pretrained = pretrained
        self.checkpoint = checkpoint
        self.route_by(router)
        self._info = EditorInfo(
            "instance_router",
            scale=1,
            multiple_of=TOKEN,
            min_size=TOKEN,
            routers=ROUTERS,
            method="instance_router",
        )
        self._load()

    @property
    def info(self) -> EditorInfo:
        """Scale 1, size rules and name."""
        return self._info

    def init_weights(self) -> None:
        """Initialise, from ImageNet where a file is named, then load the checkpoint."""
        super().init_weights()
        if self.pretrained is not None:
            self.net.load_imagenet(load_state(self.pretrained))
        self._load()

    def route_by(self, router: str | dict[str, Any], budget: dict[str, Any] | None = None) -> None:
        """Change who decides, and within what budget; the weights stay.

        Raises:
            ValueError: There is no such router, or a budget came with another one than the learned.
            TypeError: An unknown key.
        """
        self.router = build_router(with_budget(router, budget), self.rule)

    def losses(
        self, lr: Tensor, hr: Tensor | None, hints: BatchHints | None = None
    ) -> dict[str, Tensor]:
        """What the encoder learns by.

        Args:
            lr: (B, 3, h, w) RGB in [0, 1].
            hr: Not looked at.
            hints: One record per image, each with ``boxes_lr``.

        Raises:
            ValueError: An image has no boxes.
        """
        boxes = every(hints, "boxes_lr")
        if boxes is None:
            raise ValueError("InstanceRouter learns from boxes; train on annotated images")
        padded = self._pad(lr)
        hw = padded.shape[-2], padded.shape[-1]
        labels = torch.stack([self.rule(xyxy, hw, TOKEN) for xyxy in boxes]).to(lr.device)
        encoded = self.net(padded)
        losses = encoder_losses(
            encoded,
            labels,
            boxes,
            weights=self.weights,
            token=TOKEN,
            over_processes=reduce_mean,
        )
        return {**shares("labels", labels), **losses}

    def _route(self, lr: Tensor, hints: BatchHints | None, prices: Prices | None) -> RoutingMap:
        given = RouteInput(
            lr=lr, token=TOKEN, hints=hints, encode=lambda: self.net(lr), prices=prices
        )
        exits = self.router(given)
        scores = None
        if given.encoded is not None:
            logits, _ = given.encoded
            scores = margins(logits)
        return RoutingMap(exits, TOKEN, scores=scores)

    def _upscale(self, lr: Tensor, hints: BatchHints | None) -> SRResult:
        return SRResult(lr)
