"""The networks of one clip, trained one after the other: the method STDO."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import torch
from torch import Tensor

from mmisr.analysis.overfitting.settings import GENERAL, Settings
from mmisr.editors.stdo.chunks import equal_chunks
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
        for number, stage in enumerate(self.settings.stages):
            if stage in self.trained:
                continue
            if self.learner is None:
                self.learner = self._learner(number)
            learner = self.learner
            while not learner.finished:
                begin = time.perf_counter()
                order = self._order(stage, learner)
                loss = learner.learn(self.patches, order)
                end = time.perf_counter()
                self.seconds += end - begin
                yield stage, learner.epoch, loss
            self.trained[stage] = learner.best
            self.learner = None
            if stage == GENERAL:
                self._sort()

    @property
    def epochs_done(self) -> int:
        """Epochs of all networks together."""
        settings = self.settings
        done = sum(settings.epochs_of(stage) for stage in self.trained)
        return done + (self.learner.epoch if self.learner else 0)

    @property
    def epochs_in_all(self) -> int:
        """How many there will be."""
        settings = self.settings
        return sum(settings.epochs_of(stage) for stage in settings.stages)

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
            self.learner = self._learner(len(self.trained))
            self.learner.load_state_dict(state["learner"])

    def model(self, frames: Tensor, count: int, lr_hw: tuple[int, int]) -> ClipModel:
        """What is written.

        Args:
            frames: (F,) numbers of the frames that the patches are of.
            count: Frames of the clip. Those without patches get the first network.
            lr_hw: Size of an LR frame.
        """
        settings = self.settings
        rows, cols = settings.grid
        per_frame = rows * cols
        table = torch.zeros(count, per_frame, dtype=torch.uint8)
        if not settings.joint:
            chunks = self.chunks.to(torch.uint8)
            table[frames] = chunks.view(-1, per_frame)
        weights = []
        for stage in settings.stages:
            if stage != GENERAL:
                state = self.trained[stage]
                weights.append(half(state))
        return ClipModel(
            clip=self.facts["clip"],
            scale=settings.scale,
            grid=settings.grid,
            lr_hw=lr_hw,
            sizes=settings.sizes,
            chunks=table,
            weights=weights,
        )

    def _learner(self, number: int) -> Learner:
        settings = self.settings
        epochs = settings.epochs_of(settings.stages[number])
        schedule = Schedule(epochs, self.seed)
        return Learner(settings.sizes, schedule, number, self.device)

    def _order(self, stage: str, learner: Learner) -> Tensor:
        draw = learner.draw()
        if stage == "joint":
            progress = learner.epoch / self.settings.epochs
            is_hard = self.chunks == 0
            return joint_order(is_hard, progress, draw)
        count = len(self.patches)
        members = torch.arange(count)
        if stage.startswith("chunk"):
            _, number = stage.split()
            is_member = self.chunks == int(number)
            members = members[is_member]
        return shuffled(members, draw)

    def _sort(self) -> None:
        """The chunks of the patches, by the general network."""
        settings = self.settings
        net = WDSR(folded=True, **settings.sizes)
        weights = self.trained[GENERAL]
        net.load_state_dict(weights)
        net.to(self.device)
        shave = settings.shave
        psnr = score(net, self.patches, shave, self.device)
        self.chunks = equal_chunks(psnr, settings.k)
