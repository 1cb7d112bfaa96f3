"""Editor ``InstanceSR``: super-resolution that spends its compute where the instances are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from mmisr.editors.instance_sr.decoder import SIZES, DecoderSize
from mmisr.editors.instance_sr.encoder import Encoder
from mmisr.editors.instance_sr.encoder_losses import encoder_losses, shares
from mmisr.editors.instance_sr.execution import read_execution
from mmisr.editors.instance_sr.labels import CLASSES, LabelRule
from mmisr.editors.instance_sr.losses import (
    LossWeights,
    every_exit_loss,
    reconstruction_loss,
    smooth_images,
    smooth_loss,
)
from mmisr.editors.instance_sr.net import InstanceSRNet
from mmisr.editors.instance_sr.router_config import build_router
from mmisr.editors.instance_sr.routers import Known, Router
from mmisr.losses.functional import box_weights
from mmisr.openmmlab.editor import SREditor
from mmisr.openmmlab.heads import reduce_mean
from mmisr.ops.psnr import psnr_of_unit
from mmisr.ops.timing import Timer
from mmisr.ops.tokens import grid_hw
from mmisr.registry import MODELS
from mmisr.structures.checks import check_image_batch
from mmisr.structures.editor_info import EditorInfo, Routers, with_budget
from mmisr.structures.frames import FrameMap, hw_of
from mmisr.structures.hints import BatchHints, every
from mmisr.structures.pixels import to_bytes
from mmisr.structures.sr_result import RoutingMap, SRResult

STAGES = ("decoder", "encoder", "joint")
ROUTERS = Routers(
    own="learned",
    cheapest="fixed:0",
    dense="all-hard",
    by_share=("random", "edge"),
    oracle="oracle",
    num_exits=len(CLASSES),
    serving={"execution": {"all_hard_if_faster": True}},
)
SMOOTH_IMAGES, SMOOTH_SIDE = 4, 32
"""Images of L_smooth a step, and their side in LR pixels."""


@MODELS.register_module()
class InstanceSR(SREditor):
    """Tokens of three recovery difficulties leave a chain of three blocks as soon as they may.

    Source: "InstanceSR: Efficient Reconstructing Small Object with Differential Instance-level
    Super-Resolution" (Fan, Liu, Tian, Qian; IEEE TCSVT 2024). No code and no full text is public:
    this is a re-implementation from the abstract and the overview figure; hyper-parameters are
    ours.

    Args:
        scale: 2, 3, 4 or 8.
        size: ``nano``, ``base``, or the fields of :class:`DecoderSize`.
        token_size: Side of a token in LR pixels: 8, 16 or 32.
        router: See :func:`build_router`; ``learned`` is the method, which takes a ``budget``; the
            others are for comparison.
        execution: ``easy`` (``exit1`` or ``interpolate``) and the keys of :func:`read_execution`;
            none of them by default. ``budget`` is the older spelling of the router's.
        labels: Fields of :class:`LabelRule`.
        loss: Fields of :class:`LossWeights`.
        checkpoint: Weights to load, of this editor alone or of a pair; None for none.

    Raises:
        ValueError: A value that is not supported, a budget with another router, or a checkpoint
            that does not fit.
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
        run = dict(execution or {})
        easy = run.pop("easy", "exit1")
        # The older spelling of router=dict(type='learned', budget=dict(...)); the budget is the
        # router's.
        router = with_budget(router, run.pop("budget", None))
        self.execution = read_execution(run)
        self.net = InstanceSRNet(scale, _size(size), token_size, easy)
        self.rule = LabelRule(**(labels or {}))
        self.weights = LossWeights(**(loss or {}))
        self.route_by(router)
        self.stage = "joint"
        name = f"instance_sr_{size}" if isinstance(size, str) else "instance_sr"
        self._info = EditorInfo(
            name,
            scale,
            token_size,
            token_size,
            adaptive=True,
            routers=ROUTERS,
            method="instance_sr",
        )
        self.checkpoint = checkpoint
        self._load()

    @property
    def info(self) -> EditorInfo:
        """Scale, size rules and name."""
        return self._info

    def route_by(self, router: str | dict[str, Any], budget: dict[str, Any] | None = None) -> None:
        """Change who decides, and within what budget; the weights stay.

        Args:
            router: See :func:`build_router`.
            budget: Fields of :class:`Budget`, as they may stand in the router's dict; None for what
                stands there.

        Raises:
            ValueError: There is no such router, or a budget came with another one than the learned.
            TypeError: An unknown key.
        """
        self.router: Router = build_router(with_budget(router, budget), self.rule)

    @property
    def timer(self) -> Timer:
        """Timer of the stages of :meth:`upscale`."""
        return self.net.timer

    @timer.setter
    def timer(self, timer: Timer) -> None:
        self.net.timer = timer

    def set_stage(self, stage: str) -> None:
        """Choose what is trained.

        ``decoder`` (every exit on every token), ``encoder`` alone, or ``joint``.

        Raises:
            ValueError: There is no such stage.
        """
        if stage not in STAGES:
            raise ValueError(f"InstanceSR stage must be one of {STAGES}, got {stage!r}")
        self.stage = stage
        net = self.net
        net.decoder.requires_grad_(stage != "encoder")
        net.encoder.requires_grad_(stage != "decoder")

    def macs(self, lr_hw: tuple[int, int], exits: Tensor) -> float:
        """MACs of :meth:`upscale` for one image.

        With encoder (where the router asks for it), halo, exits and fusion.

        Args:
            lr_hw: Height and width of the LR image, before padding to whole tokens.
            exits: (rows, cols) routing map, as ``SRResult.routing.exits`` has it.

        Returns:
            MACs, as ``torch.utils.flop_counter`` counts them on the run.

        Raises:
            ValueError: The map is not that of such an image.
        """
        grid = grid_hw(lr_hw, self.net.token_size)
        if tuple(exits.shape) != grid:
            raise ValueError(
                f"exits must be {grid} tokens for an LR image of {lr_hw}, got {tuple(exits.shape)}"
            )
        return self.net.macs(exits, self.router, self.execution)

    @torch.no_grad()
    def upscale_bands(
        self, lr: Tensor, hints: BatchHints | None = None
    ) -> Iterator[tuple[slice, Tensor]]:
        """Upscale one image too large to be held as floats, as 8-bit bands of rows.

        Args:
            lr: (1, 3, h, w) RGB in [0, 1].
            hints: Routing hints for this image.

        Yields:
            Rows of the SR image and (3, rows, s*w) uint8 RGB pixels, from top to bottom: what
            :meth:`upscale` gives, rounded. ``execution.max_mpix_per_pass`` says how much is
            computed at once.

        Raises:
            ValueError: ``lr`` is not one image.
        """
        lr = check_image_batch(lr)
        if len(lr) != 1:
            raise ValueError(f"upscale_bands takes one image, got a batch of {len(lr)}")
        scale = self.info.scale
        lr_height, lr_width = hw_of(lr)
        height = lr_height * scale
        width = lr_width * scale
        padded = self._pad(lr)
        router = self._router_of(padded, hints)
        bands = self.net.bands(padded, router, hints, self.execution)
        for rows, band in bands:
            end = min(rows.stop, height)
            inside = slice(rows.start, end)
            count = end - rows.start
            pixels = band[0, :, :count, :width]
            yield inside, to_bytes(pixels)

    def losses(
        self, lr: Tensor, hr: Tensor | None, hints: BatchHints | None = None
    ) -> dict[str, Tensor]:
        """The losses of the current stage; for the log per-exit PSNR and the shares of the classes.

        Args:
            lr: (B, 3, h, w) RGB in [0, 1].
            hr: (B, 3, s*h, s*w) RGB in [0, 1].
            hints: One record per image, each with ``boxes_lr``.

        Returns:
            Losses by name, and what is only logged.

        Raises:
            ValueError: An image has no boxes, or there are no HR images.
        """
        boxes = every(hints, "boxes_lr")
        if boxes is None or hr is None:
            raise ValueError(
                "InstanceSR learns from HR images and their boxes; train on annotated images, and "
                "simulate LR from HR"
            )
        lr = self._pad(lr)
        hw, token = hw_of(lr), self.net.token_size
        per_image = [self.rule(xyxy, hw, token) for xyxy in boxes]
        labels = torch.stack(per_image).to(lr.device)
        losses = shares("labels", labels)
        if self.stage != "encoder" and self.weights.smooth:
            losses["loss_instance_sr_smooth"] = self._smooth_term(lr)
        if self.stage == "decoder":
            return losses | self._every_exit(lr, hr, boxes)
        encoded = self.net.encoder(lr)
        if self.stage == "joint":
            logits, _ = encoded
            exits = logits.argmax(1)
            losses |= self._routed(lr, hr, boxes, exits)
        return losses | self._encoder_terms(encoded, labels, boxes)

    @property
    def router_network(self) -> Encoder:
        """The encoder."""
        return self.net.encoder

    def router_losses(
        self, lr: Tensor, exits: Tensor, hints: BatchHints | None = None
    ) -> dict[str, Tensor]:
        """The losses of the encoder alone, where somebody else says which exits are right.

        Args:
            lr: (B, 3, h, w) RGB in [0, 1].
            exits: (B, rows, cols) int64, the exit that each token should leave by.
            hints: One record per image, each with ``boxes_lr``.

        Returns:
            Losses by name, and what is only logged.

        Raises:
            ValueError: An image has no boxes.
        """
        boxes = every(hints, "boxes_lr")
        if boxes is None:
            raise ValueError(
                "InstanceSR's encoder learns to localise too; train on annotated images"
            )
        encoded = self.net.encoder(self._pad(lr))
        labelled = shares("labels", exits)
        return labelled | self._encoder_terms(encoded, exits, boxes)

    def _route(self, lr: Tensor, hints: BatchHints | None, prices: Any) -> RoutingMap:
        return self.net.route(lr, self.router, hints, prices)

    def _upscale(self, lr: Tensor, hints: BatchHints | None) -> SRResult:
        router = self._router_of(lr, hints)
        if self.training:
            return self.net.forward_dense(lr, router, hints)
        return self.net(lr, router, hints, self.execution)

    def _router_of(self, lr: Tensor, hints: BatchHints | None) -> Router:
        """The router, or the exits that the hints give."""
        known = every(hints, "exits")
        if known is None:
            return self.router
        return Known.of(known, lr, self.router)

    def _every_exit(self, lr: Tensor, hr: Tensor, boxes: Sequence[Tensor]) -> dict[str, Tensor]:
        """Stage 1: every exit learns every token."""
        images = [_like(image, hr) for image in self.net.decoder.all_exits(lr)]
        weights = self._weights_of(hr, boxes)
        loss = every_exit_loss(images, hr, weights, self.weights.exits)
        return {"loss_instance_sr_rec": loss, **_exit_psnr(images, hr)}

    def _routed(
        self, lr: Tensor, hr: Tensor, boxes: Sequence[Tensor], exits: Tensor
    ) -> dict[str, Tensor]:
        """Stage 3: the stitched image, and, for a share, still every exit on every token."""
        decoder = self.net.decoder
        images = decoder.all_exits(lr)
        weights = self._weights_of(hr, boxes)
        sr = decoder.stitch(images, exits, self.net.token_size)
        sr = _like(sr, hr)
        loss = reconstruction_loss(sr, hr, weights)
        share = self.weights.every_exit
        if share:
            cropped = [_like(image, hr) for image in images]
            every_exit = every_exit_loss(cropped, hr, weights, self.weights.exits)
            loss = loss + share * (every_exit - loss)
        return {
            "loss_instance_sr_rec": loss,
            "psnr_sr": psnr_of_unit(sr.detach(), hr),
            **_exit_psnr(images, hr),
        }

    def _smooth_term(self, lr: Tensor) -> Tensor:
        """In the stages that move the decoder: on smooth images every exit adds nothing."""
        decoder = self.net.decoder
        smooth = smooth_images(SMOOTH_IMAGES, SMOOTH_SIDE, lr)
        images = decoder.all_exits(smooth)
        skipped = decoder.skip(smooth)
        interpolated = decoder.enlarge(skipped)
        loss = smooth_loss(images, interpolated)
        return self.weights.smooth * loss

    def _encoder_terms(
        self, encoded: tuple[Tensor, Tensor], labels: Tensor, boxes: Sequence[Tensor]
    ) -> dict[str, Tensor]:
        """The encoder's losses."""
        return encoder_losses(
            encoded,
            labels,
            boxes,
            weights=self.weights,
            token=self.net.token_size,
            over_processes=reduce_mean,
        )

    def _weights_of(self, hr: Tensor, boxes: Sequence[Tensor]) -> Tensor:
        scale = float(self.info.scale)  # exact: hr is a whole multiple of the LR image
        lr_to_hr = FrameMap((scale, scale))
        in_hr = [lr_to_hr.boxes(xyxy) for xyxy in boxes]
        return box_weights(in_hr, hw_of(hr), self.weights.box, self.weights.dilate).to(hr)


def _size(size: str | dict[str, Any]) -> DecoderSize:
    if isinstance(size, dict):
        return DecoderSize(**size)
    if size not in SIZES:
        raise ValueError(
            f"InstanceSR.size must be one of {sorted(SIZES)}, or a dict of channels, blocks and "
            f"fusion, got {size!r}"
        )
    return SIZES[size]


def _like(image: Tensor, hr: Tensor) -> Tensor:
    """Without the padding to whole tokens."""
    return image[..., : hr.shape[-2], : hr.shape[-1]]


def _exit_psnr(images: Sequence[Tensor], hr: Tensor) -> dict[str, Tensor]:
    return {
        f"psnr_exit{k}": psnr_of_unit(_like(image.detach(), hr), hr)
        for k, image in enumerate(images, 1)
    }
