"""Strategy ``Joint``: SR and detector are trained together on pixel and detection losses."""

from __future__ import annotations

from dataclasses import replace

from mmisr.losses.functional import Losses, scaled
from mmisr.openmmlab.editor import PIXEL_LOSS
from mmisr.pipeline.strategy import Phase, Strategy
from mmisr.pipeline.training_batch import TrainingBatch
from mmisr.registry import MODELS, STRATEGIES
from mmisr.structures.checks import check_not_negative


@STRATEGIES.register_module()
class Joint(Strategy):
    """SR and detector trained together (S + T).

    Source: the joint baseline of SR4IR (CVPR 2024), L = 1.0 L1(SR, HR) + 1.0 L_det.

    Args:
        pixel_weight: Weight of the pixel loss; 0 needs no HR image.
        detection_weight: Weight of the detector's losses.
        editor_weight: Weight of the editor's own losses, which train a router too (and, for
            InstanceSR, the pixels: set ``pixel_weight=0`` then); 0 for none.
        pixel_loss: Config of the loss between SR and HR, both RGB in [0, 1]; None for the mean L1
            distance.

    Raises:
        ValueError: A weight is negative; when training, HR images are needed and a sample has none.
    """

    def __init__(
        self,
        pixel_weight: float = 1.0,
        detection_weight: float = 1.0,
        editor_weight: float = 0.0,
        pixel_loss: dict | None = None,
    ) -> None:
        super().__init__()
        weights = {
            "pixel_weight": pixel_weight,
            "detection_weight": detection_weight,
            "editor_weight": editor_weight,
        }
        check_not_negative("strategy Joint", weights)
        self.pixel_weight = pixel_weight
        self.detection_weight = detection_weight
        self.editor_weight = editor_weight
        self.pixel_loss = MODELS.build(pixel_loss or PIXEL_LOSS)

    @property
    def phases(self) -> tuple[Phase, ...]:
        """One phase: both parts learn."""
        return (Phase("joint", ("editor", "detector"), self.losses),)

    def losses(self, batch: TrainingBatch) -> Losses:
        """The pixel loss and the detector's losses on the same SR images.

        With the editor's own losses where they have a weight.

        Args:
            batch: What is seen of this iteration.
        """
        images = batch.sr_images()
        detection = batch.detection_losses(images)
        losses = scaled(detection, self.detection_weight)
        if self.pixel_weight:
            asking = replace(batch, needed_by="strategy Joint, unless pixel_weight=0,")
            pixel = asking.pixel_loss(self.pixel_loss, images)
            losses["loss_joint_pixel"] = self.pixel_weight * pixel
        if self.editor_weight:
            asking = replace(batch, needed_by="strategy Joint, with editor_weight > 0,")
            editor = asking.editor_losses()
            losses |= scaled(editor, self.editor_weight)
        return losses
