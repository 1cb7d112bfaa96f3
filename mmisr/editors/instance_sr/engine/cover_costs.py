"""What a cover costs: milliseconds, as a device charges them, and MACs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mmisr.editors.instance_sr.decoder import Decoder
from mmisr.editors.instance_sr.engine.batches import BATCH_PIXELS
from mmisr.editors.instance_sr.engine.cost_model import CostModel
from mmisr.editors.instance_sr.engine.cover import Cover, Exits, Pixels, by_size, is_uniform
from mmisr.editors.instance_sr.labels import EASY, HARD

WINDOW_PIXELS = 128
"""Largest side of a window without its halo; the features of one then stay in a CPU's caches."""

EASY_FRAME = 0.5
"""Where more of an image is easy, its easy exit runs over the whole frame.

That costs half as much per token.
"""


@dataclass(frozen=True)
class CoverCosts:
    """What covers of one image cost.

    Args:
        decoder: The network; only its size is read.
        token: Side of a token in LR pixels.
        halo: LR pixels around a window.
        device: Costs of the device.
    """

    decoder: Decoder
    token: int
    halo: int
    device: CostModel

    def ms(self, cover: Cover, exits: Exits) -> float:
        """Milliseconds of the deep blocks and the exits of a cover of (rows, cols) exits."""
        total = self._exits_ms(cover, exits)
        for size, members in by_size(cover.sizes):
            total += self._windows_ms(size, cover.depth[members])
        return total

    def least_ms(self, exits: Exits) -> float:
        """Milliseconds that windows over (rows, cols) exits take at least.

        In one batch, with every halo but without a token too many.
        """
        size = self.decoder.size
        deep = exits != EASY
        num_deep = int(deep.sum())
        num_edges = sum(int(np.diff(deep, axis=axis).sum()) for axis in (0, 1))
        width = num_deep * self.token + num_edges * self.halo
        pixels = min(width, deep.size * self.token) * self.token
        units = size.blocks[1] + size.blocks[2] * (exits == HARD).sum() / deep.sum()
        gmacs = pixels * units * size.unit_macs / 1e9
        deep_ms = self.device.batch(gmacs, WINDOW_PIXELS**2, size.blocks[1])
        return deep_ms + self._exits_ms(Cover.none(exits.shape), exits)

    def frame_ms(self, num_tokens: int) -> float:
        """Milliseconds of what every frame of so many tokens needs, whoever routes it."""
        return self._megapixels(num_tokens) * self.device.frame_ms

    def routing_ms(self, num_tokens: int) -> float:
        """Milliseconds of the encoder on a frame of so many tokens."""
        return self.device.route_ms + self._megapixels(num_tokens) * self.device.encoder_ms

    def macs(self, cover: Cover) -> float:
        """MACs of the deep blocks, halo included."""
        size = self.decoder.size
        units = size.blocks[1] + (cover.depth == HARD) * size.blocks[2]
        pixels = cover.sizes.prod(1)
        return float((pixels * units).sum()) * size.unit_macs

    def _windows_ms(self, window_hw: Pixels, depth: NDArray[np.int64]) -> float:
        """Milliseconds of the deep blocks on windows of one size, of (n,) depths."""
        size = self.decoder.size
        _, moderate, hard = size.blocks
        pixels = int(window_hw.prod())
        num_batches = max(1, len(depth) * pixels // BATCH_PIXELS)
        num_hard = int((depth == HARD).sum())
        units = moderate + (hard if num_hard else 0)
        macs = pixels * size.unit_macs * (len(depth) * moderate + num_hard * hard)
        return self.device.batch(macs / 1e9, pixels, num_batches * units)

    def _exits_ms(self, cover: Cover, exits: Exits) -> float:
        """Milliseconds of the exits.

        One after a whole frame of one depth, else token by token beside the easy one.
        """
        pixels = exits.size * self.token**2
        frame = self.device.batch(pixels * self.decoder.exit_macs / 1e9, pixels, 0)
        if cover.whole and is_uniform(exits):
            return frame
        num_easy = int((exits == EASY).sum())
        token_ms = self.device.token_ms
        easy_ms = frame if num_easy > EASY_FRAME * exits.size else num_easy * token_ms
        if self.decoder.easy != "exit1":
            easy_ms = 0.0  # interpolated, for nothing
        return easy_ms + (exits.size - num_easy) * token_ms

    def _megapixels(self, num_tokens: int) -> float:
        return num_tokens * self.token**2 / 1e6
