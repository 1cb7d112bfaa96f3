"""SRFBN in plain torch, and its modulation by a map of the instances."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from mmisr.ops.resample import bilinear
from mmisr.ops.sft import SFT
from mmisr.structures.checks import check_fields
from mmisr.structures.frames import hw_of

GEOMETRY = {2: (6, 2, 2), 3: (7, 3, 2), 4: (8, 4, 2), 8: (12, 8, 2)}
"""Kernel, stride and padding of the projections between LR and HR features, by scale."""

MODULATIONS = ("none", "sft")

MAP_CHANNELS = 3
"""Of an instance map, see :mod:`mmisr.editors.instance_modulation.maps`."""

PIXEL_MEAN = (0.4488, 0.4371, 0.4040)
"""RGB mean of DIV2K in [0, 1], which the features do not see."""

PRELU = 0.2
LEAKY = 0.1


@dataclass(frozen=True)
class NetSize:
    """Width and depth; SRFBN's by default.

    Args:
        channels: F, width of the features.
        groups: G, projections up and down in the feedback block.
        conditions: Channels that the map is turned into before it modulates.

    Raises:
        ValueError: A number is below 1.
    """

    channels: int = 64
    groups: int = 6
    conditions: int = 32

    def __post_init__(self) -> None:
        check_fields(self, "InstanceModulation.size")
        for name in ("channels", "groups", "conditions"):
            value = getattr(self, name)
            if value < 1:
                raise ValueError(f"InstanceModulation.size.{name} must be at least 1, got {value}")


SIZES = {
    "paper": NetSize(),
    "small": NetSize(channels=32, groups=3),
    "nano": NetSize(channels=16, groups=2),
}
"""SRFBN, SRFBN-S, and one that two CPU cores train in minutes.

