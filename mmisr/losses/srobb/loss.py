"""Loss ``SROBBLoss``: boundaries by low features of a network, background by higher ones."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from mmisr.losses.features import region_distance
from mmisr.losses.imagenet import ImageNetLoss
from mmisr.losses.pixel import PixelLoss
from mmisr.losses.srobb.regions import box_masks, regions
from mmisr.ops.masks import resize_masks
from mmisr.registry import MODELS
from mmisr.structures.checks import check_fields, check_not_negative, check_types
from mmisr.structures.frames import hw_of
from mmisr.structures.hints import BatchHints, boxes_in, every

OWNER = "SROBBLoss"
REGIONS = ("object", "boundary", "background")


@dataclass(frozen=True)
class Term:
    """How SR and HR are compared in one region.

    Args:
        tap: Features of the network, see :func:`mmisr.openmmlab.taps.tapped`.
        weight: Factor of the term.

    Raises:
        ValueError: A value is of another type, or the weight is negative.
    """

    tap: str
    weight: float

    def __post_init__(self) -> None:
        check_fields(self, f"{OWNER}.terms")
        check_not_negative(f"{OWNER}.terms", {"weight": self.weight})


@MODELS.register_module()
class SROBBLoss(ImageNetLoss):
    """Pixels, and in each region of the image the features that matter there.

    Source: SROBB (Rad et al., ICCV 2019): low features at the boundaries of objects, higher ones on
    the background, none inside objects. What differs stands in the room's README.

    Convention: images are RGB in [0, 1], and the network gets them by ImageNet's mean and
    deviation. Regions are made of ``masks_lr`` where the data set loads masks, else of
    ``boxes_lr``.

    Args:
        network: Config of any network of modules that can be tapped: ``mmdet.MobileNetV2``,
            ``mmisr.VGG``, ....
        checkpoint: File of its weights.
        terms: Fields of :class:`Term` by region: ``object``, ``boundary``, ``background``. A region
            that is not named is compared by pixels alone.
        radius: How far a boundary reaches from its edge on either side, in HR pixels.
        pixel: Arguments of :class:`~mmisr.losses.pixel.PixelLoss`; None for the mean squared
            difference.

    Raises:
        FileNotFoundError: In use, the file is not there.
        ValueError: A value is out of range, or there is no such region; in use, the images differ
            in shape, an image has no boxes, or the file is of another network.
    """

    def __init__(
        self,
        network: dict,
        checkpoint: str | None,
        terms: dict[str, dict],
        radius: int = 2,
        pixel: dict[str, Any] | None = None,
    ) -> None:
        values = {
            "network": network,
            "checkpoint": checkpoint,
            "terms": terms,
            "radius": radius,
        }
        check_types(type(self), values, OWNER)
        if radius < 1:
            raise ValueError(f"{OWNER}.radius must be at least 1 HR pixel, got {radius}")
        by_region = _by_region(terms)
        taps = dict.fromkeys(term.tap for term in by_region.values())
        super().__init__(network, checkpoint, list(taps))
        self.by_region = by_region
        self.radius = int(radius)
        arguments = pixel or {"distance": "mse"}
        self.pixel = PixelLoss(**arguments)

    def terms(self, sr: Tensor, hr: Tensor, hints: BatchHints | None = None) -> dict[str, Tensor]:
        """The pixels, and a term per region; see :meth:`SRLoss.terms`.

        Reads ``masks_lr`` or ``boxes_lr``, and ``lr_hw``.
        """
        losses = {"loss_srobb_pixel": self.pixel(sr, hr, hints)}
        parts = self._regions(hr, hints)
        network = self.network_for(hr)
        of_sr = self.features(network, sr)
        with torch.no_grad():
            of_hr = self.features(network, hr)
        for name, term in self.by_region.items():
            ours = of_sr[term.tap]
            theirs = of_hr[term.tap]
            distance = region_distance(ours, theirs, parts[name])
            losses[f"loss_srobb_{name}"] = term.weight * distance
        return losses

    def _regions(self, hr: Tensor, hints: BatchHints | None) -> dict[str, Tensor]:
        """(B, 1, H, W) of each region."""
        hw = hw_of(hr)
        parts = []
        for masks in self._masks(hw, hints):
            image = regions(masks, hw, self.radius)
            parts.append(image)
        batches = {}
        for name in REGIONS:
            of_images = [getattr(image, name) for image in parts]
            batch = torch.stack(of_images)
            batch = batch[:, None]
            batches[name] = batch.to(hr)
        return batches

    def _masks(self, hw: tuple[int, int], hints: BatchHints | None) -> list[Iterable[Tensor]]:
        """For each image the masks of its objects in the HR image."""
        masks = every(hints, "masks_lr")
        if masks is not None:
            return [resize_masks(of_image.cpu(), hw) for of_image in masks]
        boxes = boxes_in(hints, hw)
        if boxes is None:
            raise ValueError(
                f"{OWNER} needs the boxes or the masks of every image; train on annotated images "
                "(mmdet.LoadAnnotations before the packing)"
            )
        return [box_masks(xyxy, hw) for xyxy in boxes]


def _by_region(terms: dict[str, dict]) -> dict[str, Term]:
    unknown = terms.keys() - set(REGIONS)
    if unknown or not terms:
        names = ", ".join(REGIONS)
        raise ValueError(f"{OWNER}.terms must name some of {names}, got {list(terms)}")
    by_region = {}
    for name, fields in terms.items():
        by_region[name] = Term(**fields)
    return by_region
