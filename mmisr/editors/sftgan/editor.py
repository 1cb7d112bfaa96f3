"""Editor ``SFTGAN``: a map of what is where modulates the features of an SRGAN generator."""

from __future__ import annotations

import logging
from dataclasses import asdict
from typing import Any

import torch
from mmengine.logging import print_log
from torch import Tensor

from mmisr.editors.sftgan.conditions import PRIORS, class_map, known_objects
from mmisr.editors.sftgan.convert import converted, is_released
from mmisr.editors.sftgan.net import SFTGenerator
from mmisr.openmmlab.checkpoints import load_state
from mmisr.openmmlab.editor import PIXEL_LOSS, SREditor
from mmisr.openmmlab.loading import load_into
from mmisr.registry import MODELS
from mmisr.structures.editor_info import EditorInfo
from mmisr.structures.frames import hw_of
from mmisr.structures.hints import BatchHints
from mmisr.structures.sr_result import SRResult

MODELS.register_module(module=SFTGenerator)

PREFIXES = ("editor.net.", "editor.generator.", "generator.", "net.")
"""Where a pair, an editor of ours and mmagic keep a generator in a checkpoint."""

WAYS_OUT = {
    "found": (
        "train it in a pair whose detector looks first, test_cfg=dict(prior=dict()), or set "
        "prior='none' for the generator without a map"
    ),
    "oracle": "train it on annotated images (mmdet.LoadAnnotations before the packing)",
}


@MODELS.register_module()
class SFTGAN(SREditor):
    """SRGAN's generator with spatial feature transforms by a map of classes at LR size.

    Source: "Recovering Realistic Texture in Image Super-resolution by Deep Spatial Feature
    Transform" (Wang, Yu, Dong, Loy; CVPR 2018) and the released test code. There the map is a
    segmentation of outdoor scenes; here it is what a detector finds on the bicubic LR image. What
    differs stands in the room's README. Adversarial training is ``mmisr``'s strategy
    ``Adversarial``; alone, the editor learns by ``pixel_loss``.

    Args:
        scale: 2, 4 or 8.
        num_classes: Classes of the map beside the background, as many as the detector has.
        size: ``paper``, ``nano``, or the fields of
            :class:`~mmisr.editors.sftgan.net.NetSize`.
        prior: What the map is made of. ``found``: what the pair's detector found before SR
            (``test_cfg=dict(prior=dict())``); where nobody looked, all is background. ``oracle``:
            the annotations, which **leaks** them into the image and is an upper bound only.
            ``none``: all is background.
        pixel_loss: Loss of stand-alone training; None for the mean L1 distance.
        checkpoint: Weights to load, of this editor alone, of a pair, or of the release; None for
            none.
        init_from: Weights of the same generator without SFT, ``mmisr.SFTGenerator`` with ``maps=0``
            as ``mmisr.PlainSR`` trains it: what training begins with, all SFT layers at rest.

    Raises:
        ValueError: A value that is not supported, or a checkpoint that does not fit; in use, an
            object of a class that the map has not; in training, nothing to make a map of.
    """

    def __init__(
        self,
        scale: int = 4,
        num_classes: int = 1,
        size: str | dict[str, Any] = "nano",
        prior: str = "found",
        pixel_loss: dict | None = None,
        checkpoint: str | None = None,
        init_from: str | None = None,
    ) -> None:
        super().__init__(pixel_loss=pixel_loss or PIXEL_LOSS)
        if prior not in PRIORS:
            raise ValueError(f"SFTGAN.prior must be one of {PRIORS}, got {prior!r}")
        if isinstance(num_classes, bool) or num_classes < 1:
            raise ValueError(f"SFTGAN.num_classes must be at least 1, got {num_classes!r}")
        self.num_classes = num_classes
        self.prior = prior
        self.net = SFTGenerator(scale, num_classes + 1, size)
        self._info = EditorInfo(_name(size, prior), self.net.scale, method="sftgan")
        self._warned = False
        if init_from is not None:
            self._begin_from(init_from)
        self.checkpoint = checkpoint
        self._load()

    @property
    def info(self) -> EditorInfo:
        """Scale, size rules and name; a map that leaks is in the name."""
        return self._info

    def _upscale(self, lr: Tensor, hints: BatchHints | None) -> SRResult:
        maps = self.maps(lr, hints)
        image = self.net(lr, maps)
        return SRResult(image)

    @torch.no_grad()
    def maps(self, lr: Tensor, hints: BatchHints | None) -> Tensor:
        """The maps that images are super-resolved by.

        Args:
            lr: (B, 3, h, w).
            hints: One record per image, or None for none.

        Returns:
            (B, num_classes + 1, h, w), the background first, summing to 1 in every pixel.

        Raises:
            ValueError: In training, an image has no record to make a map of; an object is of a
                class that the map has not.
        """
        hw = hw_of(lr)
        unknown = [None] * len(lr)
        maps = []
        for known in hints or unknown:
            objects = known_objects(known, self.prior, self.num_classes)
            if objects is None and self.prior != "none":
                self._nothing_known()
            of_image = class_map(objects, self.num_classes, hw)
            maps.append(of_image)
        batch = torch.stack(maps)
        return batch.to(lr)

    def _nothing_known(self) -> None:
        """An error in training; at test it is said once."""
        text = f"SFTGAN(prior={self.prior!r}) got an image that has no `{self._source}`"
        if self.training:
            raise ValueError(f"{text}; {WAYS_OUT[self.prior]}")
        if not self._warned:
            self._warned = True
            print_log(
                f"{text}: its map is all background. In a pair, test_cfg=dict(prior=dict()) has "
                "the detector look first",
                logger="current",
                level=logging.WARNING,
            )

    @property
    def _source(self) -> str:
        """The hints that the map is made of."""
        return "found" if self.prior == "found" else "boxes_lr and labels"

    def _load(self) -> None:
        if self.checkpoint is None:
            return
        state = load_state(self.checkpoint)
        if not is_released(state):
            load_into(self, state, self.checkpoint, ("editor.",))
            return
        weights = converted(state)
        load_into(self.net, weights, self.checkpoint)

    def _begin_from(self, path: str) -> None:
        """Load all but the SFT layers and the conditions, and set the layers to the identity."""
        net = self.net
        fields = asdict(net.size)
        plain = SFTGenerator(net.scale, 0, fields)
        state = load_state(path)
        load_into(plain, state, path, PREFIXES)
        weights = net.state_dict()
        weights |= plain.state_dict()
        net.load_state_dict(weights)
        net.rest()


def _name(size: str | dict[str, Any], prior: str) -> str:
    name = f"sftgan_{size}" if isinstance(size, str) else "sftgan"
    return name if prior == "found" else f"{name}_{prior}"
