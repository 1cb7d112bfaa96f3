"""The encoder: a light detector that says how hard each token is to recover."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

STRIDE = 8
"""LR pixels between the encoder's own cells.

Tokens are one or more cells wide, and LR sizes multiples of this.
"""


ALIGNED, CONTEXT = 128, 96
"""LR rows that a band starts at a multiple of, and that it sees beyond its ends.

More than half the receptive field, which
is 123 pixels, and whole cells of every level.
"""


class Encoder(nn.Module):
    """LR image to three logits and a box per token.

    Source: InstanceSR, overview figure: a backbone with a 4-level pyramid, a downsampling network
    of three Conv+ReLU lanes (one per finer level; the coarsest level joins by nearest enlargement),
    a classification and a regression head. Only Conv, Linear and ReLU. Widths and depths are ours,
    chosen to stay under 5 % of the nano decoder's time: on small frames it is launches that count,
    and twice the widths found no more instances.

    Args:
        token_size: Side of a token in LR pixels, a multiple of 8.
        widths: Channels of the four levels (strides 2, 4, 8, 16).
    """

    def __init__(
        self, token_size: int, widths: tuple[int, int, int, int] = (8, 16, 32, 48)
    ) -> None:
        super().__init__()
        w1, w2, w3, w4 = widths
        self.token_size = token_size
        self.level1 = nn.Sequential(_unit(3, w1, stride=2), _unit(w1, w1))
        self.level2 = nn.Sequential(_unit(w1, w2, stride=2), _unit(w2, w2))
        self.level3 = nn.Sequential(_unit(w2, w3, stride=2), _unit(w3, w3))
        self.level4 = nn.Sequential(_unit(w3, w4, stride=2), _unit(w4, w3))
        self.lane1 = _unit(w1, w3, kernel=4, stride=4)
        self.lane2 = _unit(w2, w3, kernel=2, stride=2)
        self.lane3 = _unit(w3, w3, kernel=1)
        self.classify = nn.Sequential(_unit(w3, w3), _unit(w3, w3))
        self.localise = nn.Sequential(_unit(w3, w3))
        self.class_linear = nn.Linear(w3, 3)
        self.box_linear = nn.Linear(w3, 4)

    def forward(self, lr: Tensor) -> tuple[Tensor, Tensor]:
        """Classify and localise.

        Args:
            lr: (B, 3, h, w) RGB in [0, 1]; sides are multiples of the token size.

        Returns:
            Logits (B, 3, rows, cols) for easy, moderate, hard, and boxes (B, 4, rows, cols) as
            :func:`mmisr.editors.instance_sr.labels.box_targets` defines them.
        """
        c1 = self.level1(lr - 0.5)
        c2 = self.level2(c1)
        c3 = self.level3(c2)
        c4 = F.interpolate(self.level4(c3), scale_factor=2, mode="nearest")[
            ..., : c3.shape[-2], : c3.shape[-1]
        ]
        cells = self.lane1(c1) + self.lane2(c2) + self.lane3(c3) + c4
        if self.token_size > STRIDE:
            cells = F.max_pool2d(cells, self.token_size // STRIDE)
        return _linear(self.class_linear, self.classify(cells)), _linear(
            self.box_linear, self.localise(cells)
        )

    def in_bands(self, lr: Tensor, most_pixels: int) -> tuple[Tensor, Tensor]:
        """:meth:`forward`, in bands of rows where the batch has more LR pixels.

        The same numbers, to rounding.
        """
        count, height, width = len(lr), lr.shape[-2], lr.shape[-1]
        if count * height * width <= most_pixels:
            return self(lr)
        step = max(most_pixels // (count * width * ALIGNED), 1) * ALIGNED
        parts = []
        for start in range(0, height, step):
            first = max(start - CONTEXT, 0)
            found = self(lr[..., first : min(start + step + CONTEXT, height), :])
            row, rows = (
                (start - first) // self.token_size,
                min(step, height - start) // self.token_size,
            )
            parts.append([values[..., row : row + rows, :] for values in found])
        logits, boxes = (torch.cat(values, -2) for values in zip(*parts, strict=True))
        return logits, boxes

    def macs(self, hw: tuple[int, int]) -> float:
        """MACs of :meth:`forward` for one LR image of ``hw`` pixels, both heads included."""
        levels = (self.level1, self.level2, self.level3, self.level4)
        total = sum(
            -(-hw[0] // 2**n) * -(-hw[1] // 2**n) * _weights(level)
            for n, level in enumerate(levels, 1)
        )
        cells = (hw[0] // STRIDE) * (hw[1] // STRIDE)
        tokens = (hw[0] // self.token_size) * (hw[1] // self.token_size)
        total += cells * _weights(self.lane1, self.lane2, self.lane3)
        return total + tokens * _weights(
            self.classify, self.localise, self.class_linear, self.box_linear
        )


def _unit(cin: int, cout: int, kernel: int = 3, stride: int = 1) -> nn.Sequential:
    padding = kernel // 2 if kernel % 2 else 0
    return nn.Sequential(nn.Conv2d(cin, cout, kernel, stride, padding), nn.ReLU(inplace=True))


def _weights(*modules: nn.Module) -> int:
    return sum(p.numel() for module in modules for p in module.parameters() if p.ndim > 1)


def _linear(linear: nn.Linear, features: Tensor) -> Tensor:
    return linear(features.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
