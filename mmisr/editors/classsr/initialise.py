"""What the networks of ClassSR are made of, and how they start."""

from __future__ import annotations

from torch import nn

GAIN = 0.1


def conv3(inputs: int, outputs: int, groups: int = 1) -> nn.Conv2d:
    """A 3x3 convolution that keeps the size.

    Args:
        inputs: Channels before.
        outputs: Channels after.
        groups: Groups of channels that do not see each other; one by default.
    """
    return nn.Conv2d(inputs, outputs, 3, padding=1, groups=groups)


def start_small(*modules: nn.Module) -> None:
    """Kaiming's normal weights times 0.1 for the convolutions, biases of zero.

    Source: the official code (fan-in); transposed convolutions and linear layers keep PyTorch's
    own start there, and here.

    Args:
        modules: Changed in place, with all that they hold.
    """
    for module in modules:
        for part in module.modules():
            if isinstance(part, nn.Conv2d):
                _start(part)


def _start(conv: nn.Conv2d) -> None:
    nn.init.kaiming_normal_(conv.weight, mode="fan_in")
    conv.weight.data.mul_(GAIN)
    if conv.bias is not None:
        nn.init.zeros_(conv.bias)
