"""Time the stages of a pipeline."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from statistics import median
from time import perf_counter
from typing import Protocol

import torch


class Timer(Protocol):
    """Anything that can time a named stage."""

    def stage(self, name: str) -> AbstractContextManager[None]:
        """Time the block under ``name``."""


class NullTimer:
    """Times nothing and costs next to nothing; what a pipeline carries by default."""

    _nothing = nullcontext()

    def stage(self, name: str) -> AbstractContextManager[None]:
        """Run the block untimed."""
        return self._nothing


NULL_TIMER = NullTimer()


class StageTimer:
    """Wall-clock milliseconds per stage; on a GPU each stage ends with a synchronisation."""

    def __init__(self) -> None:
        self.ms: dict[str, list[float]] = defaultdict(list)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Time the block under ``name``."""
        start = self._now()
        try:
            yield
        finally:
            self.ms[name].append(self._now() - start)

    def reset(self) -> None:
        """Forget what was timed, after a warm-up."""
        self.ms.clear()

    def medians(self) -> dict[str, float]:
        """Median milliseconds of every stage, in the order the stages first ran."""
        return {name: median(values) for name, values in self.ms.items()}

    @staticmethod
    def _now() -> float:
        if torch.cuda.is_available() and torch.cuda.is_initialized():
            torch.cuda.synchronize()
        return perf_counter() * 1000
