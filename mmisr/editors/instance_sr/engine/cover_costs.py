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
        _, moderate, hard = size.blocks
        is_deep = exits != EASY
        is_hard = exits == HARD
        num_deep = is_deep.sum()
        num_hard = is_hard.sum()
        units = moderate + hard * num_hard / num_deep
        pixels = self._least_pixels(is_deep)
        macs = pixels * units * size.unit_macs
        gmacs = macs / 1e9
        deep_ms = self.device.batch(gmacs, WINDOW_PIXELS**2, moderate)
        no_windows = Cover.none(exits.shape)
        exits_ms = self._exits_ms(no_windows, exits)
        return deep_ms + exits_ms

    def _least_pixels(self, deep: NDArray[np.bool_]) -> int:
        """Pixels of (rows, cols) deep tokens and their halos, but no more than the frame's."""
        token = self.token
        num_deep = int(deep.sum())
        num_edges = 0
        for axis in (0, 1):
            is_edge = np.diff(deep, axis=axis)
            count = is_edge.sum()
            num_edges += int(count)
        halos = num_edges * self.halo
        length = num_deep * token + halos
        length = min(length, deep.size * token)
        return length * token

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
        num_windows = len(depth)
        is_hard = depth == HARD
        num_hard = int(is_hard.sum())
        all_pixels = num_windows * pixels
        num_batches = max(1, all_pixels // BATCH_PIXELS)
        launches = num_batches * moderate
        if num_hard:
            launches += num_batches * hard
        units = num_windows * moderate
        units += num_hard * hard
        macs = pixels * size.unit_macs * units
        gmacs = macs / 1e9
        return self.device.batch(gmacs, pixels, launches)

    def _exits_ms(self, cover: Cover, exits: Exits) -> float:
        """Milliseconds of the exits.

        One after a whole frame of one depth, else token by token beside the easy one.
        """
        decoder, token_ms = self.decoder, self.device.token_ms
        num_tokens = exits.size
        pixels = num_tokens * self.token**2
        gmacs = pixels * decoder.exit_macs / 1e9
        frame_ms = self.device.batch(gmacs, pixels, 0)
        if cover.whole and is_uniform(exits):
            return frame_ms
        is_easy = exits == EASY
        num_easy = int(is_easy.sum())
        if decoder.easy != "exit1":
            easy_ms = 0.0  # interpolated, for nothing
        elif num_easy > EASY_FRAME * num_tokens:
            easy_ms = frame_ms
        else:
            easy_ms = num_easy * token_ms
        num_deep = num_tokens - num_easy
        return easy_ms + num_deep * token_ms

    def _megapixels(self, num_tokens: int) -> float:
        return num_tokens * self.token**2 / 1e6
