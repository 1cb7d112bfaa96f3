"""Strategy ``HRDistill``: a detector that sees HR teaches the pair that sees LR."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from torch import Tensor

from mmisr.losses.functional import Losses, scaled
from mmisr.openmmlab.detector import BaseDetector, DetDataSample
from mmisr.openmmlab.heads import recorded
from mmisr.pipeline.handoff import DetectorBatch
from mmisr.pipeline.sr_detector import SRDetector
from mmisr.pipeline.strategy import Phase, Strategy, ramp
from mmisr.pipeline.teaching import (
    beside_hr,
    build_teacher,
    fixed_images,
    pixel_term,
    task_images,
)
from mmisr.registry import MODELS, STRATEGIES
from mmisr.strategies.hr_distill.teaching import Lesson, Terms, ask, check_heads, compare
from mmisr.structures.checks import check_fields, check_types


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
        if min(self.pixel, self.feature, self.detection) < 0:
            raise ValueError(
                "strategy HRDistill: restore needs weights >= 0, got "
                f"pixel={self.pixel}, feature={self.feature}, detection={self.detection}"
            )


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
    ) -> None:
        super().__init__()
        check_types(type(self), {"teacher": teacher, "ramp_until": ramp_until}, "HRDistill")
        self.checkpoint = teacher
        wanted = dict(terms or {})
        if "levels" in wanted:
            wanted["levels"] = tuple(wanted["levels"])
        self.terms = Terms(**wanted)
        self.ramp_until = ramp_until
        self.settings = None if restore is None else Restore(**restore)
        pixel_loss = {"type": "mmisr.PixelLoss", "box_weight": 1.0}
        if self.settings is not None:
            pixel_loss["box_weight"] = self.settings.box_weight
        self.pixel_loss = MODELS.build(pixel_loss)
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

    def restore(
        self, model: SRDetector, lr: Sequence[Tensor], samples: Sequence[DetDataSample]
    ) -> Losses:
        """The editor's phase: pixels, and after ``pixels_until`` features and detection.

        Args:
            model: The pair.
            lr: (3, h_i, w_i) LR images, RGB in [0, 1].
            samples: Their samples: ground truth in the source frame, and the HR image.
        """
        settings = self.settings or Restore()
        results = model.upscale(lr, samples)
        whole = [result.image[0] for result in results]
        term = pixel_term(model, self.pixel_loss, whole, lr, samples, "strategy HRDistill")
        losses: Losses = {"loss_hr_distill_pixel": settings.pixel * term}
        if self.progress.share < settings.pixels_until:
            return losses
        images = task_images(model, results)
        batch, lesson = self._lesson(model, images, samples, keep=True)
        only_features = replace(self.terms, feature=settings.feature, score=0.0, box=0.0)
        with recorded(model.detector) as recording:
            detection = model.detector.loss(batch.inputs, batch.samples)
        taught = compare(model.detector, recording, lesson, batch.samples, only_features)
        return losses | scaled(detection, settings.detection) | taught

    def detect(
        self, model: SRDetector, lr: Sequence[Tensor], samples: Sequence[DetDataSample]
    ) -> Losses:
        """The detector's phase: its own losses, and the distances to the teacher; as above."""
        images = fixed_images(model, lr, samples)
        batch, lesson = self._lesson(model, images, samples)
        with recorded(model.detector) as recording:
            losses = model.detector.loss(batch.inputs, batch.samples)
        taught = compare(model.detector, recording, lesson, batch.samples, self.terms)
        growth = ramp(self.progress.share, self.ramp_until)
        return losses | scaled(taught, growth)

    def _lesson(
        self,
        model: SRDetector,
        images: Sequence[Tensor],
        samples: Sequence[DetDataSample],
        keep: bool = False,
    ) -> tuple[DetectorBatch, Lesson]:
        """The detector's batch of SR images, and what the teacher says of the HR images.

        The phases of an iteration see the same batch, so the teacher is asked once; where the
        detector's batch augmentations draw anew in every phase, once a phase.
        """
        last, self._last = self._last, None
        draws_anew = bool(model.detector.data_preprocessor.batch_augments)
        if last is not None and last[0] is samples and not draws_anew:
            batch = model.detector_batch(images, samples)
            return batch, last[1]
        ours, theirs = beside_hr(model, images, samples, "strategy HRDistill")
        if not hasattr(self, "teacher"):
            self.start(model)
        lesson = ask(self.teacher, theirs.inputs, theirs.samples, self.terms)
        if keep:
            self._last = (samples, lesson)
        return ours, lesson
