"""What an SR editor returns."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

EXIT_NAMES = ("easy", "moderate", "hard")
"""Names of the exits of an editor with three, first to last."""


def exit_names(count: int) -> tuple[str, ...]:
    """What the exits of an editor with any number of them are called, cheapest first.

    Args:
        count: How many there are.

    Example:
        >>> exit_names(2)
        ('exit0', 'exit1')
    """
    if count == len(EXIT_NAMES):
        return EXIT_NAMES
    return tuple(f"exit{number}" for number in range(count))


@dataclass(frozen=True)
class RoutingMap:
    """Which exit each token left by.

    Args:
        exits: (B, rows, cols) integers, from 0 for the first exit, the cheapest.
        token_size: Side of a token in LR pixels.
        exit_names: What the exits are called, from first to last.
        scores: (B, rows, cols) how much a router that ranks tokens wants each deep; above 0 it goes
            deep, before any bias. None where nothing is ranked.
    """

    exits: Tensor
    token_size: int
    exit_names: tuple[str, ...] = EXIT_NAMES
    scores: Tensor | None = None

    def shares(self) -> Tensor:
        """Share of each image's tokens that left by each exit.

        Returns:
            (B, exits) float32; rows sum to 1.

        Example:
            >>> RoutingMap(torch.tensor([[[0, 0], [1, 2]]]), token_size=8).shares()
            tensor([[0.5000, 0.2500, 0.2500]])
        """
        tokens = self.exits.flatten(1).long()
        left_by = [tokens == number for number in range(len(self.exit_names))]
        counts = torch.stack(left_by, dim=1).sum(2)
        return counts / tokens.shape[1]

    def image(self, index: int) -> RoutingMap:
        """The map of one image, as a batch of one.

        Args:
            index: Which image of the batch, from 0.
        """
        only = slice(index, index + 1)
        return self._each(lambda of_tokens: of_tokens[only])

    def cpu(self) -> RoutingMap:
        """The map in the computer's own memory."""
        return self._each(Tensor.cpu)

    def cropped(self, lr_hw: tuple[int, int]) -> RoutingMap:
        """Without the tokens that lie wholly beyond an image.

        Args:
            lr_hw: Height and width of the image in LR pixels.
        """
        rows, cols = (math.ceil(side / self.token_size) for side in lr_hw)
        return self._each(lambda of_tokens: of_tokens[:, :rows, :cols])

    def _each(self, change: Callable[[Tensor], Tensor]) -> RoutingMap:
        """The same change to all that is said of the tokens."""
        scores = None if self.scores is None else change(self.scores)
        return replace(self, exits=change(self.exits), scores=scores)


@dataclass
class SRResult:
    """The output of ``SREditor.upscale``.

    Args:
        image: (B, 3, s*h, s*w) RGB, clamped to [0, 1] in evaluation, unclamped in training.
        routing: The routing map of an adaptive editor, else None.
        aux: Extra tensors by name for losses and analysis (exits, logits), (B, ...) each.
    """

    image: Tensor
    routing: RoutingMap | None = None
    aux: dict[str, Tensor] | None = None

    def split(self) -> list[SRResult]:
        """One result per image, each of batch size 1.

        ``aux`` has one entry per image, or is shared where it is a scalar.
        """
        return [self._image(index) for index in range(len(self.image))]

    def _image(self, index: int) -> SRResult:
        image = _entry(self.image, index)
        result = SRResult(image)
        if self.routing is not None:
            result.routing = self.routing.image(index)
        if self.aux is not None:
            result.aux = {}
            for name, value in self.aux.items():
                result.aux[name] = _entry(value, index)
        return result


def _entry(batch: Tensor, index: int) -> Tensor:
    """One image's entry as a batch of one; a scalar belongs to all images."""
    return batch[index : index + 1] if batch.ndim else batch


def images_of(results: Sequence[SRResult]) -> list[Tensor]:
    """The images of results of batch size 1, (3, s*h_i, s*w_i) each."""
    return [result.image[0] for result in results]
