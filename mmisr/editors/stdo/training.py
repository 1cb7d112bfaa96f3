"""Learning patches by heart: data, schedule, and one network at a time."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Generator, Tensor
from torch.nn.functional import l1_loss

from mmisr.editors.stdo.chunks import patch_hw
from mmisr.editors.stdo.net import WDSR, folded_state
from mmisr.ops.patches import patch_corners
from mmisr.structures.pixels import to_unit

LATE = 0.6
"""Share of the epochs of a joint training after which hard patches prevail."""

HARD_WHEN_LATE = 0.7
"""Their probability from then on."""


@dataclass(frozen=True)
class Patches:
    """LR and HR patches of all frames, in files that are mapped into memory.

    Args:
        lr: (N, 3, h, w) uint8 RGB.
        hr: (N, 3, s*h, s*w) uint8 RGB.
        parts: Parts along each side that every patch is cut into; 1 by default. With more, it is
            the parts that are counted: those of a patch row by row, then those of the next.
    """

    lr: NDArray[np.uint8]
    hr: NDArray[np.uint8]
    parts: int = 1

    def __len__(self) -> int:
        return self.per_patch * len(self.lr)

    @property
    def per_patch(self) -> int:
        """Parts of a patch."""
        return self.parts**2

    def batch(self, numbers: Tensor, device: torch.device | str) -> tuple[Tensor, Tensor]:
        """Some of the patches, in [0, 1].

        Args:
            numbers: (B,) which.
            device: Where to.

        Returns:
            LR and HR, float32.
        """
        scale = self.hr.shape[-1] // self.lr.shape[-1]
        grid = (self.parts, self.parts)
        height, width = patch_hw(_hw(self.lr), grid)
        hr_hw = (scale * height, scale * width)
        lr = _parts(self.lr, numbers, (height, width))
        hr = _parts(self.hr, numbers, hr_hw)
        lr = to_unit(lr.to(device))
        hr = to_unit(hr.to(device))
        return lr, hr


def _parts(patches: NDArray[np.uint8], numbers: Tensor, hw: tuple[int, int]) -> Tensor:
    """Some of the parts that patches are cut into, and nothing else of the file."""
    whole_hw = _hw(patches)
    corners = patch_corners(whole_hw, hw, hw)
    parts = []
    for number in numbers.tolist():
        patch, place = divmod(number, len(corners))
        whole = patches[patch]
        corner = corners[place]
        part = _cut(whole, corner, hw)
        parts.append(part)
    stacked = np.stack(parts)
    return torch.from_numpy(stacked)


def _cut(
    patch: NDArray[np.uint8], corner: tuple[int, int], hw: tuple[int, int]
) -> NDArray[np.uint8]:
    top, left = corner
    bottom, right = top + hw[0], left + hw[1]
    return patch[:, top:bottom, left:right]


def _hw(patches: NDArray[np.uint8]) -> tuple[int, int]:
    height, width = patches.shape[-2:]
    return height, width


@dataclass(frozen=True)
class Schedule:
    """How a network learns: Adam, at a rate that falls by a cosine from epoch to epoch.

    Args:
        epochs: Passes over the patches.
        seed: Of weights and orders.
        batch: Patches of a step.
        rate: Learning rate of the first epoch.
        floor: What it falls to.

    Raises:
        ValueError: There is no epoch, or no patch in a step.
    """

    epochs: int
    seed: int = 226
    batch: int = 16
    rate: float = 1e-3
    floor: float = 4e-8

    def __post_init__(self) -> None:
        if min(self.epochs, self.batch) < 1:
            raise ValueError(
                f"epochs and batch must be at least 1, got {self.epochs} and {self.batch}"
            )

    def rate_at(self, epoch: int) -> float:
        """The learning rate of an epoch.

        Args:
            epoch: From 0.

        Example:
            >>> Schedule(50).rate_at(0), round(Schedule(50).rate_at(25), 6)
            (0.001, 0.0005)
        """
        angle = math.pi * epoch / self.epochs
        share = (1 + math.cos(angle)) / 2
        return self.floor + share * (self.rate - self.floor)


class Learner:
    """A network on its way, an epoch at a time; it can be stored and goes on as if never stopped.

    Of all epochs the weights of the one with the lowest training loss are kept: nothing else than
    the training patches will ever be shown to it.

    Args:
        sizes: Arguments of :class:`WDSR`.
        schedule: How it learns.
        number: Which of the networks of a clip it is, so that each begins differently.
        device: Where it learns.
    """

    def __init__(
        self,
        sizes: dict[str, Any],
        schedule: Schedule,
        number: int = 0,
        device: torch.device | str = "cpu",
    ) -> None:
        self.schedule = schedule
        self.number = number
        self.device = device
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(schedule.seed + number)
            net = WDSR(**sizes)
        self.net = net.to(device)
        parameters = self.net.parameters()
        self.optimiser = torch.optim.Adam(parameters, lr=schedule.rate)
        self.epoch = 0
        self.best_loss = math.inf
        self.best: dict[str, Tensor] = {}

    @property
    def finished(self) -> bool:
        """Whether all epochs are done."""
        return self.epoch >= self.schedule.epochs

    def draw(self) -> Generator:
        """Where chance comes from in the next epoch; it depends on nothing that went before."""
        words = (self.schedule.seed, self.number, self.epoch)
        seeds = np.random.SeedSequence(words)
        seed = int(seeds.generate_state(1)[0])
        return Generator().manual_seed(seed)

    def learn(self, patches: Patches, order: Tensor) -> float:
        """One epoch.

        Args:
            patches: What is learned.
            order: (M,) numbers of patches, one after the other.

        Returns:
            The mean L1 distance of its steps.
        """
        rate = self.schedule.rate_at(self.epoch)
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        losses = []
        for numbers in order.split(self.schedule.batch):
            loss = self._step(patches, numbers)
            losses.append(loss)
        self.epoch += 1
        of_steps = torch.stack(losses)
        mean = float(of_steps.mean())
        if mean < self.best_loss:
            self.best_loss = mean
            self.best = folded_state(self.net)
        return mean

    def _step(self, patches: Patches, numbers: Tensor) -> Tensor:
        lr, hr = patches.batch(numbers, self.device)
        sr = self.net(lr)
        loss = l1_loss(sr, hr)
        self.optimiser.zero_grad()
        loss.backward()
        self.optimiser.step()
        return loss.detach()

    def state_dict(self) -> dict[str, Any]:
        """All that the next epoch depends on."""
        return {
            "net": self.net.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "epoch": self.epoch,
            "best_loss": self.best_loss,
            "best": self.best,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from there.

        Args:
            state: As :meth:`state_dict` gave it.
        """
        self.net.load_state_dict(state["net"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.epoch = state["epoch"]
        self.best_loss = state["best_loss"]
        self.best = state["best"]


def shuffled(members: Tensor, draw: Generator) -> Tensor:
    """Patches in a random order.

    Args:
        members: (M,) their numbers.
        draw: Where chance comes from.
    """
    order = torch.randperm(len(members), generator=draw)
    return members[order]


def joint_order(is_hard: Tensor, progress: float, draw: Generator) -> Tensor:
    """As many patches as there are, hard ones oftener than their share.

    Half of every batch is hard; in the last 40 % of the epochs each patch is with probability 0.7.
    The paper says "data-aware joint training" and no more: these numbers are ours.

    Args:
        is_hard: (N,) bool.
        progress: Share of the epochs that are done.
        draw: Where chance comes from.

    Returns:
        (N,) numbers, drawn with replacement.
    """
    count = len(is_hard)
    numbers = torch.arange(count)
    hard = numbers[is_hard]
    easy = numbers[~is_hard]
    parity = numbers % 2
    takes_hard = parity == 0
    if progress >= LATE:
        chance = torch.rand(count, generator=draw)
        takes_hard = chance < HARD_WHEN_LATE
    of_hard = _drawn(hard, count, draw)
    of_easy = _drawn(easy, count, draw)
    return torch.where(takes_hard, of_hard, of_easy)


def _drawn(members: Tensor, count: int, draw: Generator) -> Tensor:
    """So many of them, with replacement."""
    most = len(members)
    places = torch.randint(most, (count,), generator=draw)
    return members[places]
