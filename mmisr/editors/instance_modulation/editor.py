"""Editor ``InstanceModulation``: a feedback network that knows where the instances are."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from mmisr.editors.instance_modulation.maps import instance_map
from mmisr.editors.instance_modulation.net import SIZES, FeedbackNet, NetSize
from mmisr.openmmlab.editor import PIXEL_LOSS, SREditor
from mmisr.openmmlab.heads import reduce_mean
from mmisr.openmmlab.samples import hints_from
from mmisr.registry import MODELS
from mmisr.structures.checks import check_types
from mmisr.structures.editor_info import EditorInfo
from mmisr.structures.frames import hw_of
from mmisr.structures.hints import BatchHints, Found, ImageHints, annotated, nothing_found
from mmisr.structures.sr_result import SRResult

PRIORS = ("found", "oracle", "none")


@MODELS.register_module()
class InstanceModulation(SREditor):
    """SRFBN's recurrent feedback, its features modulated by a map of the instances.

    Source: re-implementation from the abstract of Fu (2022), for which no text or code could be
    had. The feedback network is SRFBN's (Li et al., CVPR 2019) by its public code; maps and
    modulation are ours.

    The instances are what a detector found before SR, in a pair with
    ``test_cfg=dict(prior=dict())``, which also trains it (strategy ``TaskDriven`` with
    ``editor_weight``). Alone, and at test without such a look, nothing was found.

    Args:
        scale: 2, 3, 4 or 8.
        size: ``paper``, ``small``, ``nano``, or the fields of :class:`NetSize`.
        steps: T, how often the feedback block runs; each step has its loss, the last its image.
        prior: ``found``; ``oracle`` for the annotated instances, whose results leak; ``none`` for
            plain SRFBN.
        need_masks: Whether boxes alone are refused. Where there are masks they are used anyhow.
        pixel_loss: Config of the loss of every step; the mean L1 distance unless given.
        skip_above: A batch whose loss is more than so many times the last one's moves no weights
            by its gradient, SRFBN has 3; None skips none. A skipped batch counts as the highest
            loss that was allowed, so that a level that stays up is soon taken.
        checkpoint: Weights to load, of this editor alone or of a pair; None for none.

    Raises:
        ValueError: A value that is not supported, or a checkpoint that does not fit; in use, the
            prior is missing, or has no masks where they are needed.
        TypeError: An unknown key of ``size``.
    """

    last_loss: Tensor

    def __init__(
        self,
        scale: int = 4,
        size: str | dict[str, Any] = "nano",
        steps: int = 4,
        prior: str = "found",
        need_masks: bool = False,
        pixel_loss: dict | None = None,
        skip_above: float | None = None,
        checkpoint: str | None = None,
    ) -> None:
        super().__init__(pixel_loss=pixel_loss or PIXEL_LOSS)
        values = {"prior": prior, "need_masks": need_masks, "skip_above": skip_above}
        check_types(type(self), values, "InstanceModulation")
        if prior not in PRIORS:
            raise ValueError(f"InstanceModulation.prior must be one of {PRIORS}, got {prior!r}")
        if skip_above is not None and not skip_above > 1:
            raise ValueError(
                f"InstanceModulation.skip_above must be above 1, or None, got {skip_above!r}"
            )
        modulation = "none" if prior == "none" else "sft"
        self.net = FeedbackNet(scale, _size(size), steps, modulation)
        self.prior = prior
        self.need_masks = need_masks
        self.skip_above = skip_above
        # Of a training that goes on, too.
        self.register_buffer("last_loss", torch.tensor(float("inf")))
        suffix = f"_{size}" if isinstance(size, str) else ""
        self._info = EditorInfo(f"instance_modulation{suffix}", self.net.scale)
        self.checkpoint = checkpoint
        self._load()

    @property
    def info(self) -> EditorInfo:
        """Scale, size rules and name."""
        return self._info

    def forward_train(
        self, inputs: Tensor, data_samples: Any = None, **kwargs: Any
    ) -> dict[str, Tensor]:
        """As in mmagic, alone: no detector looks, so nothing was found."""
        hw = hw_of(inputs)
        hints = hints_from(data_samples, hw) or [ImageHints() for _ in inputs]
        alone = [replace(known, found=nothing_found(hw)) for known in hints]
        return self.losses(inputs, getattr(data_samples, "gt_img", None), alone)

    def losses(
        self, lr: Tensor, hr: Tensor | None, hints: BatchHints | None = None
    ) -> dict[str, Tensor]:
        """The pixel loss of the image of every step, with equal weights.

        Args:
            lr: (B, 3, h, w) RGB in [0, 1].
            hr: (B, 3, s*h, s*w) RGB in [0, 1].
            hints: One record per image.

        Returns:
            Losses by name, and whether the batch was skipped where batches may be.

        Raises:
            ValueError: There are no HR images, or the prior is missing.
        """
        if hr is None:
            raise ValueError("InstanceModulation learns from HR images; simulate LR from HR")
        self._check_hints(lr, hints)
        maps = self._maps(lr, hints)
        losses = {}
        for step, image in enumerate(self.net.all_images(lr, maps), start=1):
            name = f"loss_instance_modulation_step{step}"
            terms = self.pixel_terms(image, hr, hints)
            losses[name] = torch.stack(list(terms.values())).sum()
        if self.skip_above is None:
            return losses
        return self._unless_outlier(losses, self.skip_above)

    @torch.no_grad()
    def _may_learn(self, total: Tensor, times: float) -> Tensor:
        """1, or 0 for a batch to skip; all processes come to the same, and so remember it."""
        total = reduce_mean(total.float())
        allowed = times * self.last_loss
        is_outlier = total > allowed
        # The smaller one, and not NaN: that is for mmengine's hooks to notice.
        seen = torch.fmin(total, allowed)
        self.last_loss.copy_(seen)
        return (~is_outlier).float()

    def _unless_outlier(self, losses: dict[str, Tensor], times: float) -> dict[str, Tensor]:
        """The losses, without gradient where they jumped."""
        of_steps = torch.stack(list(losses.values()))
        total = of_steps.detach().sum()
        may_learn = self._may_learn(total, times)
        kept = {name: loss * may_learn for name, loss in losses.items()}
        return {**kept, "batch_skipped": 1 - may_learn}

    def _upscale(self, lr: Tensor, hints: BatchHints | None) -> SRResult:
        maps = self._maps(lr, hints)
        image = self.net(lr, maps)
        return SRResult(image)

    def _maps(self, lr: Tensor, hints: BatchHints | None) -> Tensor | None:
        """(B, 3, h, w) instance maps; None without a prior."""
        if self.prior == "none":
            return None
        hw = hw_of(lr)
        maps = []
        for known in hints or [ImageHints() for _ in lr]:
            of_image = known.prior_map
            if of_image is None:
                of_image = self._map(known, hw)
            maps.append(of_image)
        return torch.stack(maps).to(lr)

    def prior_map(self, known: ImageHints, hw: tuple[int, int]) -> Tensor | None:
        """The instance map of one image; None without a prior.

        Distances and sizes of an instance that a window cuts are those of the whole instance.
        """
        return None if self.prior == "none" else self._map(known, hw)

    def _map(self, known: ImageHints, hw: tuple[int, int]) -> Tensor:
        """(3, h, w) of one image, whose prior this is."""
        found = self._instances(known, hw)
        return instance_map(found, hw)

    def _instances(self, known: ImageHints, hw: tuple[int, int]) -> Found:
        """What the map of one image is made of."""
        found = _annotated(known) if self.prior == "oracle" else known.found
        if found is None and self.training:
            raise ValueError(
                "InstanceModulation.prior='found' learns from what a detector finds before SR, and "
                "none looked; set test_cfg=dict(prior=dict()) in the SRDetector, give "
                "ImageHints(found=...), or take prior='none'"
            )
        if found is None:
            return nothing_found(hw)
        if self.need_masks and found.masks_lr is None:
            raise ValueError(
                "InstanceModulation: instance maps by masks were asked (need_masks=True), and "
                f"prior={self.prior!r} gives boxes alone; take a detector with masks "
                "(LoadAnnotations(with_mask=True) for 'oracle'), or need_masks=False"
            )
        return found


def _annotated(known: ImageHints) -> Found:
    """The annotated instances as if a detector had found them, all of them sure."""
    instances = annotated(known)
    if instances is None:
        raise ValueError(
            "InstanceModulation.prior='oracle' reads annotated boxes and got none; use annotated "
            "images, or ImageHints(boxes_lr=...)"
        )
    return instances


def _size(size: str | dict[str, Any]) -> NetSize:
    known = NetSize(**size) if isinstance(size, dict) else SIZES.get(size)
    if known is None:
        raise ValueError(
            f"InstanceModulation.size must be one of {sorted(SIZES)}, or a dict of channels and "
            f"groups, got {size!r}"
        )
    return known
