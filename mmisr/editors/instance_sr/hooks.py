"""Hook that moves InstanceSR through its stages and watches the classes."""

from __future__ import annotations

from mmisr.openmmlab.stages import StageHook
from mmisr.registry import HOOKS


@HOOKS.register_module()
class InstanceSRStageHook(StageHook):
    """Train the decoder, then the encoder, then both, and log the class histogram.

    Few moderate tokens are no collapse: objects that are all tiny have next to no moderate tokens.

    Args:
        encoder_from: First iteration of the encoder stage.
        joint_from: First iteration of the joint stage.
        interval: Iterations between two reports, 100 by default.
        collapse: Share of one class from which a histogram counts as a collapse, .995 by default.

    Raises:
        ValueError: The stages are out of order, or ``interval`` or ``collapse`` is out of range.
    """

    title = "InstanceSR tokens"
    ways_out = {
        "labels": "check that the boxes are in the LR frame, and the thresholds in `labels`",
        "routed": "raise loss.recall, train the encoder for longer, or check the labels",
    }

    def __init__(
        self, encoder_from: int, joint_from: int, interval: int = 100, collapse: float = 0.995
    ) -> None:
        if not 0 <= encoder_from <= joint_from:
            raise ValueError(
                f"stages need 0 <= encoder_from <= joint_from, got {encoder_from} and {joint_from}"
            )
        stages = {"decoder": 0, "encoder": encoder_from, "joint": joint_from}
        super().__init__(stages, interval, collapse)
