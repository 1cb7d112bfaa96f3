"""What a detector that sees SR learns from one of the same architecture that sees HR."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass

import torch
from torch import Tensor

from mmisr.losses.features import (
    bin_distance,
    class_distance,
    object_weights,
    offset_distance,
    pearson_distance,
    score_distance,
)
from mmisr.losses.functional import Losses
from mmisr.openmmlab.cross_head import check_branches, crossed_outputs, kept_branches
from mmisr.openmmlab.detector import BaseDetector, DetDataSample
from mmisr.openmmlab.heads import (
    DenseOutputs,
    Recording,
    check_roi_head,
    dense_outputs,
    has_dense_head,
    proposals_of,
    recorded,
    reduce_mean,
    roi_outputs,
)
from mmisr.pipeline.handoff import DetectorBatch
from mmisr.structures.checks import check_fields
from mmisr.structures.frames import FrameMap, hw_of


@dataclass(frozen=True)
class Terms:
    """How much each thing that the teacher knows counts.

    Args:
        feature: Weight of the features of the pyramid.
        score: Weight of the class scores.
        box: Weight of the boxes: of their distributions where the head has such, else of the
            four numbers that it says.
        levels: Levels of the pyramid whose features are compared, 0 the finest.
        beta: Focus of the scores on positions where student and teacher differ.
        regions: Regions per image that a second stage is compared on.
        cross_head: Whether scores and boxes are those of the student's head features as the
            teacher's last layers read them (CrossKD), so that ground truth and teacher do not pull
            at the same layers.

    Raises:
        ValueError: A weight is negative, or there are no levels to compare.
    """

    feature: float = 2.0
    score: float = 1.0
    box: float = 1.0
    levels: tuple[int, ...] = (0, 1)
    beta: float = 1.0
    regions: int = 256
    cross_head: bool = False

    def __post_init__(self) -> None:
        check_fields(self, "strategy HRDistill")
        if min(self.feature, self.score, self.box) < 0 or self.regions < 1:
            raise ValueError(
                "strategy HRDistill needs weights >= 0 and regions >= 1, got "
                f"feature={self.feature}, score={self.score}, box={self.box}, "
                f"regions={self.regions}"
            )
        if self.feature and not self.levels:
            raise ValueError("strategy HRDistill: feature > 0 needs levels to compare, got none")

    @property
    def heads(self) -> bool:
        """Whether anything of the heads is compared."""
        return self.score > 0 or self.box > 0


@dataclass(frozen=True)
class Lesson:
    """What the teacher says of a batch of HR images.

    Args:
        teacher: Who says it.
        recording: Its pyramid, and its dense head's output.
        proposals: Regions per image, (N, 4) xyxy in the detector's frame; None without a second
            stage.
        regions: Class logits and box deltas of these regions; None likewise.
    """

    teacher: BaseDetector
    recording: Recording
    proposals: list[Tensor] | None = None
    regions: tuple[Tensor, Tensor] | None = None


def check_heads(detector: BaseDetector, terms: Terms) -> None:
    """See that the detector has heads that can be compared, where they are to be.

    Raises:
        ValueError: It has neither a dense head of sigmoids nor a plain second stage; or
            ``cross_head`` is asked of one that it does not suit.
    """
    if terms.heads and terms.cross_head:
        check_branches(detector)
    elif terms.heads and not has_dense_head(detector):
        check_roi_head(detector)


@torch.no_grad()
def ask(
    teacher: BaseDetector, inputs: Tensor, samples: Sequence[DetDataSample], terms: Terms
) -> Lesson:
    """One pass of the teacher.

    Args:
        teacher: In evaluation.
        inputs: (B, 3, H, W) HR images as the detector wants them.
        samples: Theirs, in the detector's frame.
        terms: What will be compared; nothing else is computed.
    """
    dense = has_dense_head(teacher)
    with recorded(teacher) as recording:
        pyramid = teacher.extract_feat(inputs)
        if terms.heads and dense:
            teacher.bbox_head(pyramid)
    if not terms.heads or dense:
        return Lesson(teacher, recording)
    proposals = proposals_of(teacher, pyramid, samples, terms.regions)
    return Lesson(teacher, recording, proposals, roi_outputs(teacher, pyramid, proposals))


def study(
    student: BaseDetector, view: DetectorBatch, lesson: Lesson, terms: Terms
) -> tuple[Losses, Losses]:
    """One pass of the student: its own losses, and the distances from the lesson.

    Args:
        student: The detector that learns, or through which the editor does.
        view: Its batch of SR images.
        lesson: What the teacher says of the HR images.
        terms: Weights of the distances.
    """
    crosses = terms.heads and terms.cross_head
    branches = kept_branches(student) if crosses else nullcontext()
    with recorded(student) as recording, branches as features:
        detection = student.loss(view.inputs, view.samples)
    outputs = None
    if features is not None:
        outputs = crossed_outputs(lesson.teacher, lesson.recording.pyramid, features)
    distances = compare(student, recording, lesson, view.samples, terms, outputs)
    return detection, dict(distances)


def compare(
    student: BaseDetector,
    recording: Recording,
    lesson: Lesson,
    samples: Sequence[DetDataSample],
    terms: Terms,
    crossed: DenseOutputs | None = None,
) -> dict[str, Tensor]:
    """The distances between what student and teacher say, weighted.

    Args:
        student: The detector that learns.
        recording: Of its pass on the SR images.
        lesson: Of the teacher's on the HR images.
        samples: Ground truth in the detector's frame.
        terms: Weights.
        crossed: What the teacher's head makes of the student's features; None to compare what the
            student's own head says.

    Returns:
        Losses by name, ``loss_hr_distill_...``.
    """
    losses = {}
    theirs = lesson.recording
    if terms.feature:
        distance = _feature_term(recording, theirs, samples, terms.levels)
        losses["loss_hr_distill_feature"] = terms.feature * distance
    if not terms.heads:
        return losses
    if lesson.regions is None:
        ours = crossed or dense_outputs(student, recording)
        of_heads = _dense_terms(ours, dense_outputs(lesson.teacher, theirs), terms)
    else:
        of_heads = _region_terms(student, recording, lesson, terms)
    return losses | of_heads


def _feature_term(
    student: Recording,
    teacher: Recording,
    samples: Sequence[DetDataSample],
    levels: Sequence[int],
) -> Tensor:
    distances = []
    for level in levels:
        ours = student.pyramid[level]
        theirs = teacher.pyramid[level]
        weights = _weights_at(ours, student.input_hw, samples)
        distance = pearson_distance(ours, theirs, weights)
        distances.append(distance)
    return torch.stack(distances).mean()


def _weights_at(
    features: Tensor, input_hw: tuple[int, int], samples: Sequence[DetDataSample]
) -> Tensor:
    """Weights by object, on the grid of a level."""
    hw = hw_of(features)
    to_cells = FrameMap.between(input_hw, hw)
    boxes = [to_cells.boxes(sample.gt_instances.bboxes) for sample in samples]
    return object_weights(boxes, hw).to(features)


def _dense_terms(ours: DenseOutputs, theirs: DenseOutputs, terms: Terms) -> dict[str, Tensor]:
    total, count = score_distance(ours.scores, theirs.scores, terms.beta)
    objects = reduce_mean(count).clamp(min=1)
    losses = {}
    if terms.score:
        losses["loss_hr_distill_score"] = terms.score * total / objects
    if terms.box:
        scores = theirs.scores.sigmoid()
        certainty = scores.amax(-1)
        distance_of = bin_distance if ours.has_bins else offset_distance
        distance = distance_of(ours.boxes, theirs.boxes, certainty)
        losses["loss_hr_distill_box"] = terms.box * distance / objects
    return losses


def _region_terms(
    detector: BaseDetector, student: Recording, lesson: Lesson, terms: Terms
) -> dict[str, Tensor]:
    scores, deltas = roi_outputs(detector, student.pyramid, lesson.proposals or [])
    their_scores, their_deltas = lesson.regions or (scores, deltas)
    losses = {}
    if terms.score:
        distance = class_distance(scores, their_scores)
        losses["loss_hr_distill_score"] = terms.score * distance
    if terms.box:
        # mmdet has the background last.
        background = their_scores.softmax(-1)[:, -1]
        certainty = 1 - background
        ours = deltas.unflatten(-1, (-1, 4))
        theirs = their_deltas.unflatten(-1, (-1, 4))
        classes = ours.shape[1]
        weights = certainty[:, None].expand(-1, classes)
        distance = offset_distance(ours, theirs, weights) / classes
        objects = reduce_mean(certainty.sum()).clamp(min=1)
        losses["loss_hr_distill_box"] = terms.box * distance / objects
    return losses
