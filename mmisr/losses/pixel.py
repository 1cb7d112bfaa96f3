"""Loss ``PixelLoss``: L1, MSE or Charbonnier, and more weight inside boxes where it is wanted."""

from __future__ import annotations

from torch import Tensor

from mmisr.losses.base import SRLoss
from mmisr.losses.functional import DISTANCES, box_weights, weighted_mean
from mmisr.registry import MODELS
from mmisr.structures.checks import check_types
from mmisr.structures.frames import hw_of
from mmisr.structures.hints import BatchHints, boxes_in


@MODELS.register_module()
class PixelLoss(SRLoss):
    """Mean distance between the values of two images.

    Args:
        distance: ``l1``, ``mse`` or ``charbonnier``.
        weight: Factor of the loss.
        box_weight: How much a pixel inside a box counts, where one outside counts 1; 1 reads no
            boxes.
        dilate: HR pixels by which a box grows on each side first.

    Raises:
        ValueError: A value is out of range; in use, boxes are wanted and an image has none (or no
            LR size), or the images differ in shape.

    Example:
        >>> import torch
        >>> PixelLoss("mse")(torch.zeros(1, 3, 2, 2), torch.full((1, 3, 2, 2), 0.5))
        tensor(0.2500)
    """

    def __init__(
        self,
        distance: str = "l1",
        weight: float = 1.0,
        box_weight: float = 1.0,
        dilate: float = 0.0,
    ) -> None:
        super().__init__()
        values = {
            "distance": distance,
            "weight": weight,
            "box_weight": box_weight,
            "dilate": dilate,
        }
        check_types(type(self), values, "PixelLoss")
        if distance not in DISTANCES:
            raise ValueError(
                f"PixelLoss.distance must be one of {', '.join(DISTANCES)}, got {distance!r}"
            )
        if weight < 0 or box_weight <= 0 or dilate < 0:
            raise ValueError(
                "PixelLoss needs weight >= 0, box_weight > 0 and dilate >= 0, "
                f"got weight={weight}, box_weight={box_weight}, dilate={dilate}"
            )
        self.distance = distance
        self.weight = weight
        self.box_weight = box_weight
        self.dilate = dilate

    def forward(self, sr: Tensor, hr: Tensor, hints: BatchHints | None = None) -> Tensor:
        """The loss; see :meth:`SRLoss.forward`.

        Reads ``boxes_lr`` and ``lr_hw`` where boxes have a weight.
        """
        if sr.shape != hr.shape:
            raise ValueError(
                f"PixelLoss compares images of one shape, got {tuple(sr.shape)} and "
                f"{tuple(hr.shape)}"
            )
        values = DISTANCES[self.distance](sr, hr)
        if self.box_weight == 1:
            return self.weight * values.mean()
        return self.weight * weighted_mean(values, self._weights(hr, hints))

    def _weights(self, hr: Tensor, hints: BatchHints | None) -> Tensor:
        hr_hw = hw_of(hr)
        boxes = boxes_in(hints, hr_hw)
        if boxes is None:
            raise ValueError(
                f"PixelLoss.box_weight={self.box_weight} needs the boxes of every image; train on "
                f"annotated images "
                "(mmdet.LoadAnnotations before the packing), or set box_weight=1"
            )
        weights = box_weights(boxes, hr_hw, self.box_weight, self.dilate)
        return weights.to(hr)
