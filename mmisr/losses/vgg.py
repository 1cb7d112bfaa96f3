"""Network ``VGG``: VGG16 and VGG19 with a name for every layer, for perceptual losses."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor, nn

from mmisr.registry import MODELS

CONVOLUTIONS = {16: (2, 2, 3, 3, 3), 19: (2, 2, 4, 4, 4)}
"""Convolutions of each of the five blocks, by the depth of the network."""

WIDTHS = (64, 128, 256, 512, 512)
"""Channels of the blocks."""


@MODELS.register_module()
class VGG(nn.Module):
    """The convolutional part of VGG16 or VGG19 (Simonyan and Zisserman, ICLR 2015), without norms.

    Layers are called as in the papers: ``conv1_1``, ``relu1_1``, ..., ``pool1``, ``conv2_1``, ...
    Inputs are (B, 3, H, W) RGB, normalised by ImageNet's mean and deviation.

    Weights are torchvision's, ``vgg16-397923af.pth`` or ``vgg19-dcbb9e9d.pth``; :meth:`renamed`
    has them under these names.

    Args:
        depth: 16 or 19.
        last: Name of the last layer that is built; what follows it is not computed. None for all.

    Raises:
        ValueError: There is no such depth or layer.

    Example:
        >>> VGG(16, "relu1_2")
        VGG(
          (conv1_1): Conv2d(3, 64, kernel_size=(3, 3), stride=(1, 1), padding=(1, 1))
          (relu1_1): ReLU()
          (conv1_2): Conv2d(64, 64, kernel_size=(3, 3), stride=(1, 1), padding=(1, 1))
          (relu1_2): ReLU()
        )
    """

    def __init__(self, depth: int = 19, last: str | None = None) -> None:
        if depth not in CONVOLUTIONS:
            depths = ", ".join(map(str, CONVOLUTIONS))
            raise ValueError(f"VGG.depth must be one of {depths}, got {depth}")
        super().__init__()
        channels = 3
        for block, width in enumerate(WIDTHS):
            count = CONVOLUTIONS[depth][block]
            self._add_block(block + 1, count, channels, width)
            channels = width
        if last is not None:
            self._end_at(last)

    def _add_block(self, block: int, count: int, channels: int, width: int) -> None:
        for number in range(1, count + 1):
            name = f"{block}_{number}"
            convolution = nn.Conv2d(channels, width, 3, padding=1)
            self.add_module(f"conv{name}", convolution)
            self.add_module(f"relu{name}", nn.ReLU())
            channels = width
        self.add_module(f"pool{block}", nn.MaxPool2d(2))

    def _end_at(self, last: str) -> None:
        names = list(self._modules)
        if last not in names:
            known = ", ".join(names)
            raise ValueError(f"VGG.last must be one of {known}, got {last!r}")
        end = names.index(last) + 1
        for name in names[end:]:
            del self._modules[name]

    def forward(self, images: Tensor) -> Tensor:
        """The output of the last layer.

        Args:
            images: (B, 3, H, W) RGB, normalised.
        """
        features = images
        for layer in self.children():
            features = layer(features)
        return features

    def renamed(self, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Torchvision's weights under the names of this network.

        Args:
            state: Torchvision's state dict of the same depth, classifier included; the layers that
                are not built are left out.

        Returns:
            Weights by our names; the given ones where they are no torchvision names.
        """
        # Torchvision counts the layers of all blocks from 0.
        names = list(self._modules)
        renamed = {}
        for number, name in enumerate(names):
            for kind in ("weight", "bias"):
                renamed[f"features.{number}.{kind}"] = f"{name}.{kind}"
        if not renamed.keys() & state.keys():
            return dict(state)
        weights = {}
        for theirs, ours in renamed.items():
            if theirs in state:
                weights[ours] = state[theirs]
        return weights
