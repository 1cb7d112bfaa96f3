"""Strategy ``HRDistill``: a detector that sees HR teaches the pair that sees LR."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from torch import Tensor

from mmisr.losses.functional import Losses, scaled
from mmisr.losses.pixel import PixelLoss
from mmisr.openmmlab.detector import BaseDetector, DetDataSample
from mmisr.pipeline.handoff import DetectorBatch
from mmisr.pipeline.sr_detector import SRDetector
from mmisr.pipeline.strategy import Phase, Strategy, ramp
from mmisr.pipeline.teacher import build_teacher
from mmisr.pipeline.training_batch import TrainingBatch
from mmisr.registry import STRATEGIES
from mmisr.strategies.hr_distill.teaching import Lesson, Terms, ask, check_heads, study
from mmisr.structures.checks import check_fields, check_not_negative, check_types
from mmisr.structures.sr_result import images_of


@dataclass(frozen=True)
class Restore:
    """How the editor learns, in a phase of its own before the detector's.

    Args:
        pixel: Weight of the loss between SR and HR.
        feature: Weight of the distance of the features from the teacher's.
        detection: Weight of the detector's own losses.
        every: The phase runs in every so many iterations.
        pixels_until: Share of the run in which only pixels count.
        until: Share of the run after which the editor is fixed.
        box_weight: How much a pixel inside a box counts, where one outside counts 1.

    Raises:
        ValueError: A weight is negative.
    """

    pixel: float = 0.5
    feature: float = 0.5
    detection: float = 0.2
    every: int = 2
    pixels_until: float = 0.125
    until: float = 0.8
    box_weight: float = 4.0

    def __post_init__(self) -> None:
        check_fields(self, "strategy HRDistill: restore")
        weights = {
            "pixel": self.pixel,
            "feature": self.feature,
            "detection": self.detection,
        }
        check_not_negative("strategy HRDistill: restore", weights)


@STRATEGIES.register_module()
class HRDistill(Strategy):
    """Cross-resolution distillation: the detector on SR learns what a fixed one says of HR.

    Both have one architecture and see images of one size, so every position has its counterpart.
    Phase ``detect``: the detector's own losses on SR, which is fixed, and the distances to the
    teacher's features, scores and boxes. Where the editor learns too (``restore``), a phase before
    it draws SR towards HR and towards what the teacher makes of HR; its task gradient reaches only
    tokens that were routed deep.

    Source: features as in PKD (NeurIPS 2022), scores and boxes as in CrossKD (CVPR 2024), across
    resolutions as in MSAD and LRDet; the combination, the alternation and all weights are ours.

    Args:
        teacher: Checkpoint of this detector trained on HR images, alone or in a pair.
        terms: Fields of :class:`~mmisr.strategies.hr_distill.teaching.Terms`.
        ramp_until: Share of the run over which these terms grow from 0.
        restore: Fields of :class:`Restore`; None leaves the editor as it is.
        hr_consistency: Whether the detector's own losses are the mean of those on SR, on HR and on
            a patchwork of both, as in SR4IR: it then serves both resolutions.

    Raises:
        ValueError: A value is out of range, or the detector has no heads that can be compared; when
            training, there is no teacher, it does not fit, or a sample has no HR image.
    """

    teacher: BaseDetector
    """Fixed; there once training begins."""

    def __init__(
        self,
        teacher: str | None = None,
        terms: dict[str, Any] | None = None,
        ramp_until: float = 0.1,
        restore: dict[str, Any] | None = None,
        hr_consistency: bool = False,
    ) -> None:
        super().__init__()
        values = {"teacher": teacher, "ramp_until": ramp_until, "hr_consistency": hr_consistency}
        check_types(type(self), values, "HRDistill")
        self.hr_consistency = hr_consistency
        self.checkpoint = teacher
        fields = dict(terms or {})
        if "levels" in fields:
            fields["levels"] = tuple(fields["levels"])
        self.terms = Terms(**fields)
        self.ramp_until = ramp_until
        self.settings = None if restore is None else Restore(**restore)
        box_weight = 1.0 if self.settings is None else self.settings.box_weight
        self.pixel_loss = PixelLoss(box_weight=box_weight)
        self._last: tuple[Sequence[DetDataSample], Lesson] | None = None

    @property
    def phases(self) -> tuple[Phase, ...]:
        """``detect``, and before it ``restore`` where the editor learns."""
        detect = Phase("detect", ("detector",), self.detect)
        if self.settings is None:
            return (detect,)
        settings = self.settings
        restore = Phase("restore", ("editor",), self.restore, settings.every, settings.until)
        return (restore, detect)

    def attach(self, pair: SRDetector) -> None:
        """See that the heads can be compared."""
        check_heads(pair.detector, self.terms)

    def start(self, pair: SRDetector) -> None:
        """Read the teacher."""
        teacher = build_teacher(pair.detector, self.checkpoint, "strategy HRDistill")
        self.hold_out("teacher", teacher)

    def restore(self, batch: TrainingBatch) -> Losses:
        """The editor's phase: pixels, and after ``pixels_until`` features and detection.

        Args:
            batch: What is seen of this iteration.
        """
        settings = self.settings or Restore()
        results = batch.upscale()
        whole = images_of(results)
        pixels = batch.pixel_loss(self.pixel_loss, whole)
        losses: Losses = {"loss_hr_distill_pixel": settings.pixel * pixels}
        if self.progress.share < settings.pixels_until:
            return losses
        images = batch.task_images(results)
        view, lesson = self._lesson(batch, images, keep=True)
        terms = replace(self.terms, feature=settings.feature, score=0.0, box=0.0)
        detection, taught = study(batch.detector, view, lesson, terms)
        losses |= scaled(detection, settings.detection)
        return losses | taught

    def detect(self, batch: TrainingBatch) -> Losses:
        """The detector's phase: its own losses, and the distances to the teacher; as above."""
        images = batch.fixed_images()
        view, lesson = self._lesson(batch, images)
        detection, taught = study(batch.detector, view, lesson, self.terms)
        if self.hr_consistency:
            third = 1 / 3
            hr = batch.hr_images()
            others = {"hr": hr, "mix": batch.patch_mixes(images, hr)}
            detection = scaled(detection, third) | batch.losses_on(others, third)
        growth = ramp(self.progress.share, self.ramp_until)
        return detection | scaled(taught, growth)

    def _lesson(
        self, batch: TrainingBatch, images: Sequence[Tensor], keep: bool = False
    ) -> tuple[DetectorBatch, Lesson]:
        """The detector's batch of SR images, and what the teacher says of the HR images.

        The phases of an iteration see the same batch, so the teacher is asked once; where the
        detector's batch augmentations draw anew in every phase, once a phase.
        """
        last = self._last
        self._last = None
        augments = batch.detector.data_preprocessor.batch_augments
        if last is not None and last[0] is batch.samples and not augments:
            (view,) = batch.versions(images)
            return view, last[1]
        if not hasattr(self, "teacher"):
            self.start(batch.pair)
        hr = batch.hr_images()
        ours, theirs = batch.versions(images, hr)
        lesson = ask(self.teacher, theirs.inputs, theirs.samples, self.terms)
        if keep:
            self._last = (batch.samples, lesson)
        return ours, lesson
