"""The discriminator in plain torch: is a patch real, and what is it of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import gcd

from torch import Tensor, nn

from mmisr.structures.checks import check_fields

SHRINKS = 16
"""How much smaller the last features are than the patch."""

HEAD = 100
"""Width of the heads' hidden layer."""

SLOPE = 0.1
GROUPS = 8
OWNER = "strategy Adversarial: discriminator"


@dataclass(frozen=True)
class Settings:
    """Size and classes of the discriminator; SFTGAN's by default.

    Args:
        patch: Side of the square of HR pixels that it sees of each image, a multiple of 16.
        width: Channels of the first convolution; the last has 8 times as many.
        num_classes: Classes that it tells apart beside the background, those of the data set.
        norm: ``batch``, by the batch's own statistics always, or ``group``, which does not depend
            on the batch that an image comes in.

    Raises:
        ValueError: A value is out of range.
    """

    patch: int = 96
    width: int = 64
    num_classes: int = 7
    norm: str = "batch"

    def __post_init__(self) -> None:
        check_fields(self, OWNER)
        cells, rest = divmod(self.patch, SHRINKS)
        if cells < 1 or rest:
            raise ValueError(f"{OWNER}.patch must be a multiple of {SHRINKS}, got {self.patch}")
        if self.width < 1 or self.num_classes < 1:
            raise ValueError(
                f"{OWNER} needs width and num_classes of at least 1, got width={self.width}, "
                f"num_classes={self.num_classes}"
            )
        if self.norm not in NORMS:
            raise ValueError(f"{OWNER}.norm must be one of {list(NORMS)}, got {self.norm!r}")


def _batch_norm(channels: int) -> nn.Module:
    # Real and fake patches go through it apart, and in the editor's phase it rests: running
    # statistics would be of both, and move in one phase alone.
    return nn.BatchNorm2d(channels, track_running_stats=False)


def _group_norm(channels: int) -> nn.Module:
    return nn.GroupNorm(gcd(GROUPS, channels), channels)


NORMS: dict[str, Callable[[int], nn.Module]] = {"batch": _batch_norm, "group": _group_norm}


class Discriminator(nn.Module):
    """Eight convolutions, every other one halving the size, and two heads.

    Source: the auxiliary-class discriminator of SFTGAN (Wang, Yu, Dong, Loy; CVPR 2018), for
    patches of 96 pixels; other sizes are ours.

    Args:
        settings: Size and classes.

    Example:
        >>> import torch
        >>> network = Discriminator(Settings(patch=32, width=4, num_classes=2))
        >>> realness, categories = network(torch.rand(5, 3, 32, 32))
        >>> realness.shape, categories.shape
        (torch.Size([5, 1]), torch.Size([5, 3]))
    """

    def __init__(self, settings: Settings) -> None:
        super().__init__()
        self.settings = settings
        width = settings.width
        self.features = nn.Sequential()
        first = nn.Conv2d(3, width, 3, padding=1)
        self.features.append(first)
        self.features.append(nn.LeakyReLU(SLOPE))
        before = width
        for factor in (1, 2, 4, 8):
            after = factor * width
            if factor > 1:
                self._add(before, after, 3, 1)
            self._add(after, after, 4, 2)
            before = after
        side = settings.patch // SHRINKS
        inputs = before * side**2
        classes = settings.num_classes + 1
        self.realness = _head(inputs, 1)
        self.categories = _head(inputs, classes)

    def _add(self, inputs: int, outputs: int, kernel: int, stride: int) -> None:
        """Add a convolution, its norm and its activation."""
        convolution = nn.Conv2d(inputs, outputs, kernel, stride, padding=1)
        norm_of = NORMS[self.settings.norm]
        norm = norm_of(outputs)
        self.features.append(convolution)
        self.features.append(norm)
        self.features.append(nn.LeakyReLU(SLOPE))

    def forward(self, patches: Tensor) -> tuple[Tensor, Tensor]:
        """Judge.

        Args:
            patches: (B, 3, patch, patch) RGB in [0, 1], not clamped.

        Returns:
            (B, 1) how real each is, and (B, num_classes + 1) of what class, the background first;
            both before sigmoid and softmax.
        """
        features = self.features(patches)
        flat = features.flatten(1)
        realness = self.realness(flat)
        categories = self.categories(flat)
        return realness, categories


def _head(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Linear(inputs, HEAD),
        nn.LeakyReLU(SLOPE),
        nn.Linear(HEAD, outputs),
    )
