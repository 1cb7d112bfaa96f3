"""Strategy ``PixelFirst``: pixels alone for some iterations, then pixels and detection together."""

from __future__ import annotations

from mmisr.losses.functional import scaled
from mmisr.losses.pixel import PixelLoss
from mmisr.pipeline.strategy import Losses, Phase, Strategy
from mmisr.pipeline.training_batch import TrainingBatch
from mmisr.registry import STRATEGIES


@STRATEGIES.register_module()
class PixelFirst(Strategy):
    """Teach the editor to restore before the detector may pull at it.

    A fresh editor makes images that the detector has never seen, and the detection loss of the
    first iterations says little. So the detector waits: it is not even run until ``pixel_iters``.

    Args:
        pixel_iters: Iterations on the pixel loss alone; 0 for none.
        detection_weight: Weight of the detector's losses afterwards; the pixel loss weighs 1.

    Raises:
        ValueError: A number is negative; when training, a sample has no HR image.
    """

    def __init__(self, pixel_iters: int, detection_weight: float = 1.0) -> None:
        super().__init__()
        if pixel_iters < 0 or detection_weight < 0:
            raise ValueError(
                f"PixelFirst needs numbers >= 0, got {pixel_iters} and {detection_weight}"
            )
        self.pixel_iters = pixel_iters
        self.detection_weight = detection_weight
        self.pixel_loss = PixelLoss("l1")

    @property
    def phases(self) -> tuple[Phase, ...]:
        """One phase: both parts learn, as far as the losses reach them."""
        return (Phase("pixel_first", ("editor", "detector"), self.losses),)

    def losses(self, batch: TrainingBatch) -> Losses:
        """The pixel loss; from iteration ``pixel_iters`` on the detector's losses too."""
        images = batch.sr_images()
        pixels = batch.pixel_loss(self.pixel_loss, images)
        losses: Losses = {"loss_pixel_first_pixel": pixels}
        if self.progress.iteration >= self.pixel_iters:
            detection = batch.detection_losses(images)
            losses |= scaled(detection, self.detection_weight)
        return losses
