"""Strategy ``SR4IR``: SR and detector learn in turns, each from the other as it is now."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from mmisr.losses.features import mean_distance
from mmisr.losses.functional import Losses
from mmisr.losses.pixel import PixelLoss
from mmisr.openmmlab.taps import check_taps, features_at
from mmisr.pipeline.sr_detector import SRDetector
from mmisr.pipeline.strategy import Phase, Strategy
from mmisr.pipeline.training_batch import TrainingBatch
from mmisr.registry import STRATEGIES
from mmisr.structures.checks import check_not_negative, check_types
from mmisr.structures.sr_result import images_of

VERSIONS = ("sr", "hr", "mix")


@STRATEGIES.register_module()
class SR4IR(Strategy):
    """Two phases an iteration: SR against the fixed detector, then the detector on fixed SR.

    Phase ``restore``: L1(SR, HR) + the task-driven perceptual loss (TDP), an L1 distance between
    the current detector's features on SR and on HR. Phase ``detect``: the detector's losses on SR,
    on HR and on a patchwork of both (cross-quality patch mix), each with ``detection_weight``.

    Source: "Beyond Image Super-Resolution for Image Recognition with Task-Driven Perceptual Loss"
    (Kim et al., CVPR 2024), eq. 3 to 8 and the released recipe; re-implemented from a description,
    the code has no licence. TDP is the mean of the taps' L1 (released: 0.5 for each of two levels).
    Its code applies the HR criterion to the mix by mistake; here the mix has its own.

    Args:
        pixel_weight: Weight of the loss between SR and HR.
        feature_weight: Weight of TDP; 0 switches it off.
        feature_from: Share of the run from which TDP counts; the recipe has epoch 4 of 30.
        detection_weight: Weight of the detector's losses on each version.
        versions: What the detector learns from: ``sr``, and where wanted ``hr`` and ``mix``.
        mix_grid: Rows and columns of patches of the mix; each patch is SR or HR by chance.
        taps: Features that TDP compares, see :func:`mmisr.openmmlab.taps.tapped`.
        alternate: False trains both parts in one phase on the sum of all losses, for comparison.

    Raises:
        ValueError: A value is out of range, or the detector has no such tap; when training, a
            sample has no HR image.
    """

    def __init__(
        self,
        pixel_weight: float = 1.0,
        feature_weight: float = 1.0,
        feature_from: float = 0.1,
        detection_weight: float = 0.34,
        versions: Sequence[str] = VERSIONS,
        mix_grid: int = 8,
        taps: Sequence[str] = ("pyramid.0", "pyramid.1"),
        alternate: bool = True,
    ) -> None:
        super().__init__()
        weights = {
            "pixel_weight": pixel_weight,
            "feature_weight": feature_weight,
            "feature_from": feature_from,
            "detection_weight": detection_weight,
        }
        check_types(type(self), {**weights, "mix_grid": mix_grid}, "strategy SR4IR")
        check_not_negative("strategy SR4IR", weights)
        if mix_grid < 1:
            raise ValueError(f"strategy SR4IR: mix_grid must be at least 1, got {mix_grid}")
        if "sr" not in versions or not set(versions) <= set(VERSIONS):
            raise ValueError(
                f"strategy SR4IR: versions must be 'sr' and, where wanted, 'hr' and 'mix', got "
                f"{tuple(versions)}"
            )
        self.pixel_weight = pixel_weight
        self.feature_weight = feature_weight
        self.feature_from = feature_from
        self.detection_weight = detection_weight
        self.versions = tuple(name for name in VERSIONS if name in versions)
        self.mix_grid = mix_grid
        self.taps = tuple(taps)
        self.alternate = alternate
        self.pixel_loss = PixelLoss()

    @property
    def phases(self) -> tuple[Phase, ...]:
        """``restore`` and ``detect``, or both in one."""
        if not self.alternate:
            return (Phase("joint", ("editor", "detector"), self.joint),)
        return (
            Phase("restore", ("editor",), self.restore),
            Phase("detect", ("detector",), self.detect),
        )

    def attach(self, pair: SRDetector) -> None:
        """See that the taps are there."""
        if self.feature_weight:
            check_taps(pair.detector, self.taps)

    def restore(self, batch: TrainingBatch) -> Losses:
        """Phase 1: pixels, and from ``feature_from`` on TDP.

        Args:
            batch: What is seen of this iteration.
        """
        results = batch.upscale()
        images = images_of(results)
        deep = batch.task_images(results)
        return self._restoration(batch, images, deep)

    def detect(self, batch: TrainingBatch) -> Losses:
        """Phase 2: the detector's losses on every version, SR made anew and fixed; as above."""
        images = batch.fixed_images()
        return self._detection(batch, images)

    def joint(self, batch: TrainingBatch) -> Losses:
        """Both phases in one, without alternation; as above."""
        images = batch.sr_images()
        detection = self._detection(batch, images)
        return detection | self._restoration(batch, images, images)

    def _restoration(
        self, batch: TrainingBatch, images: Sequence[Tensor], deep: Sequence[Tensor]
    ) -> Losses:
        """Pixels on the images as they are, features where ``deep`` lets gradients pass."""
        pixels = batch.pixel_loss(self.pixel_loss, images)
        losses: Losses = {"loss_sr4ir_pixel": self.pixel_weight * pixels}
        begun = self.progress.share >= self.feature_from
        if self.feature_weight and begun:
            distance = self._perceptual(batch, deep)
            losses["loss_sr4ir_feature"] = self.feature_weight * distance
        return losses

    def _perceptual(self, batch: TrainingBatch, images: Sequence[Tensor]) -> Tensor:
        """TDP: the mean L1 distance of the detector's features on SR and on HR."""
        hr = batch.hr_images()
        on_sr, on_hr = batch.versions(images, hr)
        detector = batch.detector
        with torch.no_grad():
            of_hr = features_at(detector, self.taps, on_hr.inputs)
        of_sr = features_at(detector, self.taps, on_sr.inputs)
        return mean_distance(F.l1_loss, of_sr, of_hr)

    def _detection(self, batch: TrainingBatch, images: Sequence[Tensor]) -> Losses:
        """The detector's losses on every version."""
        versions: dict[str, Sequence[Tensor]] = {"sr": images}
        if self.versions != ("sr",):
            hr = batch.hr_images()
        if "hr" in self.versions:
            versions["hr"] = hr
        if "mix" in self.versions:
            versions["mix"] = batch.patch_mixes(images, hr, self.mix_grid)
        return batch.losses_on(versions, self.detection_weight)
