"""Hook that moves InstanceSR through its stages and watches the classes."""

from __future__ import annotations

import logging
from typing import Any

import torch
from mmengine.dist import all_reduce
from mmengine.logging import print_log
from torch import Tensor

from mmisr.editors.instance_sr.editor import STAGES
from mmisr.editors.instance_sr.labels import CLASSES
from mmisr.openmmlab.stages import StageHook
from mmisr.registry import HOOKS

SOURCES = ("labels", "routed")


@HOOKS.register_module()
class InstanceSRStageHook(StageHook):
    """Train the decoder, then the encoder, then both, and log the class histogram.

    Parameters outside a stage get no gradient; with several processes the config needs
    ``find_unused_parameters = True``.

    The shares of the classes, as labelled and as routed, are logged every ``interval`` iterations
    and at the end of every epoch. A histogram of one class alone is a collapse and raises a
    warning: of the labels, because nothing can be learned from them; of the router, because it
    routes no more. Few moderate tokens are none: objects that are all tiny have next to no moderate
    tokens.

    Args:
        encoder_from: First iteration of the encoder stage.
        joint_from: First iteration of the joint stage.
        interval: Iterations between two reports.
        collapse: Share of one class from which a histogram counts as a collapse.

    Raises:
        ValueError: The stages are out of order, or ``interval`` or ``collapse`` is out of range.
    """

    def __init__(
        self, encoder_from: int, joint_from: int, interval: int = 100, collapse: float = 0.995
    ) -> None:
        if not 0 <= encoder_from <= joint_from:
            raise ValueError(
                f"stages need 0 <= encoder_from <= joint_from, got {encoder_from} and {joint_from}"
            )
        if interval < 1 or not 0 < collapse <= 1:
            raise ValueError(
                f"need interval >= 1 and 0 < collapse <= 1, got {interval} and {collapse}"
            )
        starts = (0, encoder_from, joint_from)
        super().__init__(dict(zip(STAGES, starts, strict=True)))
        self.interval = interval
        self.collapse = collapse
        self.sums: Tensor | None = None

    def entered(self, stage: str) -> None:
        """Begin the sums anew."""
        self.sums = torch.zeros(len(SOURCES), len(CLASSES))

    def after_train_iter(
        self, runner: Any, batch_idx: int, data_batch: Any = None, outputs: Any = None
    ) -> None:
        """Sum the shares, and report them now and then."""
        shares = _logged_shares(outputs or {})
        if self.sums is None:
            self.sums = shares
        else:
            self.sums = self.sums.to(shares.device) + shares
        if self.every_n_train_iters(runner, self.interval):
            self.report()

    def after_train_epoch(self, runner: Any) -> None:
        """Report what is left of the epoch."""
        self.report()

    def report(self) -> None:
        """Log the histograms since the last report, over all processes."""
        if self.sums is None:
            return
        sums = self.sums.clone()
        all_reduce(sums)
        self.sums.zero_()
        for who, counts in zip(SOURCES, sums.tolist(), strict=True):
            total = sum(counts)
            if total:
                shares = [count / total for count in counts]
                text, level = histogram_line(who, shares, self.collapse)
                print_log(text, logger="current", level=level)


def _logged_shares(outputs: dict[str, Any]) -> Tensor:
    """(sources, classes) shares among what a step logged; zeros where a stage logs none."""
    shares = []
    for who in SOURCES:
        for name in CLASSES:
            share = torch.as_tensor(outputs.get(f"{who}_{name}", 0.0))
            shares.append(share.detach().float())
    return torch.stack(shares).view(len(SOURCES), len(CLASSES))


def histogram_line(who: str, shares: list[float], collapse: float) -> tuple[str, int]:
    """What to log of one histogram.

    Args:
        who: ``labels`` or ``routed``.
        shares: Shares of easy, moderate and hard tokens.
        collapse: Share of one class from which the histogram is a collapse.

    Returns:
        The line and its logging level: a warning on a collapse.
    """
    text = ", ".join(f"{name} {share:.3f}" for name, share in zip(CLASSES, shares, strict=True))
    if max(shares) < collapse:
        return f"InstanceSR tokens, {who}: {text}", logging.INFO
    cause = (
        "check that the boxes are in the LR frame, and the thresholds in `labels`"
        if who == "labels"
        else "raise loss.recall, train the encoder for longer, or check the labels"
    )
    return (
        f"InstanceSR tokens, {who}, have collapsed to one class: {text}; {cause}",
        logging.WARNING,
    )
