"""Base class of the losses through a network that was trained on ImageNet."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from mmisr.losses.network import NetworkLoss, imagenet_pixels
from mmisr.losses.vgg import VGG
from mmisr.openmmlab.taps import tapped
from mmisr.registry import MODELS


class ImageNetLoss(NetworkLoss):
    """A loss through any network of modules that can be tapped.

    Convention: images are RGB in [0, 1], and the network gets them by ImageNet's mean and
    deviation.

    Args:
        network: Config of the network: ``mmdet.MobileNetV2``, ``mmisr.VGG``, ....
        checkpoint: File of its weights.
        taps: Names of the features that are compared, see :func:`mmisr.openmmlab.taps.tapped`.
    """

    prefixes = ("backbone.", "detector.backbone.")
    way_out = (
        "`python tools/data/mobilenet_v2.py` makes data/weights/mobilenet_v2_imagenet.pth for "
        "mmdet.MobileNetV2; for mmisr.VGG get vgg19-dcbb9e9d.pth or vgg16-397923af.pth from "
        "https://download.pytorch.org/models"
    )

    def __init__(self, network: dict, checkpoint: str | None, taps: Sequence[str]) -> None:
        super().__init__(checkpoint, taps)
        self.config = network

    def build(self) -> nn.Module:
        """The network, without its weights."""
        network: nn.Module = MODELS.build(self.config)
        return network

    @staticmethod
    def renamed(network: nn.Module, state: dict[str, Tensor]) -> dict[str, Tensor]:
        """See :meth:`NetworkLoss.renamed`; torchvision's VGG has names of its own."""
        return network.renamed(state) if isinstance(network, VGG) else state

    def features(self, network: nn.Module, images: Tensor) -> dict[str, Tensor]:
        """The features of images by tap.

        Args:
            network: Of :meth:`network_for`.
            images: (B, 3, H, W) RGB in [0, 1].
        """
        with tapped(network, self.taps) as features:
            network(imagenet_pixels(images))
            return {tap: features[tap] for tap in self.taps}
