"""Strategy ``AuxBranch``: super-resolution as a branch of the detector that only training has."""

from __future__ import annotations

from collections.abc import Sequence

from torch import nn

from mmisr.losses.features import feature_affinity
from mmisr.losses.functional import DISTANCES, Losses
from mmisr.pipeline.branch import hr_targets, losses_and_taps, probe_taps, restoration_gap
from mmisr.pipeline.sr_detector import SRDetector
from mmisr.pipeline.strategy import Phase, Strategy
from mmisr.pipeline.training_batch import TrainingBatch
from mmisr.registry import STRATEGIES
from mmisr.strategies.aux_branch.decoder import BranchDecoder
from mmisr.structures.checks import check_types
from mmisr.structures.frames import hw_of


@STRATEGIES.register_module()
class AuxBranch(Strategy):
    """The detector learns to detect and, from the same features, to restore the HR image.

    The branch reads named features of the detector while it runs on SR (or bicubic) pixels, and its
    pixel loss teaches the layers below. At test there is no branch: what is exported, and its
    speed, are those of the detector.

    Source: SuperYOLO (TGRS 2023), AERIS (ECCV 2022) and CoLR-Det teach detectors so; with
    ``affinity_weight`` also the feature affinity of DSRL (CVPR 2020), between the first tap, after
    a 1x1 convolution and ReLU, and the branch's own features; DSRL has batch norm between the two,
    here it is group norm, which does not depend on the batch. The decoder is ours.

    Args:
        taps: Features that the branch reads, the finest first, see
            :func:`mmisr.openmmlab.taps.tapped`.
        weight: Weight of the pixel loss.
        distance: ``l1``, ``mse`` or ``charbonnier``.
        channels: Width of the decoder.
        units: Residual units of the decoder.
        affinity_weight: Weight of the feature affinity; 0 for none.
        detach: Whether the branch's gradient is cut off from the detector, for comparison: what is
            left of a gain then does not come from the supervision.

    Raises:
        ValueError: A value is out of range, the detector has no such tap, or a tap is finer than
            the first; when training, a sample has no HR image.
    """

    def __init__(
        self,
        taps: Sequence[str] = ("pyramid.0",),
        weight: float = 0.2,
        distance: str = "l1",
        channels: int = 48,
        units: int = 2,
        affinity_weight: float = 0.0,
        detach: bool = False,
    ) -> None:
        super().__init__()
        values = {
            "weight": weight,
            "distance": distance,
            "channels": channels,
            "units": units,
            "affinity_weight": affinity_weight,
            "detach": detach,
        }
        check_types(type(self), values, "strategy AuxBranch")
        if not taps or min(weight, affinity_weight) < 0 or channels < 1 or units < 0:
            raise ValueError(
                "strategy AuxBranch needs taps, weights >= 0, channels >= 1 and units >= 0, got "
                f"taps={tuple(taps)}, weight={weight}, affinity_weight={affinity_weight}, "
                f"channels={channels}, units={units}"
            )
        if distance not in DISTANCES:
            raise ValueError(
                f"strategy AuxBranch: distance must be one of {', '.join(DISTANCES)}, got "
                f"{distance!r}"
            )
        self.taps = tuple(taps)
        self.weight = weight
        self.distance = distance
        self.shape = (channels, units)
        self.affinity_weight = affinity_weight
        self.detach = detach

    @property
    def phases(self) -> tuple[Phase, ...]:
        """One phase: the detector and the branch learn."""
        return (Phase("detector", ("detector", "strategy"), self.losses),)

    def attach(self, pair: SRDetector) -> None:
        """Build the branch for the features that this detector has."""
        found = probe_taps(pair, self.taps, self.title)
        depths, stride = found
        channels, units = self.shape
        self.decoder = BranchDecoder(depths, stride, channels, units)
        if self.affinity_weight:
            self.transform = nn.Sequential(
                nn.Conv2d(depths[0], channels, 1, bias=False),
                nn.GroupNorm(1, channels),
                nn.ReLU(inplace=True),
            )

    def losses(self, batch: TrainingBatch) -> Losses:
        """The detector's losses, and those of the branch on its features.

        Args:
            batch: What is seen of this iteration.
        """
        images = batch.fixed_images()
        (view,) = batch.versions(images)
        detector = batch.detector
        losses, taps = losses_and_taps(detector, view, self.taps, self.detach)
        inner = self.decoder.features(taps)
        restored = self.decoder.image(inner)
        hw = hw_of(view.inputs)
        targets, valid = hr_targets(batch, hw)
        gap = restoration_gap(restored, targets, valid, self.distance)
        losses["loss_aux_branch_pixel"] = self.weight * gap
        if self.affinity_weight:
            distance = feature_affinity(self.transform(taps[0]), inner)
            losses["loss_aux_branch_affinity"] = self.affinity_weight * distance
        return losses
