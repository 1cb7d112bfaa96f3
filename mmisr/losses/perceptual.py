"""Loss ``PerceptualLoss``: the features that a fixed network has of SR, against those of HR."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from mmisr.losses.functional import DISTANCES
from mmisr.losses.imagenet import ImageNetLoss
from mmisr.registry import MODELS
from mmisr.structures.checks import check_not_negative, check_types
from mmisr.structures.hints import BatchHints

OWNER = "PerceptualLoss"


@MODELS.register_module()
class PerceptualLoss(ImageNetLoss):
    """Mean distance between the features of two images, of the whole images alike.

    Source: "Perceptual Losses for Real-Time Style Transfer and Super-Resolution" (Johnson, Alahi,
    Fei-Fei; ECCV 2016), its feature term; SRGAN and SFTGAN have it by VGG19.

    Convention: images are RGB in [0, 1], and the network gets them by ImageNet's mean and
    deviation.

    Args:
        network: Config of any network of modules that can be tapped: ``mmdet.MobileNetV2``,
            ``mmisr.VGG``, ....
        checkpoint: File of its weights.
        taps: Features that are compared, see :func:`mmisr.openmmlab.taps.tapped`; their distances
            are averaged.
        distance: ``l1``, ``mse`` or ``charbonnier``.
        weight: Factor of the loss.

    Raises:
        FileNotFoundError: In use, the file is not there.
        ValueError: A value is out of range; in use, the images differ in shape, or the file is of
            another network.
    """

    def __init__(
        self,
        network: dict,
        checkpoint: str | None,
        taps: Sequence[str],
        distance: str = "l1",
        weight: float = 1.0,
    ) -> None:
        values = {
            "network": network,
            "checkpoint": checkpoint,
            "taps": taps,
            "distance": distance,
            "weight": weight,
        }
        check_types(type(self), values, OWNER)
        check_not_negative(OWNER, {"weight": weight})
        if distance not in DISTANCES:
            known = ", ".join(DISTANCES)
            raise ValueError(f"{OWNER}.distance must be one of {known}, got {distance!r}")
        if not taps:
            raise ValueError(f"{OWNER}.taps must name at least one feature, got none")
        super().__init__(network, checkpoint, taps)
        self.distance = distance
        self.weight = weight

    def terms(self, sr: Tensor, hr: Tensor, hints: BatchHints | None = None) -> dict[str, Tensor]:
        """The one term; see :meth:`SRLoss.terms`."""
        if sr.shape != hr.shape:
            raise ValueError(
                f"{OWNER} compares images of one shape, got {tuple(sr.shape)} and {tuple(hr.shape)}"
            )
        network = self.network_for(hr)
        of_sr = self.features(network, sr)
        with torch.no_grad():
            of_hr = self.features(network, hr)
        distance = DISTANCES[self.distance]
        total = sr.new_zeros(())
        for tap in self.taps:
            values = distance(of_sr[tap], of_hr[tap])
            total = total + values.mean()
        mean = total / len(self.taps)
        return {"loss_perceptual": self.weight * mean}
