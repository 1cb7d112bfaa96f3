"""Time the stages of a pipeline."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from statistics import median
from time import perf_counter
from typing import Any, Protocol

import torch


class Timer(Protocol):
    """Anything that can time a named stage."""

    def stage(self, name: str) -> AbstractContextManager[None]:
        """Time the block under ``name``."""

    def together(self) -> AbstractContextManager[None]:
        """Take all runs of a stage within the block for one."""


class NullTimer:
    """Times nothing and costs next to nothing; what a pipeline carries by default."""

    _nothing = nullcontext()

    def stage(self, name: str) -> AbstractContextManager[None]:
        """Run the block untimed."""
        return self._nothing

    def together(self) -> AbstractContextManager[None]:
        """Run the block untimed."""
        return self._nothing


NULL_TIMER: Timer = NullTimer()


class StageTimer:
    """Wall-clock milliseconds of named stages.

    Convention: once CUDA is in use, the device is synchronised before and after a stage, so that a
    stage pays for its own kernels and for no other's; that costs the overlap of stages, so the
    timer is for measuring alone. A stage that raises is not recorded.

    Args:
        warmup: How many first runs of every stage are left out, because they pay for allocation and
            kernel selection; 0 by default.

    Raises:
        ValueError: ``warmup`` is negative.

    Example:
        >>> timer = StageTimer(warmup=1)
        >>> for _ in range(3):
        ...     with timer.stage("upscale"):
        ...         _ = torch.zeros(8).sum()
        >>> len(timer.ms["upscale"])
        2
    """

    def __init__(self, warmup: int = 0) -> None:
        if warmup < 0:
            raise ValueError(f"warmup must be >= 0, got {warmup}")
        self.warmup = warmup
        self.ms: dict[str, list[float]] = {}
        self._runs: Counter[str] = Counter()
        self._sums: dict[str, float] | None = None

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Time the block under ``name``."""
        start = now_ms()
        yield
        end = now_ms()
        self._record(name, end - start)

    @contextmanager
    def together(self) -> Iterator[None]:
        """Take all runs of a stage within the block for one, which lasts as long as they together.

        An image that is seen slice by slice is timed as a whole.
        """
        sums: dict[str, float] = {}
        self._sums = sums
        try:
            yield
        finally:
            self._sums = None
        for name, elapsed in sums.items():
            self._record(name, elapsed)

    def _record(self, name: str, elapsed: float) -> None:
        sums = self._sums
        if sums is not None:
            sums[name] = sums.get(name, 0.0) + elapsed
            return
        self._runs[name] += 1
        if self._runs[name] > self.warmup:
            self.ms.setdefault(name, []).append(elapsed)

    def reset(self) -> None:
        """Forget what was timed, after a warm-up of one's own.

        The timer's own ``warmup`` is not repeated.
        """
        self.ms.clear()

    def medians(self) -> dict[str, float]:
        """Median milliseconds of every stage, in the order the stages were first recorded."""
        return {name: median(values) for name, values in self.ms.items()}


def interleaved(
    ways: Mapping[str, Callable[[], Any]], rounds: int, warmup: int = 2
) -> dict[str, list[float]]:
    """Time several ways to do something in turns.

    A busy moment of the machine is then charged to all of them.

    Args:
        ways: Functions to call, by name.
        rounds: How often each is timed; every second round runs them in the opposite order.
        warmup: Rounds before that do not count; 2 by default.

    Returns:
        Milliseconds of every way, in the order of the rounds.
    """
    times: dict[str, list[float]] = {name: [] for name in ways}
    forwards = list(ways)
    backwards = forwards[::-1]
    for number in range(-warmup, rounds):
        order = forwards if number % 2 else backwards
        for name in order:
            elapsed = _timed(ways[name])
            if number >= 0:
                times[name].append(elapsed)
    return times


def _timed(call: Callable[[], Any]) -> float:
    start = now_ms()
    call()
    return now_ms() - start


def now_ms() -> float:
    """Milliseconds of a clock that never goes back, when the GPU has done what it was given."""
    if torch.cuda.is_available() and torch.cuda.is_initialized():
        torch.cuda.synchronize()
    return perf_counter() * 1000
