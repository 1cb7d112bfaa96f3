"""The networks of one clip, trained one after the other: the method STDO."""

from __future__ import annotations

import time
import warnings
from collections.abc import Iterator
from dataclasses import asdict, replace
from typing import Any

import torch
from torch import Tensor

from mmisr.analysis.overfitting.frames import Stored, lr_hw_of
from mmisr.analysis.overfitting.settings import GENERAL, JOINT, Settings, Stage
from mmisr.datasets.video import Clip
from mmisr.editors.stdo.chunks import equal_chunks, split_tiles
from mmisr.editors.stdo.model_file import ClipModel, half
from mmisr.editors.stdo.net import WDSR
from mmisr.editors.stdo.training import Learner, Patches, Schedule, joint_order, shuffled
from mmisr.ops.psnr import psnr_of_levels
from mmisr.structures.pixels import to_bytes

SCORED = 32
"""Patches that are scored at a time."""


@torch.no_grad()
def score(net: WDSR, patches: Patches, shave: int, device: torch.device | str) -> Tensor:
    """PSNR of patches under a network, at 8 bits.

    Args:
        net: The network.
        patches: N patches.
        shave: Pixels at every border that do not count.
        device: Where to run.

    Returns:
        (N,) in dB.
    """
    count = len(patches)
    numbers = torch.arange(count)
    values = []
    for some in numbers.split(SCORED):
        lr, hr = patches.batch(some, device)
        sr = to_bytes(net(lr))
        target = to_bytes(hr)
        psnr = psnr_of_levels(sr, target, shave)
        values.append(psnr.cpu())
    return torch.cat(values)


