"""Strategy ``TaskDriven``: SR learns from a detector that is fixed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from mmisr.losses.features import mean_distance, pearson_distance
from mmisr.losses.functional import Losses, scaled
from mmisr.openmmlab.editor import PIXEL_LOSS
from mmisr.openmmlab.taps import check_taps, features_at, tapped
from mmisr.pipeline.sr_detector import SRDetector
from mmisr.pipeline.strategy import Phase, Strategy, ramp
from mmisr.pipeline.training_batch import TrainingBatch
from mmisr.registry import MODELS, STRATEGIES
from mmisr.structures.checks import check_not_negative, check_types
from mmisr.structures.sr_result import SRResult, images_of


@STRATEGIES.register_module()
class TaskDriven(Strategy):
    """Detector fixed (T -> S): SR learns from pixels and from the losses of the detector behind it.

    Source: "Task-Driven Super Resolution" (Haris, Shakhnarovich, Ukita; ICONIP 2021), L = alpha
    L_rec + beta L_det through a fixed detector trained on HR images, beta fixed or growing.
    With ``feature_weight`` SR is also drawn to the features that this detector has on the HR image
    (FDSR's idea; its two stages are two configs, the second with ``checkpoints=dict(editor=...)``).
    The standardised distance of the features is ours.

    Args:
        pixel_weight: alpha, the weight of the loss between SR and HR; 0 for the task alone.
        detection_weight: beta, the weight of the detector's own losses; 0, without features, for
            pixels alone, and the detector is not run.
        feature_weight: Weight of the distance between its features on SR and on HR; 0 for none.
        ramp_until: Share of the run over which ``detection_weight`` and ``feature_weight`` grow
            from 0; 0 has them fixed.
        taps: Features that are compared, see :func:`mmisr.openmmlab.taps.tapped`.
        pixel_loss: Config of the loss between SR and HR; None for the mean L1 distance.
        editor_weight: Weight of the editor's own losses. Alone, with all other weights 0, the
            detector computes no losses: an editor with a prior learns beside a detector that only
            looks first.

    Raises:
        ValueError: A weight is negative, none is above 0, or the detector has no such tap; when
            training, HR images are needed and a sample has none.
    """

    def __init__(
        self,
        pixel_weight: float = 1.0,
        detection_weight: float = 1.0,
        feature_weight: float = 0.0,
        ramp_until: float = 0.0,
        taps: Sequence[str] = ("pyramid.0", "pyramid.1"),
        pixel_loss: dict | None = None,
        editor_weight: float = 0.0,
    ) -> None:
        super().__init__()
        values = {
            "pixel_weight": pixel_weight,
            "detection_weight": detection_weight,
            "feature_weight": feature_weight,
            "editor_weight": editor_weight,
        }
        checked = {**values, "ramp_until": ramp_until}
        check_types(type(self), checked, "strategy TaskDriven")
        check_not_negative("strategy TaskDriven", checked)
        if not any(values.values()):
            names = ", ".join(values)
            raise ValueError(f"strategy TaskDriven needs one of {names} above 0, got 0 for all")
        self.pixel_weight = pixel_weight
        self.detection_weight = detection_weight
        self.feature_weight = feature_weight
        self.editor_weight = editor_weight
        self.ramp_until = ramp_until
        self.taps = tuple(taps)
        self.pixel_loss = MODELS.build(pixel_loss or PIXEL_LOSS)

    @property
    def phases(self) -> tuple[Phase, ...]:
        """One phase: the editor learns, the detector rests."""
        return (Phase("restore", ("editor",), self.losses),)

    def attach(self, pair: SRDetector) -> None:
        """See that the taps are there."""
        if self.feature_weight:
            check_taps(pair.detector, self.taps)

    def losses(self, batch: TrainingBatch) -> Losses:
        """Pixels, the detector's losses on SR, and the distance of its features on SR and on HR.

        With the editor's own losses where they have a weight; what has none is not computed.

        Args:
            batch: What is seen of this iteration.
        """
        losses: Losses = {}
        if self.pixel_weight or self.detection_weight or self.feature_weight:
            losses |= self._of_images(batch)
        if self.editor_weight:
            asking = replace(batch, needed_by="strategy TaskDriven, with editor_weight > 0,")
            own = asking.editor_losses()
            losses |= scaled(own, self.editor_weight)
        return losses

    def _of_images(self, batch: TrainingBatch) -> Losses:
        """What SR images are compared by: HR, and what the detector makes of them."""
        results = batch.upscale()
        losses = self._task(batch, results)
        if self.pixel_weight:
            whole = images_of(results)
            asking = replace(batch, needed_by="strategy TaskDriven, unless pixel_weight=0,")
            pixel = asking.pixel_loss(self.pixel_loss, whole)
            losses["loss_task_driven_pixel"] = self.pixel_weight * pixel
        return losses

    def _task(self, batch: TrainingBatch, results: Sequence[SRResult]) -> Losses:
        """What the detector says of SR."""
        growth = ramp(self.progress.share, self.ramp_until)
        images = batch.task_images(results)
        if self.feature_weight:
            return self._with_features(batch, images, growth)
        if not self.detection_weight:
            return {}
        detection = batch.detection_losses(images)
        return scaled(detection, self.detection_weight * growth)

    def _with_features(
        self, batch: TrainingBatch, images: Sequence[Tensor], growth: float
    ) -> Losses:
        asking = replace(batch, needed_by="strategy TaskDriven, with feature_weight > 0,")
        hr = asking.hr_images()
        on_sr, on_hr = batch.versions(images, hr)
        detector = batch.detector
        with torch.no_grad():
            of_hr = features_at(detector, self.taps, on_hr.inputs)
        losses: Losses = {}
        if self.detection_weight:
            with tapped(detector, self.taps) as features:
                detection = detector.loss(on_sr.inputs, on_sr.samples)
                of_sr = [features[name] for name in self.taps]
            losses |= scaled(detection, self.detection_weight * growth)
        else:
            of_sr = features_at(detector, self.taps, on_sr.inputs)
        distance = mean_distance(pearson_distance, of_sr, of_hr)
        losses["loss_task_driven_feature"] = self.feature_weight * growth * distance
        return losses
