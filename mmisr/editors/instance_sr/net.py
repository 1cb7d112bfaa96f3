"""InstanceSR in plain torch: encoder, router, decoder."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn

from mmisr.editors.instance_sr.budget import Prices, margins
from mmisr.editors.instance_sr.decoder import Block, Decoder, DecoderSize, Easy
from mmisr.editors.instance_sr.encoder import Encoder
from mmisr.editors.instance_sr.engine.all_hard import AllHardIfFaster
from mmisr.editors.instance_sr.engine.cost_model import CostModel, Workload, measured
from mmisr.editors.instance_sr.engine.planner import Planner
from mmisr.editors.instance_sr.engine.sparse import Plan, SparseDecoder
from mmisr.editors.instance_sr.execution import Execution
from mmisr.editors.instance_sr.labels import HARD
from mmisr.editors.instance_sr.routers import RouteInput, Router
from mmisr.ops.patches import Slots, gather_tokens, scatter_add_tokens
from mmisr.ops.timing import NULL_TIMER, Timer
from mmisr.structures.frames import hw_of
from mmisr.structures.hints import BatchHints
from mmisr.structures.sr_result import RoutingMap, SRResult

SCALES = (2, 3, 4, 8)
UNBOUNDED = 1 << 62
"""Pixels that no image has: everything in one pass."""


class InstanceSRNet(nn.Module):
    """LR image -> tokens of three difficulties -> as much decoder as each needs.

    Args:
        scale: Factor per axis: 2, 3, 4 or 8.
        size: Width and depth of the decoder.
        token_size: Side of a token in LR pixels: 8, 16 or 32.
        easy: How easy tokens leave, see :class:`Decoder`.

    Raises:
        ValueError: A scale or token size that is not supported.
    """

    def __init__(
        self, scale: int, size: DecoderSize, token_size: int = 8, easy: Easy = "exit1"
    ) -> None:
        super().__init__()
        if scale not in SCALES:
            raise ValueError(f"InstanceSR.scale must be one of {SCALES}, got {scale!r}")
        if token_size not in (8, 16, 32):
            raise ValueError(f"InstanceSR.token_size must be 8, 16 or 32, got {token_size!r}")
        self.token_size = token_size
        self.encoder = Encoder(token_size)
        self.decoder = Decoder(scale, size, easy)
        self.timer: Timer = NULL_TIMER
        # A third faster on CPU and GPU.
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def forward(
        self,
        lr: Tensor,
        router: Router,
        hints: BatchHints | None = None,
        execution: Execution | None = None,
    ) -> SRResult:
        """Route, then compute only what the routing map asks for.

        Args:
            lr: (B, 3, h, w) RGB in [0, 1], sides multiples of the token size.
            router: Decides by which exit each token leaves.
            hints: Boxes and seeds for routers that read them.
            execution: How deep tokens are computed; exactly by default.

        Returns:
            Image (not clamped) and routing map; ``aux`` has the ``logits`` and ``boxes`` of the
            encoder where it ran.
        """
        sparse = self.sparse(router, execution)
        given = self._given(lr, hints, sparse)
        plan = self._plan(given, router, sparse)
        height, width = hw_of(lr)
        num_pixels = len(lr) * height * width
        if num_pixels <= sparse.running.most_pixels:
            image = sparse(lr, plan)
        else:
            bands = [band for _, band in sparse.bands(lr, plan)]
            image = torch.cat(bands, 2)
        exits = torch.from_numpy(plan.maps)
        exits = exits.to(lr.device)
        return self._result(image, exits, given)

    def route(
        self,
        lr: Tensor,
        router: Router,
        hints: BatchHints | None = None,
        prices: Prices | None = None,
    ) -> RoutingMap:
        """The routing map alone.

        Args:
            lr: (B, 3, h, w) RGB in [0, 1], sides multiples of the token size.
            router: Decides by which exit each token leaves.
            hints: Boxes and seeds for routers that read them.
            prices: What maps cost, for a router with a budget; None where none holds.
        """
        given = self._given(lr, hints)
        given.prices = prices
        exits = router(given)
        scores = None
        if given.encoded is not None:
            logits, _ = given.encoded
            scores = margins(logits)
        return RoutingMap(exits, self.token_size, scores=scores)

    def bands(
        self,
        lr: Tensor,
        router: Router,
        hints: BatchHints | None = None,
        execution: Execution | None = None,
    ) -> Iterator[tuple[slice, Tensor]]:
        """The image of :meth:`forward`, a band of rows at a time.

        See :meth:`SparseDecoder.bands`.
        """
        sparse = self.sparse(router, execution)
        plan = self._plan(self._given(lr, hints, sparse), router, sparse)
        return sparse.bands(lr, plan)

    def forward_dense(
        self, lr: Tensor, router: Router, hints: BatchHints | None = None
    ) -> SRResult:
        """The same by dense passes of every exit; for training and as a reference.

        No budget holds here.
        """
        given = self._given(lr, hints)
        exits = router(given)
        image = self.decoder.stitch(self.decoder.all_exits(lr), exits, self.token_size)
        return self._result(image, exits, given)

    def macs(self, exits: Tensor, router: Router, execution: Execution | None = None) -> float:
        """MACs of :meth:`forward` for one image.

        The encoder where the router asks for it, halo, exits, fusion.

        Args:
            exits: (rows, cols) routing map.
            router: The router that chose it.
            execution: How deep tokens are computed; exactly by default.
        """
        sparse = self.sparse(router, execution)
        grid = hw_of(exits)
        on_host = exits.cpu().numpy()
        decoder_macs = sparse.macs(on_host)
        if not router.encodes or self.unrouted(router, sparse, grid):
            return decoder_macs
        return self._encoder_macs(grid) + decoder_macs

    def sparse(self, router: Router, execution: Execution | None = None) -> SparseDecoder:
        """What runs the decoder for the exits of a router.

        With the device's own costs where the execution or a budget in milliseconds asks for them.

        Args:
            router: The router. An encoder's choice is a means to speed and may be overruled by what
                is faster (:attr:`Execution.all_hard_if_faster`); what any other router says is
                kept.
            execution: How deep tokens are computed; exactly by default.
        """
        execution = execution or Execution()
        planning = execution.planning
        device = None
        if planning.costs == "measured" or (router.budget is not None and router.budget.in_ms):
            device = self.costs()
        planner = Planner(self.decoder, self.token_size, planning, device)
        step = None
        wanted = execution.all_hard_if_faster and planning.partition == "auto"
        if wanted and router.is_means:
            step = AllHardIfFaster(planner)
        return SparseDecoder(
            decoder=self.decoder,
            planner=planner,
            step=step,
            running=execution.running,
            timer=self.timer,
        )

    def unrouted(self, router: Router, sparse: SparseDecoder, grid: tuple[int, int]) -> bool:
        """Whether frames are so small that they go all hard without asking the encoder.

        Args:
            router: The router that would ask it; one with a budget always does.
            sparse: What :meth:`sparse` gives for it.
            grid: Rows and columns of tokens.
        """
        if sparse.step is None or not router.encodes or router.budget is not None:
            return False
        return not sparse.step.routing_pays(grid)

    def _plan(self, given: RouteInput, router: Router, sparse: SparseDecoder) -> Plan:
        if self.unrouted(router, sparse, given.grid):
            return sparse.plan(torch.full((len(given.lr), *given.grid), HARD))
        return sparse.plan(router(given))

    def _given(
        self, lr: Tensor, hints: BatchHints | None, sparse: SparseDecoder | None = None
    ) -> RouteInput:
        """What the router may look at; prices only where there is a sparse decoder to pay."""
        channels_last = lr.to(memory_format=torch.channels_last)
        most_pixels = UNBOUNDED
        prices = None
        if sparse is not None:
            most_pixels = sparse.running.most_pixels
            prices = _Prices(sparse, self._encoder_macs)

        def encode() -> tuple[Tensor, Tensor]:
            with self.timer.stage("encoder"):
                return self.encoder.in_bands(channels_last, most_pixels)

        return RouteInput(
            lr=lr,
            token=self.token_size,
            hints=hints,
            encode=encode,
            prices=prices,
        )

    def costs(self) -> CostModel:
        """What this network costs on its device, measured once and cached."""
        decoder, size = self.decoder, self.decoder.size
        width = f"{size.channels}-{size.blocks[0]}"
        name = f"instance_sr-{width}-x{decoder.scale}-t{self.token_size}-{decoder.easy}"
        work = Workload(
            unit=cast(Block, decoder.blocks[1]).units[0],
            channels=size.channels,
            unit_macs=size.unit_macs,
            frame=self._frame,
            route=self.encoder,
            leave=self._leave_windows,
            side=self.token_size + 2,
        )
        return measured(name, work)

    def _frame(self, lr: Tensor) -> Tensor:
        """What runs once over every frame."""
        self.decoder.trunk(lr)
        return self.decoder.enlarge(self.decoder.skip(lr))

    def _leave_windows(self, windows: Tensor) -> None:
        """Take the token of each window (N, C, T + 2, T + 2) into an image of one row of tokens."""
        side = self.token_size
        count = len(windows)
        number = torch.arange(count, device=windows.device)
        zero = torch.zeros_like(number)
        tokens = torch.stack([zero, zero, number], 1)
        slots = Slots(
            window=number,
            inner=torch.ones_like(tokens[:, 1:]),
            token=tokens,
            side=side,
            at_border=False,
        )
        features = gather_tokens(windows, slots, margin=1)
        patches = self.decoder.leave(HARD, features, padding=0)
        channels = patches.shape[1]
        image = windows.new_zeros(1, channels, side, count * side)
        image = image.to(memory_format=torch.channels_last)
        scatter_add_tokens(image, patches, tokens)

    def _encoder_macs(self, grid: tuple[int, int]) -> float:
        rows, cols = grid
        return self.encoder.macs((rows * self.token_size, cols * self.token_size))

    def _result(self, image: Tensor, exits: Tensor, given: RouteInput) -> SRResult:
        aux = None
        if given.encoded is not None:
            logits, boxes = given.encoded
            aux = {"logits": logits, "boxes": boxes}
        return SRResult(image, RoutingMap(exits, self.token_size), aux)


@dataclass(frozen=True)
class _Prices:
    """Prices of routing maps for a budget, the encoder's own price among them."""

    sparse: SparseDecoder
    encoder_macs: Callable[[tuple[int, int]], float]

    def macs(self, exits: Tensor) -> float:
        return self.encoder_macs(hw_of(exits)) + self.sparse.macs(exits.numpy())

    def ms(self, exits: Tensor) -> float:
        return self.sparse.ms(exits.numpy())