At x4 3,631,454, 483,122 and 87,390 parameters; the modulation adds 9,344, 7,232 and 6,176.
"""


class FeedbackBlock(nn.Module):
    """Projections between LR and HR features, densely connected, that see what they made before.

    Source: SRFBN, Sec. 3.3: L_0 = Conv1([x, h]); H_g = up_g of all L before, L_g = down_g of all H
    so far, each through Conv1 from the second on; the output Conv1([L_1 .. L_G]) is the next h.

    Args:
        scale: 2, 3, 4 or 8.
        channels: F.
        groups: G.
    """

    def __init__(self, scale: int, channels: int, groups: int) -> None:
        super().__init__()
        self.compress_in = _conv(2 * channels, channels, 1)
        ups = [_up(scale, channels) for _ in range(groups)]
        downs = [_down(scale, channels) for _ in range(groups)]
        self.ups = nn.ModuleList(ups)
        self.downs = nn.ModuleList(downs)
        widths = [channels * count for count in range(2, groups + 1)]
        before_up = [_conv(width, channels, 1) for width in widths]
        before_down = [_conv(width, channels, 1) for width in widths]
        self.before_up = nn.ModuleList([nn.Identity(), *before_up])
        self.before_down = nn.ModuleList([nn.Identity(), *before_down])
        self.compress_out = _conv(groups * channels, channels, 1)

    def forward(self, x: Tensor, h: Tensor) -> Tensor:
        """One step.

        Args:
            x: (B, F, h, w) shallow features.
            h: (B, F, h, w) what the step before made.

        Returns:
            (B, F, h, w).
        """
        both = torch.cat([x, h], 1)
        low = [self.compress_in(both)]
        high: list[Tensor] = []
        stages = zip(self.before_up, self.ups, self.before_down, self.downs, strict=True)
        for before_up, up, before_down, down in stages:
            seen = before_up(torch.cat(low, 1))
            high.append(up(seen))
            seen = before_down(torch.cat(high, 1))
            low.append(down(seen))
        of_groups = torch.cat(low[1:], 1)
        made: Tensor = self.compress_out(of_groups)
        return made


class Modulation(nn.Module):
    """Shallow features, scaled and shifted by what a map says of each place.

    It begins at rest: features pass as they are until it has learned.

    Args:
        channels: F.
        conditions: Channels between the map and gamma and beta.
    """

    def __init__(self, channels: int, conditions: int) -> None:
        super().__init__()
        self.condition = nn.Sequential(
            nn.Conv2d(MAP_CHANNELS, conditions, 3, padding=1),
            nn.Conv2d(conditions, conditions, 1),
            nn.LeakyReLU(LEAKY),
            nn.Conv2d(conditions, conditions, 1),
            nn.LeakyReLU(LEAKY),
        )
        self.sft = SFT(channels, conditions, LEAKY)
        self.sft.rest()

    def forward(self, x: Tensor, maps: Tensor) -> Tensor:
        """Modulate.

        Args:
            x: (B, F, h, w).
            maps: (B, 3, h, w) instance maps.

        Returns:
            (B, F, h, w).
        """
        conditions = self.condition(maps)
        modulated: Tensor = self.sft(x, conditions)
        return modulated


class FeedbackNet(nn.Module):
    """A feedback block that runs ``steps`` times with one set of weights; an image per step.

    Source: "Feedback Network for Image Super-Resolution" (Li, Yang, Liu, Yang, Jeon, Wu; CVPR 2019)
    by its public code. The modulation, one SFT layer on the features that the block sees at every
    step, is a re-implementation from the abstract of Fu (2022). What it reads does not change from
    step to step, so it is computed once.

    Args:
        scale: 2, 3, 4 or 8.
        size: Width and depth.
        steps: T, how often the block runs.
        modulation: ``sft``, or ``none`` for plain SRFBN; with one seed the other weights are the
            same.

    Raises:
        ValueError: A value that is not supported.
    """

    mean: Tensor

    def __init__(
        self,
        scale: int,
        size: NetSize | None = None,
        steps: int = 4,
        modulation: str = "none",
    ) -> None:
        super().__init__()
        _check(scale, steps, modulation)
        self.scale = int(scale)
        self.steps = int(steps)
        self.size = size or NetSize()
        width = self.size.channels
        mean = torch.tensor(PIXEL_MEAN).view(1, 3, 1, 1)
        self.register_buffer("mean", mean, persistent=False)
        self.head = nn.Sequential(_conv(3, 4 * width, 3), _conv(4 * width, width, 1))
        self.block = FeedbackBlock(self.scale, width, self.size.groups)
        self.up = _up(self.scale, width)
        self.tail = nn.Conv2d(width, 3, 3, padding=1)
        self.apply(_kaiming)
        self.modulation: Modulation | None = None
        if modulation == "sft":
            self.modulation = Modulation(width, self.size.conditions)
        # Three times as fast on the CPU.
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def forward(self, lr: Tensor, maps: Tensor | None = None) -> Tensor:
        """The image of the last step.

        Args:
            lr: (B, 3, h, w) RGB in [0, 1].
            maps: (B, 3, h, w) instance maps, for a network with modulation.

        Returns:
            (B, 3, s*h, s*w), not clamped.

        Raises:
            ValueError: Maps of another shape, none where there is a modulation, or some where there
                is none.
        """
        *_, last = self._states(lr, maps)
        return self._image(last, lr)

    def all_images(self, lr: Tensor, maps: Tensor | None = None) -> list[Tensor]:
        """The images of all steps, first to last; arguments as in :meth:`forward`."""
        return [self._image(state, lr) for state in self._states(lr, maps)]

    def _states(self, lr: Tensor, maps: Tensor | None) -> Iterator[Tensor]:
        """What the block makes of the images, step by step; it keeps nothing between calls."""
        self._check_maps(lr, maps)
        centred = lr - self.mean
        x = self.head(centred)
        if self.modulation is not None:
            x = self.modulation(x, maps)
        state = x
        for _ in range(self.steps):
            state = self.block(x, state)
            yield state

    def _image(self, state: Tensor, lr: Tensor) -> Tensor:
        """The image of one step: what is missing from a bilinear enlargement."""
        features = self.up(state)
        missing = self.tail(features)
        enlarged = bilinear(lr, self.scale)
        image: Tensor = enlarged + missing
        return image

    def _check_maps(self, lr: Tensor, maps: Tensor | None) -> None:
        if (self.modulation is None) != (maps is None):
            raise ValueError(
                "FeedbackNet takes instance maps if and only if it has a modulation, got "
                f"modulation={self.modulation is not None} and maps={maps is not None}"
            )
        if maps is None:
            return
        expected = len(lr), MAP_CHANNELS, *hw_of(lr)
        if tuple(maps.shape) != expected:
            raise ValueError(
                f"instance maps must be of the LR images' size, {expected}, got {tuple(maps.shape)}"
            )


def _check(scale: int, steps: int, modulation: str) -> None:
    if isinstance(scale, bool) or scale not in GEOMETRY:
        raise ValueError(
            f"InstanceModulation.scale must be one of {tuple(GEOMETRY)}, got {scale!r}"
        )
    if isinstance(steps, bool) or not isinstance(steps, int) or steps < 1:
        raise ValueError(
            f"InstanceModulation.steps must be a whole number of at least 1, got {steps!r}"
        )
    if modulation not in MODULATIONS:
        raise ValueError(f"FeedbackNet.modulation must be one of {MODULATIONS}, got {modulation!r}")


def _conv(inputs: int, outputs: int, side: int) -> nn.Sequential:
    padding = side // 2
    return nn.Sequential(nn.Conv2d(inputs, outputs, side, padding=padding), _prelu())


def _down(scale: int, channels: int) -> nn.Sequential:
    kernel, stride, padding = GEOMETRY[scale]
    conv = nn.Conv2d(channels, channels, kernel, stride, padding)
    return nn.Sequential(conv, _prelu())


def _up(scale: int, channels: int) -> nn.Sequential:
    kernel, stride, padding = GEOMETRY[scale]
    deconv = nn.ConvTranspose2d(channels, channels, kernel, stride, padding)
    return nn.Sequential(deconv, _prelu())


def _prelu() -> nn.PReLU:
    return nn.PReLU(num_parameters=1, init=PRELU)


def _kaiming(module: nn.Module) -> None:
    if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
        nn.init.kaiming_normal_(module.weight)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
