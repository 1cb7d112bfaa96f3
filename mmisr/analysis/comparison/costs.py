"""What the stages of a pair cost, while it predicts: milliseconds and multiply-accumulates."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

from mmisr.ops.macs import counting_macs
from mmisr.ops.timing import StageTimer


class StageCosts:
    """Times the stages of a pair, and counts what they compute on images that ask for it.

    Counting slows a stage down, and who counts on the first image of a size has it pay for what
    later ones find done. So the time of counted images stands only where all of them are.

    Example:
        >>> import torch
        >>> conv = torch.nn.Conv2d(3, 8, 3, padding=1)
        >>> costs = StageCosts()
        >>> with costs.counting() as macs, costs.stage("upscale"):
        ...     features = conv(torch.zeros(1, 3, 10, 10))
        >>> macs
        {'upscale': 21600.0}
    """

    def __init__(self) -> None:
        self._timed = StageTimer()
        self._timed_counting = StageTimer()
        self._macs: dict[str, float] | None = None

    @contextmanager
    def counting(self) -> Iterator[dict[str, float]]:
        """Count within the block.

        Yields:
            MACs by stage, complete when the block has ended.
        """
        macs: dict[str, float] = {}
        self._macs = macs
        try:
            yield macs
        finally:
            self._macs = None

    def stage(self, name: str) -> AbstractContextManager[None]:
        """Time the block under ``name``, and count it where that is asked for."""
        if self._macs is None:
            return self._timed.stage(name)
        return self._counted(name, self._macs)

    def together(self) -> AbstractContextManager[None]:
        """Take all runs of a stage within the block for one."""
        timer = self._timed if self._macs is None else self._timed_counting
        return timer.together()

    @contextmanager
    def _counted(self, name: str, macs: dict[str, float]) -> Iterator[None]:
        with counting_macs() as count, self._timed_counting.stage(name):
            yield
        macs[name] = macs.get(name, 0.0) + count.macs

    def medians(self) -> dict[str, float]:
        """Median milliseconds of every stage."""
        return self._timed.medians() or self._timed_counting.medians()
