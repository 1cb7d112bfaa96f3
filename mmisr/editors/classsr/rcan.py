"""RCAN: the largest of ClassSR's branches."""

from __future__ import annotations

from torch import Tensor, nn

from mmisr.editors.classsr.initialise import conv3, start_small
from mmisr.editors.classsr.upsampling import div2k_mean, enlargement


class ChannelAttention(nn.Module):
    """A weight in (0, 1) per channel, from the means of all channels."""

    def __init__(self, channels: int, reduction: int) -> None:
        super().__init__()
        squeezed = channels // reduction
        self.weigh = nn.Sequential(
            nn.AdaptiveAvgPool2d(1),
            nn.Conv2d(channels, squeezed, 1),
            nn.ReLU(),
            nn.Conv2d(squeezed, channels, 1),
            nn.Sigmoid(),
        )

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, h, w) to the same."""
        return x * self.weigh(x)


class AttentionBlock(nn.Module):
    """Conv-ReLU-Conv and channel attention, under a skip (RCAB)."""

    def __init__(self, channels: int, reduction: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            conv3(channels, channels),
            nn.ReLU(),
            conv3(channels, channels),
            ChannelAttention(channels, reduction),
        )

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, h, w) to the same."""
        return x + self.body(x)


class Group(nn.Module):
    """Blocks and a convolution under a skip."""

    def __init__(self, blocks: list[nn.Module], channels: int) -> None:
        super().__init__()
        self.body = nn.Sequential(*blocks, conv3(channels, channels))

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, h, w) to the same."""
        return x + self.body(x)


class RCAN(nn.Module):
    """Residual channel attention network.

    Source: Zhang et al., ECCV 2018; as ClassSR's official code has it. The mean is a constant
    here, and a trainable 1x1 convolution there.

    Convention: (B, 3, h, w) RGB in [0, 1] to (B, 3, s*h, s*w).

    Args:
        channels: Width; ClassSR's branches have 36, 50 and 64.
        scale: Factor per axis: 2, 3, 4 or 8.
        groups: Residual groups.
        blocks: Attention blocks in each.
        reduction: What the channels are divided by inside the attention.

    Raises:
        ValueError: The scale is another, or the reduction leaves no channel.
    """

    def __init__(
        self,
        channels: int,
        scale: int = 4,
        groups: int = 10,
        blocks: int = 20,
        reduction: int = 16,
    ) -> None:
        super().__init__()
        if channels < reduction:
            raise ValueError(
                f"RCAN's channels must be at least its reduction of {reduction}, got {channels!r}"
            )
        self.head = conv3(3, channels)
        body: list[nn.Module] = []
        for _ in range(groups):
            in_group: list[nn.Module] = [AttentionBlock(channels, reduction) for _ in range(blocks)]
            body.append(Group(in_group, channels))
        self.body = Group(body, channels)
        self.enlarge = enlargement(channels, scale)
        self.tail = conv3(channels, 3)
        self.mean: Tensor
        self.register_buffer("mean", div2k_mean(), persistent=False)
        start_small(self)

    def forward(self, lr: Tensor) -> Tensor:
        """(B, 3, h, w) to (B, 3, s*h, s*w)."""
        x = self.head(lr - self.mean)
        x = self.body(x)
        x = self.enlarge(x)
        return self.tail(x) + self.mean
