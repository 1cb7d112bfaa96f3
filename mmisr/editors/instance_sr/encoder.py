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
        self.level1 = _level(3, w1, w1)
        self.level2 = _level(w1, w2, w2)
        self.level3 = _level(w2, w3, w3)
        self.level4 = _level(w3, w4, w3)
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
        features = self._features(lr)
        logits = _linear(self.class_linear, self.classify(features))
        boxes = _linear(self.box_linear, self.localise(features))
        return logits, boxes

    def _features(self, lr: Tensor) -> Tensor:
        """(B, w3, rows, cols), all levels of the pyramid together."""
        centred = lr - 0.5
        c1 = self.level1(centred)
        c2 = self.level2(c1)
        c3 = self.level3(c2)
        cells = self.lane1(c1)
        cells = cells + self.lane2(c2)
        cells = cells + self.lane3(c3)
        cells = cells + self._coarsest(c3)
        token = self.token_size
        if token == STRIDE:
            return cells
        return F.max_pool2d(cells, token // STRIDE)

    def _coarsest(self, c3: Tensor) -> Tensor:
        """The coarsest level at the size of the one before."""
        height, width = c3.shape[-2:]
        c4 = F.interpolate(self.level4(c3), scale_factor=2, mode="nearest")
        return c4[..., :height, :width]  # the coarsest level rounds an odd size up

    def in_bands(self, lr: Tensor, most_pixels: int) -> tuple[Tensor, Tensor]:
        """:meth:`forward`, in bands of rows where the batch has more LR pixels.

        The same numbers, to rounding.
        """
        batch, _, height, width = lr.shape
        row_pixels = batch * width
        pixels = row_pixels * height
        if pixels <= most_pixels:
            return self(lr)
        aligned_pixels = row_pixels * ALIGNED
        count = most_pixels // aligned_pixels
        step = max(count, 1) * ALIGNED
        all_logits = []
        all_boxes = []
        for start in range(0, height, step):
            end = min(start + step, height)
            logits, boxes = self._band(lr, start, end)
            all_logits.append(logits)
            all_boxes.append(boxes)
        logits = torch.cat(all_logits, -2)
        boxes = torch.cat(all_boxes, -2)
        return logits, boxes

    def _band(self, lr: Tensor, start: int, end: int) -> tuple[Tensor, Tensor]:
        """Logits and boxes of some LR rows, from these rows and the context that they see."""
        token = self.token_size
        first = max(start - CONTEXT, 0)
        last = end + CONTEXT
        band = lr[..., first:last, :]
        logits, boxes = self(band)
        first_row = (start - first) // token
        last_row = (end - first) // token
        rows = slice(first_row, last_row)
        return logits[..., rows, :], boxes[..., rows, :]

    def macs(self, hw: tuple[int, int]) -> float:
        """MACs of :meth:`forward` for one LR image of ``hw`` pixels, both heads included."""
        levels = (self.level1, self.level2, self.level3, self.level4)
        lanes = (self.lane1, self.lane2, self.lane3)
        heads = (self.classify, self.localise, self.class_linear, self.box_linear)
        total = 0
        rows, cols = hw
        for level in levels:
            rows = (rows + 1) // 2  # a stride of 2 rounds up
            cols = (cols + 1) // 2
            weights = _num_weights(level)
            total += rows * cols * weights
        num_cells = _num_in(hw, STRIDE)
        for lane in lanes:
            weights = _num_weights(lane)
            total += num_cells * weights
        token = self.token_size
        num_tokens = _num_in(hw, token)
        for head in heads:
            weights = _num_weights(head)
            total += num_tokens * weights
        return total


def _level(cin: int, inner: int, cout: int) -> nn.Sequential:
    """One level of the pyramid, at half the size of the one before."""
    return nn.Sequential(_unit(cin, inner, stride=2), _unit(inner, cout))


def _unit(cin: int, cout: int, kernel: int = 3, stride: int = 1) -> nn.Sequential:
    padding = kernel // 2 if kernel % 2 else 0
    return nn.Sequential(nn.Conv2d(cin, cout, kernel, stride, padding), nn.ReLU(inplace=True))


def _num_in(hw: tuple[int, int], side: int) -> int:
    """Whole squares in an image."""
    height, width = hw
    return (height // side) * (width // side)


def _num_weights(module: nn.Module) -> int:
    """Weights without biases: MACs of one output pixel."""
    return sum(p.numel() for p in module.parameters() if p.ndim > 1)


def _linear(linear: nn.Linear, features: Tensor) -> Tensor:
    return linear(features.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