class Overfitting:
    """The networks of one clip, one after the other, an epoch at a time.

    Args:
        settings: What is overfitted.
        clip: Hash of the clip.
        patches: Its patches.
        seed: Of weights and orders.
        device: Where they learn.
    """

    def __init__(
        self,
        settings: Settings,
        clip: str,
        patches: Patches,
        seed: int = 226,
        device: torch.device | str = "cpu",
    ) -> None:
        self.settings = settings
        self.patches = patches
        self.device = device
        self.seed = seed
        self.facts = {"clip": clip, "seed": seed, **asdict(settings)}
        self.trained: dict[str, dict[str, Tensor]] = {}
        self.chunks = torch.zeros(len(patches), dtype=torch.int64)
        self.learner: Learner | None = None
        self.seconds = 0.0

    def run(self) -> Iterator[tuple[str, int, float]]:
        """Learn what is left.

        Yields:
            After every epoch the name of the network, its epochs, and the mean loss. Then
            :meth:`state_dict` is what a stopped run goes on from.
        """
        while left := self._left():
            stage = left[0]
            if self.learner is None:
                self.learner = self._learner(stage)
            learner = self.learner
            patches = replace(self.patches, parts=stage.parts)
            while not learner.finished:
                begin = time.perf_counter()
                order = self._order(stage, learner)
                loss = learner.learn(patches, order)
                end = time.perf_counter()
                self.seconds += end - begin
                yield stage.name, learner.epoch, loss
            self.trained[stage.name] = learner.best
            self.learner = None
            if stage.name == GENERAL:
                self._sort(stage)

    @property
    def stages(self) -> list[Stage]:
        """The networks that have something to learn, as far as that is known."""
        stages = self.settings.stages
        if GENERAL not in self.trained:
            return stages
        return [stage for stage in stages if len(self._members(stage))]

    @property
    def epochs_done(self) -> int:
        """Epochs of all networks together."""
        done = sum(stage.epochs for stage in self.stages if stage.name in self.trained)
        return done + (self.learner.epoch if self.learner else 0)

    @property
    def epochs_in_all(self) -> int:
        """How many there will be, as far as that is known."""
        return sum(stage.epochs for stage in self.stages)

    def state_dict(self) -> dict[str, Any]:
        """All that the rest depends on."""
        learner = self.learner.state_dict() if self.learner else None
        return {
            "facts": self.facts,
            "trained": self.trained,
            "chunks": self.chunks,
            "learner": learner,
            "seconds": self.seconds,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from there.

        Args:
            state: As :meth:`state_dict` gave it.

        Raises:
            ValueError: It is of another clip or of other settings.
        """
        for key, value in self.facts.items():
            found = state["facts"].get(key)
            if found == value:
                continue
            raise ValueError(
                f"the run that stopped had {key}={found}, now it is {value}; resume it as it "
                "was begun, or begin anew without --resume"
            )
        self.trained = state["trained"]
        self.chunks = state["chunks"]
        self.seconds = state["seconds"]
        if state["learner"] is not None:
            self.learner = self._learner(self._left()[0])
            self.learner.load_state_dict(state["learner"])

    def model(self, stored: Stored, clip: Clip) -> ClipModel:
        """What is written.

        Args:
            stored: Where the patches come from.
            clip: The HR clip. Its frames without patches get the first network.
        """
        settings = self.settings
        rows, cols = settings.grid
        count = len(clip)
        learned = [stage for stage in self.stages if stage.name != GENERAL]
        table = torch.zeros(count, rows * cols, dtype=torch.uint8)
        thumbnails = torch.zeros(count, stored.thumbnails.shape[1], dtype=torch.uint8)
        table[stored.frames] = self._networks(learned).view(-1, rows * cols)
        thumbnails[stored.frames] = stored.thumbnails
        return ClipModel(
            clip=self.facts["clip"],
            scale=settings.scale,
            grid=settings.grid,
            lr_hw=lr_hw_of(clip, settings.scale),
            sizes=[stage.sizes for stage in learned],
            parts=[stage.parts for stage in learned],
            chunks=table,
            weights=[half(self.trained[stage.name]) for stage in learned],
            name=clip.path.resolve().name,
            thumbnails=thumbnails,
        )

    def _networks(self, learned: list[Stage]) -> Tensor:
        """(N,) uint8, which of the networks each patch takes."""
        networks = torch.zeros(len(self.chunks), dtype=torch.uint8)
        for number, stage in enumerate(learned):
            members = self._members(stage)
            networks[members] = number
        return networks

    def _left(self) -> list[Stage]:
        """The networks that have not learned yet."""
        return [stage for stage in self.stages if stage.name not in self.trained]

    def _learner(self, stage: Stage) -> Learner:
        number = self.settings.stages.index(stage)
        schedule = Schedule(stage.epochs, self.seed)
        return Learner(stage.sizes, schedule, number, self.device)

    def _members(self, stage: Stage) -> Tensor:
        """(M,) numbers of the patches that a network learns."""
        if stage.chunk is None:
            return torch.arange(len(self.chunks))
        is_member = self.chunks == stage.chunk
        return is_member.nonzero().flatten()

    def _order(self, stage: Stage, learner: Learner) -> Tensor:
        draw = learner.draw()
        if stage.name == JOINT:
            progress = learner.epoch / stage.epochs
            is_hard = self.chunks == 0
            return joint_order(is_hard, progress, draw)
        members = self._members(stage)
        per_patch = stage.parts**2
        parts = per_patch * members[:, None] + torch.arange(per_patch)
        return shuffled(parts.flatten(), draw)

    def _sort(self, general: Stage) -> None:
        """The chunks of the patches, by the general network."""
        settings = self.settings
        net = WDSR(folded=True, **general.sizes)
        weights = self.trained[GENERAL]
        net.load_state_dict(weights)
        net.to(self.device)
        shave = settings.shave
        psnr = score(net, self.patches, shave, self.device)
        if settings.divide != "tiles":
            self.chunks = equal_chunks(psnr, settings.k)
            return
        self.chunks = split_tiles(psnr, settings.split_at)
        if len(self.chunks.unique()) < 2:
            warnings.warn(
                f"one network learns all tiles: split_at should lie between the {psnr.min():.1f} "
                f"and {psnr.max():.1f} dB of the hardest and the easiest, got {settings.split_at}",
                stacklevel=2,
            )
