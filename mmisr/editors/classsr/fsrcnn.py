"""FSRCNN: the smallest of ClassSR's branches."""

from __future__ import annotations

from torch import Tensor, nn

from mmisr.editors.classsr.initialise import conv3, start_small

SHRUNK, MAPPINGS = 12, 4


class FSRCNN(nn.Module):
    """Shrink, map, expand, and one transposed convolution to the SR image.

    Source: Dong et al., ECCV 2016, as ClassSR's official code has it: the four mapping
    convolutions have no activation between them.

    Convention: (B, 3, h, w) RGB in [0, 1] to (B, 3, s*h, s*w), without a global skip.

    Args:
        channels: d, the width at both ends; ClassSR's branches have 16, 36 and 56.
        scale: Factor per axis: 2, 3 or 4.

    Raises:
        ValueError: The scale is another.
    """

    def __init__(self, channels: int, scale: int = 4) -> None:
        super().__init__()
        if scale not in (2, 3, 4):
            raise ValueError(f"FSRCNN's scale must be 2, 3 or 4, got {scale!r}")
        head = nn.Conv2d(3, channels, 5, padding=2)
        shrink = nn.Conv2d(channels, SHRUNK, 1)
        mappings = [conv3(SHRUNK, SHRUNK) for _ in range(MAPPINGS)]
        expand = nn.Conv2d(SHRUNK, channels, 1)
        self.head = nn.Sequential(head, nn.PReLU())
        self.shrink = nn.Sequential(shrink, nn.PReLU())
        self.map = nn.Sequential(*mappings, nn.PReLU())
        self.expand = nn.Sequential(expand, nn.PReLU())
        # 9 + s (n - 1) - 2 p + q = s n: the output is exactly s times the input.
        margin = (10 - scale) // 2
        extra = 2 * margin + scale - 9
        self.tail = nn.ConvTranspose2d(
            channels,
            3,
            kernel_size=9,
            stride=scale,
            padding=margin,
            output_padding=extra,
        )
        start_small(self)

    def forward(self, lr: Tensor) -> Tensor:
        """(B, 3, h, w) to (B, 3, s*h, s*w)."""
        x = self.head(lr)
        x = self.shrink(x)
        x = self.map(x)
        x = self.expand(x)
        return self.tail(x)
