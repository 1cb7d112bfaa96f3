"""What depth is worth to a detector, token by token: its distribution, and whether it is true."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mmisr.openmmlab.detector import DetDataSample
from mmisr.ops.tokens import spread
from mmisr.pipeline.sr_detector import SRDetector
from mmisr.pipeline.strategy import Phase, in_phase
from mmisr.pipeline.training_batch import TrainingBatch
from mmisr.strategies.task_gain.gain import Extremes, extremes, token_gains
from mmisr.structures.frames import hw_of

SCHEMA = 1
"""Of ``task_gain.json``; raised when a key changes its meaning."""

LEAST = float(np.finfo(np.float32).tiny)
"""Smallest threshold: what gains nothing never leaves by a deeper exit."""

Floats = NDArray[np.float64]
NEEDED_BY = "the task gain"
MEASURE = Phase("measure", ("editor",), lambda batch: {})


@dataclass(frozen=True)
class TaskGains:
    """The gains of a data set.

    Args:
        thresholds: Smallest gain of a token that leaves by the second exit, by the third, ...:
            ``TaskGain(thresholds=...)``.
        shares: Share of the tokens that reach each threshold's exit and go no deeper.
        tokens: How many there were.
        hurt: Share of the tokens where depth hurts: their gain is below 0.
        correlation: Spearman's, between gain and the loss that a token alone saves; None with fewer
            than three tokens tried.
        tried: How many tokens were computed deep alone.
    """

    thresholds: list[float]
    shares: list[float]
    tokens: int
    hurt: float
    correlation: float | None
    tried: int

    def to_json(self) -> dict[str, Any]:
        """What ``task_gain.json`` holds beside ``meta``."""
        return {"schema": SCHEMA, **asdict(self)}


@dataclass(frozen=True)
class ImageGains:
    """One image and the gains of its tokens.

    Args:
        seen: The image alone, as a batch.
        images: Without and with depth.
        gains: (rows, cols).
    """

    seen: TrainingBatch
    images: Extremes
    gains: Tensor


def image_gains(pair: SRDetector, batches: Iterable[dict]) -> Iterator[ImageGains]:
    """The gains of every image, one after the other.

    Args:
        pair: Its editor routes.
        batches: As a data loader for training gives them.
    """
    pair.train()
    for data in batches:
        batch = pair.data_preprocessor(data, True)
        images = batch["inputs"]
        samples = batch["data_samples"]
        for image, sample in zip(images, samples, strict=True):
            # What the caller measures of an image is measured with the detector at rest too.
            with in_phase(pair, MEASURE):
                yield _gains(pair, image, sample)
    pair.eval()


def gains_of(pair: SRDetector, lr: Tensor, sample: DetDataSample) -> ImageGains:
    """The gains of one image.

    Args:
        pair: Its editor routes.
        lr: (3, h, w) RGB in [0, 1], on the pair's device.
        sample: Its sample, with what is annotated.

    Raises:
        ValueError: The editor routes nothing.
    """
    with in_phase(pair, MEASURE):
        return _gains(pair, lr, sample)


def _gains(pair: SRDetector, lr: Tensor, sample: DetDataSample) -> ImageGains:
    images = [lr]
    samples = [sample]
    seen = TrainingBatch(pair, images, samples, NEEDED_BY)
    both = extremes(seen)
    (gains,) = token_gains(seen, both)
    return ImageGains(seen, both, gains)


def saved_alone(of_image: ImageGains, row: int, col: int) -> float:
    """The loss that is saved where one token alone is computed deep.

    Args:
        of_image: The image.
        row: Of the token.
        col: Of the token.
    """
    images = of_image.images
    cheapest = images.cheapest[0]
    deepest = images.deepest[0]
    is_deep = torch.zeros(of_image.gains.shape).bool()
    is_deep[row, col] = True
    height, width = hw_of(cheapest)
    whole_tokens = spread(is_deep[None], images.token)
    pixels = whole_tokens[0, :, :height, :width]
    on_device = pixels.to(cheapest.device)
    swapped = torch.where(on_device, deepest, cheapest)
    before = _loss(of_image.seen, cheapest)
    after = _loss(of_image.seen, swapped)
    return before - after


@torch.no_grad()
def _loss(seen: TrainingBatch, image: Tensor) -> float:
    losses = seen.detection_losses([image])
    total, _ = seen.pair.parse_losses(losses)
    return float(total)


def thresholds_of(gains: Floats, shares: Sequence[float]) -> list[float]:
    """The gains from which given shares of the tokens leave by deeper exits.

    Args:
        gains: Of any number of tokens.
        shares: Of the second exit, of the third, ...; what they leave of 1 is the first's.

    Returns:
        Ascending, above 0: where fewer tokens gain anything, the shares are not reached.

    Raises:
        ValueError: The shares are not above 0, or sum to more than 1.

    Example:
        >>> thresholds_of(np.arange(1.0, 11.0), [0.2, 0.1])
        [8.0, 10.0]
    """
    if not shares or min(shares) <= 0 or sum(shares) > 1:
        raise ValueError(
            f"shares of the deeper exits must be above 0 and sum to at most 1, got {list(shares)}"
        )
    ascending = np.sort(gains)
    descending = ascending[::-1]
    thresholds = []
    share = 0.0
    for part in reversed(shares):
        share += part
        count = round(share * len(descending))
        last = max(1, count)
        smallest = float(descending[last - 1])
        threshold = max(smallest, LEAST)
        thresholds.append(threshold)
    return thresholds[::-1]


def rank_correlation(first: Sequence[float], second: Sequence[float]) -> float | None:
    """Spearman's correlation; None for fewer than three pairs.

    Args:
        first: Numbers.
        second: As many.

    Example:
        >>> rank_correlation([1, 2, 3, 4], [10, 20, 400, 30])
        0.8
    """
    if len(first) < 3:
        return None
    ranks = [np.argsort(np.argsort(values)) for values in (first, second)]
    return round(float(np.corrcoef(ranks)[0, 1]), 6)
