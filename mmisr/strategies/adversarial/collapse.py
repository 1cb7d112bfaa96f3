"""Whether the discriminator still has something to learn."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from mmengine.logging import print_log

from mmisr.structures.checks import check_fields

OWNER = "strategy Adversarial: collapse"


@dataclass(frozen=True)
class Collapse:
    """When the game counts as lost for the editor.

    Args:
        loss: The discriminator's loss, real and fake together, below which it is all but 0.
        steps: Iterations in a row for which it must be.

    Raises:
        ValueError: ``loss`` is negative or ``steps`` below 1.
    """

    loss: float = 0.01
    steps: int = 500

    def __post_init__(self) -> None:
        check_fields(self, OWNER)
        if self.loss < 0 or self.steps < 1:
            raise ValueError(
                f"{OWNER} needs loss >= 0 and steps >= 1, got loss={self.loss}, steps={self.steps}"
            )


class Watch:
    """Counts the iterations in which the discriminator's loss was all but 0, and warns once.

    Args:
        collapse: When to warn.
    """

    def __init__(self, collapse: Collapse) -> None:
        self.collapse = collapse
        self.low = 0
        self.warned = False

    def see(self, loss: float) -> None:
        """Count one iteration.

        Args:
            loss: Of the discriminator.
        """
        rule = self.collapse
        self.low = self.low + 1 if loss < rule.loss else 0
        if self.low < rule.steps or self.warned:
            return
        self.warned = True
        print_log(
            f"strategy Adversarial: the discriminator has collapsed: its loss was below "
            f"{rule.loss} for {rule.steps} iterations, so that the editor learns nothing from it; "
            "lower its learning rate (optim_wrapper.strategy), give it fewer channels "
            "(discriminator=dict(width=...)), or begin from an editor that was trained by pixels",
            logger="current",
            level=logging.WARNING,
        )
