"""A larger encoder, on the first layers of MobileNetV2, which know natural images already."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torchvision.models import mobilenet_v2

from mmisr.editors.instance_sr.labels import CLASSES
from mmisr.structures.frames import hw_of

STAGES = (2, 4, 7, 11)
"""Where the layers of MobileNetV2 are cut: at 1/2, 1/4, 1/8 and 1/16 of the image's size."""

WIDTHS = (16, 24, 32, 64)
"""Channels there."""

SIDES = (4, 2, 1, 1)
"""How many of their pixels a lane takes per token and axis; the last has half a pixel."""

INNER = 48
MEAN = (0.485, 0.456, 0.406)
STD = (0.229, 0.224, 0.225)


class PretrainedEncoder(nn.Module):
    """LR image to three logits and a box per token of 8 pixels, as :class:`Encoder` gives them.

    Source: ours; MobileNetV2 is Sandler et al., CVPR 2018, in torchvision's words. Batch norms keep
    the statistics that they come with.
    """

    def __init__(self) -> None:
        super().__init__()
        self.stages = _stages()
        self.lanes = _lanes()
        self.mix = nn.Conv2d(INNER, INNER, 3, padding=1)
        self.classify = nn.Conv2d(INNER, len(CLASSES), 1)
        self.localise = nn.Conv2d(INNER, 4, 1)
        self.train()  # batch norms are in training from birth

    def forward(self, lr: Tensor) -> tuple[Tensor, Tensor]:
        """Classify and localise.

        Args:
            lr: (B, 3, h, w) RGB in [0, 1]; sides are multiples of 8.

        Returns:
            Logits (B, 3, rows, cols) and boxes (B, 4, rows, cols).
        """
        x = _normalised(lr)
        lanes = []
        for stage, lane in zip(self.stages, self.lanes, strict=True):
            x = stage(x)
            lanes.append(lane(x))
        *fine, coarse = lanes
        rows, cols = hw_of(fine[0])
        doubled = F.interpolate(coarse, scale_factor=2, mode="nearest")
        cells = doubled[..., :rows, :cols]  # it rounds an odd size up
        tokens = torch.stack([*fine, cells]).sum(0)
        mixed = self.mix(F.relu(tokens))
        features = F.relu(mixed)
        return self.classify(features), self.localise(features)

    def train(self, mode: bool = True) -> PretrainedEncoder:
        """Set the mode; batch norms stay in evaluation."""
        super().train(mode)
        for module in self.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.eval()
        return self

    def load_imagenet(self, state: Mapping[str, Tensor]) -> None:
        """Take the first layers of MobileNetV2's weights, by torchvision's names or mmdet's.

        Both networks list the same tensors in the same order.

        Args:
            state: The weights.

        Raises:
            ValueError: They are of another network.
        """
        ours = _counted_once(self.stages.state_dict())
        theirs = list(_counted_once(state).values())[: len(ours)]
        shapes = [tuple(value.shape) for value in theirs]
        expected = [tuple(value.shape) for value in ours.values()]
        if shapes != expected:
            raise ValueError(
                "InstanceRouter.pretrained must be ImageNet weights of MobileNetV2, whose first "
                f"{len(ours)} tensors have other shapes than those found; "
                "`python tools/data/mobilenet_v2.py` gets them"
            )
        named = dict(zip(ours, theirs, strict=True))
        self.stages.load_state_dict(named, strict=False)  # but for the counters of batches


def _stages() -> nn.ModuleList:
    """The first layers of MobileNetV2, cut where the image gets smaller."""
    layers = list(mobilenet_v2(weights=None).features)
    stages = nn.ModuleList()
    start = 0
    for end in STAGES:
        stage = nn.Sequential(*layers[start:end])
        stages.append(stage)
        start = end
    return stages


def _lanes() -> nn.ModuleList:
    """From the channels of every stage to those of the tokens."""
    lanes = nn.ModuleList()
    for width, side in zip(WIDTHS, SIDES, strict=True):
        lane = nn.Conv2d(width, INNER, side, side)
        lanes.append(lane)
    return lanes


def _normalised(lr: Tensor) -> Tensor:
    """RGB in [0, 1] as ImageNet's networks get it."""
    mean = lr.new_tensor(MEAN)
    std = lr.new_tensor(STD)
    return (lr - mean[:, None, None]) / std[:, None, None]


def _counted_once(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The weights without the counters of batches."""
    return {name: value for name, value in state.items() if not name.endswith("batches_tracked")}
