"""What a training step costs, config against config."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from statistics import fmean
from typing import Any

import torch
from mmengine.config import Config
from mmengine.logging import MessageHub
from mmengine.optim import build_optim_wrapper
from mmengine.runner import Runner, set_random_seed

from mmisr.ops.timing import interleaved
from mmisr.pipeline.sr_detector import SRDetector
from mmisr.registry import MODELS

SCHEMA = 1
"""Of ``step_cost.json``; raised when a key changes its meaning."""


@dataclass(frozen=True)
class StepCost:
    """One config's training step.

    Args:
        name: Of the config.
        ms: Milliseconds of a step, mean over a run: phases that do not run in every iteration, or
            up to a share of the run, count as often as they run.
        ratio: Its time over the first config's, both over all rounds.
        peak_mib: Most memory that was allocated on the GPU; None on the CPU.
    """

    name: str
    ms: float
    ratio: float
    peak_mib: float | None

    def to_json(self) -> dict[str, Any]:
        """The fields by their names."""
        return asdict(self)


class Steps:
    """The steps of one config, on one batch of its training data over and over.

    Args:
        cfg: Of a pair.
        rounds: Steps of a whole run, which the phases are placed in.
        device: Where to train.

    Raises:
        ValueError: The config is no pair's.
    """

    def __init__(self, cfg: Config, rounds: int, device: str) -> None:
        set_random_seed(0)
        model = MODELS.build(cfg.model)
        if not isinstance(model, SRDetector):
            raise ValueError(f"{cfg.filename} is of a {type(model).__name__}, not of a pair")
        model.init_weights()
        self.model = model.to(device).train()
        self.wrapper = build_optim_wrapper(model, copy.deepcopy(cfg.optim_wrapper))
        loader = Runner.build_dataloader(cfg.train_dataloader, seed=0)
        self.batch = next(iter(loader))
        self.rounds = rounds
        self.done = 0

    def __call__(self) -> None:
        """One step."""
        hub = MessageHub.get_current_instance()
        hub.update_info("iter", self.done % self.rounds)
        hub.update_info("max_iters", self.rounds)
        self.done += 1
        batch = copy.deepcopy(self.batch)
        self.model.train_step(batch, self.wrapper)


def step_costs(configs: Mapping[str, Config], rounds: int, device: str) -> list[StepCost]:
    """Time the training steps of several pairs in turns.

    Args:
        configs: By name; the first is what the others are compared with.
        rounds: Steps of each.
        device: Where to train.

    Returns:
        One entry per config, in their order.
    """
    ways = {}
    peaks: dict[str, float | None] = {}
    for name, cfg in configs.items():
        steps = Steps(cfg, rounds, device)
        peaks[name] = _peak_mib(steps) if device.startswith("cuda") else None
        ways[name] = steps
    times = interleaved(ways, rounds)
    first = next(iter(times.values()))
    costs = []
    for name, of_config in times.items():
        ms = fmean(of_config)
        costs.append(StepCost(name, ms, ms / fmean(first), peaks[name]))
    return costs


def _peak_mib(steps: Steps) -> float:
    torch.cuda.reset_peak_memory_stats()
    steps()
    return torch.cuda.max_memory_allocated() / 2**20
