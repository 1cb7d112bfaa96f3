"""Randomness of training as a function of seed, epoch and iteration.

A resumed run draws what it would have drawn.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from mmengine.dist import get_rank
from mmengine.hooks import DistSamplerSeedHook
from torch.utils.data import DataLoader

from mmisr.registry import HOOKS

DATA, MODEL = 0, 1
"""Two streams: what the data draws does not move what the model draws."""


def seed_all(*parts: int) -> None:
    """Seed Python, numpy and torch with a mixture of numbers; neighbours share nothing."""
    seed = int(np.random.SeedSequence(parts).generate_state(1)[0])
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)


class BatchSeeder:
    """A collate function that seeds its process anew for every batch.

    Data workers take batches in turn, so each knows the numbers of its own: ``first + worker``,
    then every ``num_workers``-th.

    Args:
        collate: The collate function that the loader has.
        init: The ``worker_init_fn`` that the loader has, or None.
        first: Number of the first batch of the epoch.
        num_workers: How many workers the loader has; 0 where data is loaded in this process.
    """

    def __init__(
        self, collate: Callable, init: Callable | None, first: int, num_workers: int
    ) -> None:
        self.collate = collate
        self.init = init
        self.number = first
        self.step = max(1, num_workers)
        self.base = 0

    def start(self, worker: int) -> None:
        """Seed the first batch.

        Args:
            worker: Number of the data worker, from 0. torch has seeded its process with a number
                that is the run's, plus this one.
        """
        self.base = (torch.initial_seed() - worker) % 2**63
        if self.init is not None:
            self.init(worker)
        self.number += worker
        self.seed()

    def seed(self) -> None:
        """Seed the batch that comes next."""
        seed_all(self.base, self.number, DATA)

    def __call__(self, batch: Any) -> Any:
        """Collate, then seed the next batch."""
        collated = self.collate(batch)
        self.number += self.step
        self.seed()
        return collated


@HOOKS.register_module()
class TrainSeedHook(DistSamplerSeedHook):
    """Seed every batch's augmentation and every iteration's model.

    mmengine seeds once, at the start: after ``--resume`` the generators of the main process and of
    the data workers stand at their beginning again, and the run goes another way than an
    uninterrupted one. With this hook in the place of ``sampler_seed``, whose work it does too, both
    give the same weights, by epochs and (with ``InfiniteSampler``) by iterations. The price: data
    workers are started anew for every epoch, persistent ones too.
    """

    def __init__(self) -> None:
        self.in_process: BatchSeeder | None = None

    def before_train_epoch(self, runner: Any) -> None:
        """Seed the sampler, and the data from here on."""
        super().before_train_epoch(runner)
        loop = runner.train_loop
        if not isinstance(loop.dataloader, DataLoader):
            return
        by_iterations = hasattr(loop, "dataloader_iterator")
        seed_all(runner.seed, runner.epoch, get_rank(), DATA)
        self.in_process = _install(loop.dataloader, runner.iter if by_iterations else 0)

    def before_train_iter(self, runner: Any, batch_idx: int, data_batch: Any = None) -> None:
        """Seed what the model draws."""
        seed_all(runner.seed, runner.iter, get_rank(), MODEL)

    def after_train_iter(
        self, runner: Any, batch_idx: int, data_batch: Any = None, outputs: Any = None
    ) -> None:
        """Where data is loaded in this process, seed it again.

        The model has drawn from the same generators.
        """
        if self.in_process is not None:
            self.in_process.seed()


def _install(loader: DataLoader, first: int) -> BatchSeeder | None:
    """Seed the batches of a loader, numbered from ``first``.

    Returns:
        The seeder where data is loaded in this process; None where workers load it.
    """
    collate = loader.collate_fn
    init = loader.worker_init_fn
    if isinstance(collate, BatchSeeder):
        # Put there for an earlier epoch: the loader's own functions are inside.
        init = collate.init
        collate = collate.collate
    seeder = BatchSeeder(collate, init, first, loader.num_workers)
    loader.collate_fn = seeder
    if loader.num_workers == 0:
        seeder.start(0)
        return seeder
    loader.worker_init_fn = seeder.start
    loader._iterator = None  # persistent workers would go on counting from the last epoch
    return None
