"""Base class of the losses that compare what a fixed network makes of two images."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from mmisr.losses.base import SRLoss
from mmisr.openmmlab.checkpoints import load_state
from mmisr.openmmlab.loading import load_into
from mmisr.openmmlab.taps import check_taps
from mmisr.ops.held_out import HoldsOut
from mmisr.structures.hints import BatchHints

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
"""Of RGB in [0, 1]; what networks trained on ImageNet expect."""


class NetworkLoss(HoldsOut, SRLoss):
    """A loss through a network that is fixed.

    The network is read when the loss is first used, so that a model which only predicts needs no
    file of it. It is in evaluation, and in no checkpoint and no optimiser.

    Args:
        checkpoint: File of its weights.
        taps: Names of the features that are compared, see :func:`mmisr.openmmlab.taps.tapped`.

    Raises:
        FileNotFoundError: In use, the file is not there.
        ValueError: In use, it is of another network, or the network has no such tap.
    """

    prefixes: tuple[str, ...] = ()
    """What may stand before the names of the weights in a file."""

    way_out = "give the file of its weights"
    """How to get a file, for the message."""

    network: nn.Module
    """There once the loss was used."""

    def __init__(self, checkpoint: str | None, taps: Sequence[str]) -> None:
        super().__init__()
        self.checkpoint = checkpoint
        self.taps = tuple(taps)

    @abstractmethod
    def build(self) -> nn.Module:
        """The network, without its weights."""

    @abstractmethod
    def terms(self, sr: Tensor, hr: Tensor, hints: BatchHints | None = None) -> dict[str, Tensor]:
        """See :meth:`SRLoss.terms`."""

    def forward(self, sr: Tensor, hr: Tensor, hints: BatchHints | None = None) -> Tensor:
        """The sum of :meth:`terms`; see :meth:`SRLoss.forward`."""
        values = list(self.terms(sr, hr, hints).values())
        return torch.stack(values).sum()

    def start(self) -> None:
        """Read the network."""
        name = type(self).__name__
        if self.checkpoint is None or not Path(self.checkpoint).is_file():
            raise FileNotFoundError(
                f"{name}.checkpoint must be the file of its network's weights, and "
                f"{self.checkpoint!r} is none; {self.way_out}"
            )
        # A run and its resumption must draw the same random numbers, whenever this is.
        with torch.random.fork_rng(devices=[]):
            network = self.build()
        check_taps(network, self.taps)
        state = load_state(self.checkpoint)
        state = self.renamed(network, state)
        load_into(network, state, self.checkpoint, self.prefixes)
        self.hold_out("network", network)

    @staticmethod
    def renamed(network: nn.Module, state: dict[str, Tensor]) -> dict[str, Tensor]:
        """The weights of a file under the names of the network; as they are unless overridden.

        Args:
            network: The network, without its weights.
            state: Weights by the names of the file.
        """
        return state

    def network_for(self, images: Tensor) -> nn.Module:
        """The network, read where it is not there yet, on the device of images.

        Args:
            images: HR images; those of SR may be of half precision.
        """
        if not hasattr(self, "network"):
            self.start()
        # Data preprocessors of mmdet's know their device only by this.
        return self.network.to(images)


def imagenet_pixels(images: Tensor) -> Tensor:
    """Images as a network that was trained on ImageNet expects them.

    Args:
        images: (B, 3, H, W) RGB in [0, 1].

    Returns:
        (B, 3, H, W), mean 0 and deviation 1 over ImageNet.
    """
    mean = images.new_tensor(IMAGENET_MEAN).view(3, 1, 1)
    std = images.new_tensor(IMAGENET_STD).view(3, 1, 1)
    return (images - mean) / std
