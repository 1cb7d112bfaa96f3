"""InstanceSR in plain torch: encoder, router, decoder."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from mmisr.editors.instance_sr.budget import Budget
from mmisr.editors.instance_sr.decoder import Decoder, DecoderSize
from mmisr.editors.instance_sr.encoder import CELL_MULTIPLE, STRIDE, Encoder
from mmisr.editors.instance_sr.routers import RouteInput, Router
from mmisr.ops.macs import count_macs
from mmisr.structures.sr_result import RoutingMap, SRResult, UpscaleHints


class InstanceSRNet(nn.Module):
    """LR image -> tokens of three difficulties -> as much decoder as each needs.

    Args:
        scale: 2, 3 or 4.
        size: The decoder's.
        token_size: 8, 16 or 32.
        easy: See :class:`Decoder`.

    Raises:
        ValueError: A scale or token size that is not supported.
    """

    def __init__(self, scale: int, size: DecoderSize, token_size: int = 8, easy: str = "exit1") -> None:
        super().__init__()
        if scale not in (2, 3, 4):
            raise ValueError(f"InstanceSR.scale must be 2, 3 or 4, got {scale}")
        if token_size not in (8, 16, 32):
            raise ValueError(f"InstanceSR.token_size must be 8, 16 or 32, got {token_size}")
        self.token_size = token_size
        self.encoder = Encoder(token_size)
        self.decoder = Decoder(scale, size, easy)  # type: ignore[arg-type]

    @property
    def multiple_of(self) -> int:
        """What LR sizes must be multiples of."""
        return max(self.token_size, CELL_MULTIPLE, STRIDE)

    def route(self, lr: Tensor, router: Router, hints: UpscaleHints | None, budget: Budget | None, halo: int) -> Tensor:
        """(B, rows, cols) exits: the router's, or the encoder's within a budget."""
        given = RouteInput(lr, self.token_size, hints, lambda: self.encoder(lr)[0])
        if budget is None:
            return router(given)
        logits, hw = given.logits(), (lr.shape[-2], lr.shape[-1])
        encoder = count_macs(self.encoder, lr[:1])
        exits = [
            budget.route(image, lambda e: encoder + self.decoder.macs(hw, e, self.token_size, halo)) for image in logits
        ]
        return torch.stack(exits)

    def forward(
        self,
        lr: Tensor,
        router: Router,
        hints: UpscaleHints | None = None,
        budget: Budget | None = None,
        halo: int | None = None,
    ) -> SRResult:
        """Upscale sparsely.

        Args:
            lr: (B, 3, h, w) RGB in [0, 1], sides multiples of :attr:`multiple_of`.
            router: Who decides.
            hints: Boxes and seeds for routers that read them.
            budget: Limits the encoder's choice; only with the learned router.
            halo: Window halo in LR pixels; None for the full one, which is exact.

        Returns:
            Image (unclamped) and routing map.
        """
        halo = self.decoder.full_halo if halo is None else halo
        exits = self.route(lr, router, hints, budget, halo)
        image = self.decoder(lr, exits, self.token_size, halo)
        return SRResult(image, RoutingMap(exits, self.token_size))

    def forward_dense(self, lr: Tensor, router: Router, hints: UpscaleHints | None = None) -> SRResult:
        """The same by dense passes of every exit, differentiable; for training and as a reference."""
        exits = self.route(lr, router, hints, None, 0)
        image = self.decoder.stitch(self.decoder.all_exits(lr), exits, self.token_size)
        return SRResult(image, RoutingMap(exits, self.token_size))

