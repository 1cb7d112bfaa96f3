"""A strategy with all that the base class offers.

Two phases, a network of its own, a fixed teacher.
"""

import torch
from torch import nn
from torch.nn import functional as F

from mmisr.pipeline.strategy import Losses, Phase, Strategy
from mmisr.pipeline.training_batch import TrainingBatch
from mmisr.registry import STRATEGIES


def small_network(seed: int, norm: nn.Module) -> nn.Module:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), norm)


@STRATEGIES.register_module()
class TwoPhases(Strategy):
    """SR learns from pixels, a teacher's features and a resting detector.

    Then the detector learns from resting SR.
    """

    def __init__(self) -> None:
        super().__init__()
        self.branch = small_network(1, nn.GroupNorm(2, 4))
        self.hold_out("teacher", small_network(2, nn.BatchNorm2d(4)))

    @property
    def phases(self) -> tuple[Phase, ...]:
        return (
            Phase("restore", ("editor", "strategy"), self.restore),
            Phase("detect", ("detector",), self.detect),
        )

    def restore(self, batch: TrainingBatch) -> Losses:
        images = batch.sr_images()
        terms = []
        for image, hr in zip(images, batch.hr_images(), strict=True):
            pixels = F.l1_loss(image, hr) + F.l1_loss(self.branch(image[None])[:, :3], hr[None])
            terms.append(pixels + F.l1_loss(self.teacher(image[None]), self.teacher(hr[None])))
        losses = {f"task_{name}": value for name, value in batch.detection_losses(images).items()}
        return {"loss_two_phases_pixel": torch.stack(terms).mean(), **losses}

    def detect(self, batch: TrainingBatch) -> Losses:
        return batch.detection_losses(batch.fixed_images())
