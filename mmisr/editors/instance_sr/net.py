"""InstanceSR in plain torch: encoder, router, decoder."""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

import torch
from torch import Tensor, nn

from mmisr.editors.instance_sr.budget import Budget
from mmisr.editors.instance_sr.decoder import Block, Decoder, DecoderSize, Easy
from mmisr.editors.instance_sr.encoder import Encoder
from mmisr.editors.instance_sr.engine.cost_model import CostModel, Workload, measured
from mmisr.editors.instance_sr.engine.sparse import Execution, Plan, SparseDecoder
from mmisr.editors.instance_sr.labels import HARD
from mmisr.editors.instance_sr.routers import RouteInput, Router
from mmisr.ops.patches import Slots, gather_tokens, scatter_add_tokens
from mmisr.ops.timing import NULL_TIMER, Timer
from mmisr.structures.frames import hw_of
from mmisr.structures.hints import BatchHints
from mmisr.structures.sr_result import RoutingMap, SRResult


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

    def __init__(
        self, scale: int, size: DecoderSize, token_size: int = 8, easy: Easy = "exit1"
    ) -> None:
        super().__init__()
        if scale not in (2, 3, 4):
            raise ValueError(f"InstanceSR.scale must be 2, 3 or 4, got {scale!r}")
        if token_size not in (8, 16, 32):
            raise ValueError(f"InstanceSR.token_size must be 8, 16 or 32, got {token_size!r}")
        self.token_size = token_size
        self.encoder = Encoder(token_size)
        self.decoder = Decoder(scale, size, easy)
        self.timer: Timer = NULL_TIMER
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # a third faster on CPU and GPU

    def forward(
        self,
        lr: Tensor,
        router: Router,
        hints: BatchHints | None = None,
        budget: Budget | None = None,
        execution: Execution | None = None,
    ) -> SRResult:
        """Route, then compute only what the routing map asks for.

        Args:
            lr: (B, 3, h, w) RGB in [0, 1], sides multiples of the token size.
            router: Who decides.
            hints: Boxes and seeds for routers that read them.
            budget: Limits the encoder's choice, instead of the router.
            execution: How deep tokens are computed; exactly by default.

        Returns:
            Image (not clamped) and routing map; ``aux`` has the ``logits`` and ``boxes`` of the
            encoder where it ran.
        """
        execution = execution or Execution()
        sparse, given = (
            self.sparse(execution, budget, router),
            self._given(lr, hints, execution.most_pixels),
        )
        plan = self._plan(given, router, budget, sparse)
        exits = torch.from_numpy(plan.maps).to(lr.device)
        if len(lr) * lr.shape[-2] * lr.shape[-1] <= execution.most_pixels:
            return self._result(sparse(lr, plan), exits, given)
        bands = [band for _, band in sparse.bands(lr, plan, execution.most_pixels)]
        return self._result(torch.cat(bands, 2), exits, given)

    def bands(
        self,
        lr: Tensor,
        router: Router,
        hints: BatchHints | None = None,
        budget: Budget | None = None,
        execution: Execution | None = None,
    ) -> Iterator[tuple[slice, Tensor]]:
        """The image of :meth:`forward`, a band of rows at a time.

        See :meth:`SparseDecoder.bands`.
        """
        execution = execution or Execution()
        sparse = self.sparse(execution, budget, router)
        plan = self._plan(self._given(lr, hints, execution.most_pixels), router, budget, sparse)
        return sparse.bands(lr, plan, execution.most_pixels)

    def forward_dense(
        self, lr: Tensor, router: Router, hints: BatchHints | None = None
    ) -> SRResult:
        """The same by dense passes of every exit; for training and as a reference."""
        given = self._given(lr, hints)
        exits = router(given)
        image = self.decoder.stitch(self.decoder.all_exits(lr), exits, self.token_size)
        return self._result(image, exits, given)

    def macs(
        self,
        exits: Tensor,
        router: Router,
        execution: Execution | None = None,
        budget: Budget | None = None,
    ) -> float:
        """MACs of :meth:`forward` for one image.

        The encoder where the router asks for it, halo, exits, fusion.

        Args:
            exits: (rows, cols) routing map.
            router: Who decided.
            execution: How deep tokens are computed.
            budget: That the map was chosen in.
        """
        sparse = self.sparse(execution or Execution(), budget, router)
        routed = router.encodes and not self.unrouted(sparse, hw_of(exits))
        return routed * self._encoder_macs(exits) + sparse.macs(exits.cpu().numpy())

    def sparse(
        self, execution: Execution, budget: Budget | None = None, router: Router | None = None
    ) -> SparseDecoder:
        """What runs the decoder.

        With the device's own costs where the execution or the budget asks for them.

        Args:
            execution: How deep tokens are computed.
            budget: Of the image; None for none.
            router: Who decides. The encoder's choice is a means to speed and may be overruled by
                what is faster (:attr:`Execution.all_hard_if_faster`); what any other router says is
                kept, and so is everything with None.
        """
        in_ms = budget is not None and budget.target_ms is not None
        costs = self.costs() if in_ms or execution.costs == "measured" else None
        learned = router is not None and router.encodes
        free = execution.all_hard_if_faster and learned and (budget is None or in_ms)
        return SparseDecoder(self.decoder, self.token_size, execution, costs, free, self.timer)

    def unrouted(self, sparse: SparseDecoder, grid: tuple[int, int]) -> bool:
        """Whether frames of so many rows and columns of tokens are too small for the encoder to pay, and go all hard."""
        return sparse.planner.free and not sparse.planner.routing_pays(grid)

    def _plan(
        self, given: RouteInput, router: Router, budget: Budget | None, sparse: SparseDecoder
    ) -> Plan:
        if budget is not None:
            return sparse.plan(self._within(budget, given, sparse))
        if self.unrouted(sparse, given.grid):
            return sparse.plan(torch.full((len(given.lr), *given.grid), HARD))
        return sparse.plan(router(given))

    def _given(
        self, lr: Tensor, hints: BatchHints | None, most_pixels: int = 1 << 62
    ) -> RouteInput:
        last = lr.to(memory_format=torch.channels_last)

        def encode() -> tuple[Tensor, Tensor]:
            with self.timer.stage("encoder"):
                return self.encoder.in_bands(last, most_pixels)

        return RouteInput(lr, self.token_size, hints, encode)

    def costs(self) -> CostModel:
        """What this network costs on its device, measured once and cached."""
        size, decoder = self.decoder.size, self.decoder
        name = f"instance_sr-{size.channels}-{size.blocks[0]}-x{decoder.scale}-t{self.token_size}-{decoder.easy}"
        unit = cast(Block, decoder.blocks[1]).units[0]

        def frame(lr: Tensor) -> Tensor:
            decoder.trunk(lr)
            return decoder.enlarge(decoder.skip(lr))

        def leave(windows: Tensor) -> None:
            count, token = torch.arange(len(windows), device=windows.device), self.token_size
            place = torch.stack([torch.zeros_like(count), torch.zeros_like(count), count], 1)
            slots = Slots(count, torch.ones_like(place[:, 1:]), place, token, at_border=False)
            image = windows.new_zeros(1, 3 * decoder.scale**2, token, len(windows) * token)
            image = image.to(memory_format=torch.channels_last)
            scatter_add_tokens(
                image,
                decoder.leave(HARD, gather_tokens(windows, slots, margin=1), padding=0),
                place,
            )

        return measured(
            name,
            Workload(
                unit, size.channels, size.unit_macs, frame, self.encoder, leave, self.token_size + 2
            ),
        )

    def _within(self, budget: Budget, given: RouteInput, sparse: SparseDecoder) -> Tensor:
        logits = given.logits()
        encoder = self._encoder_macs(logits[0, 0])

        def cost(exits: Tensor) -> float:
            return (
                sparse.ms(exits.numpy())
                if budget.target_ms is not None
                else encoder + sparse.macs(exits.numpy())
            )

        # On the CPU: the search asks for the cost of many maps, and each would be a
        # synchronisation.
        maps = [budget.route(image, cost) for image in logits.detach().cpu()]
        return torch.stack(maps).to(logits.device)

    def _encoder_macs(self, exits: Tensor) -> float:
        return self.encoder.macs(
            (exits.shape[-2] * self.token_size, exits.shape[-1] * self.token_size)
        )

    def _result(self, image: Tensor, exits: Tensor, given: RouteInput) -> SRResult:
        aux = (
            None
            if given.encoded is None
            else dict(zip(("logits", "boxes"), given.encoded, strict=True))
        )
        return SRResult(image, RoutingMap(exits, self.token_size), aux)
