"""WDSR, the small network that one chunk of a clip is learned by heart with."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn.utils.parametrizations import weight_norm

CENTRE = 0.5
"""Subtracted from the input and added to the output."""

EXPAND_GAIN = 2.0
"""Of the first convolution of a block, when training begins."""


class WDSR(nn.Module):
    """Wide activations, narrow features, weights with gains of their own.

    Source: Yu et al., "Wide Activation for Efficient and Accurate Image Super-Resolution" (2018),
    in the size that STDO (CVPR 2023) overfits: 16 blocks of 32 channels. Gains of 1 outside of the
    blocks and biases of 0 are ours.

    Convention: (B, 3, h, w) RGB in [0, 1] to (B, 3, s*h, s*w), not clamped.

    Args:
        scale: Factor per axis.
        blocks: Residual blocks.
        width: Channels between them.
        expansion: Factor of the channels within a block.
        folded: Whether weights are plain, for playing back; by default gains and directions are
            parameters of their own, for training.

    Raises:
        ValueError: One of the sizes is no whole number of at least 1.

    Example:
        >>> import torch
        >>> WDSR(4, blocks=1, width=8)(torch.zeros(1, 3, 6, 5)).shape
        torch.Size([1, 3, 24, 20])
    """

    def __init__(
        self,
        scale: int,
        blocks: int = 16,
        width: int = 32,
        expansion: int = 4,
        folded: bool = False,
    ) -> None:
        super().__init__()
        _check_sizes(scale=scale, blocks=blocks, width=width, expansion=expansion)
        colours = 3 * scale**2
        self.head = convolution(3, width)
        self.body = nn.Sequential()
        for _ in range(blocks):
            block = Block(width, expansion)
            self.body.append(block)
        self.tail = convolution(width, colours)
        self.skip = convolution(3, colours, 5)
        self.shuffle = nn.PixelShuffle(scale)
        if not folded:
            self._give_gains(blocks)

    def forward(self, lr: Tensor) -> Tensor:
        """Upscale; see the class."""
        lr = lr - CENTRE
        features = self.body(self.head(lr))
        sr = self.tail(features) + self.skip(lr)
        return self.shuffle(sr) + CENTRE

    def _give_gains(self, blocks: int) -> None:
        """Make gain and direction of every weight parameters; set the gains."""
        for name, conv in convolutions(self).items():
            gain = 1.0
            if name.endswith("expand"):
                gain = EXPAND_GAIN
            if name.endswith("reduce"):
                gain = blocks**-0.5
            weight_norm(conv)
            gains = conv.get_parameter("parametrizations.weight.original0")
            nn.init.constant_(gains, gain)


class Block(nn.Module):
    """x + narrow(relu(wide(x)))."""

    def __init__(self, width: int, expansion: int) -> None:
        super().__init__()
        wide = width * expansion
        self.expand = convolution(width, wide)
        self.relu = nn.ReLU(inplace=True)
        self.reduce = convolution(wide, width)

    def forward(self, features: Tensor) -> Tensor:
        """(B, C, h, w) to the same shape."""
        wide = self.relu(self.expand(features))
        return features + self.reduce(wide)


def convolution(in_channels: int, out_channels: int, side: int = 3) -> nn.Conv2d:
    """A convolution that keeps the size, with biases of 0.

    Args:
        in_channels: Channels that it reads.
        out_channels: Channels that it makes.
        side: Of its kernel, odd.
    """
    margin = side // 2
    conv = nn.Conv2d(in_channels, out_channels, side, padding=margin)
    bias = conv.get_parameter("bias")
    nn.init.zeros_(bias)
    return conv


def _check_sizes(**sizes: int) -> None:
    for name, value in sizes.items():
        if not isinstance(value, int) or value < 1:
            raise ValueError(f"WDSR: {name} must be a whole number of at least 1, got {value}")


def convolutions(net: nn.Module) -> dict[str, nn.Conv2d]:
    """The convolutions of a network by name."""
    return {name: part for name, part in net.named_modules() if isinstance(part, nn.Conv2d)}


def folded_state(net: nn.Module) -> dict[str, Tensor]:
    """The weights of a network with their gains multiplied in: those of ``WDSR(folded=True)``.

    Args:
        net: A :class:`WDSR`.

    Returns:
        Weights and biases by name, copies.
    """
    state = {}
    for name, conv in convolutions(net).items():
        weight = conv.weight.detach()
        parameter = conv.get_parameter("bias")
        bias = parameter.detach()
        state[f"{name}.weight"] = weight.clone()
        state[f"{name}.bias"] = bias.clone()
    return state
