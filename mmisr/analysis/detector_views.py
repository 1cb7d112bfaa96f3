"""How far what a detector sees of SR is from what it sees of HR: image by image, and on average."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from mmisr.analysis.feature_maps import VERSIONS, FeatureMaps, TapMaps, seen_features, tap_maps
from mmisr.analysis.task_gain import gains_of
from mmisr.openmmlab.detector import DetDataSample
from mmisr.pipeline.sr_detector import SRDetector

COMPARED = VERSIONS[:-1]
"""Versions whose distance to HR is measured."""

LEAST = 1e-12

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class TapGaps:
    """How far the features of one tap are from those of HR.

    Args:
        tap: Its name.
        maps: (h, w) length of the difference at every position, by version, as a share of the
            root mean square length of HR's features.
        distance: Root mean square of the map, by version: 0 for equal features.
        to_hr: Mean correlation of the channels, by version.
    """

    tap: str
    maps: Mapping[str, Floats]
    distance: Mapping[str, float]
    to_hr: Mapping[str, float]


@dataclass(frozen=True)
class TokenView:
    """Where an editor goes deep, and what that is worth.

    Args:
        exits: (rows, cols) exits of the tokens.
        gains: (rows, cols) the detector's loss that a token saves by depth.
    """

    exits: NDArray[np.int64]
    gains: NDArray[np.float64]


@dataclass(frozen=True)
class DetectorView:
    """One image as a detector sees it.

    Args:
        maps: Its versions and the activations at every tap.
        gaps: One per tap.
        tokens: What is routed; None where nothing is.
    """

    maps: FeatureMaps
    gaps: Sequence[TapGaps]
    tokens: TokenView | None


def detector_view(
    pair: SRDetector, lr: Tensor, sample: DetDataSample, taps: Sequence[str]
) -> DetectorView:
    """Look at one image through a pair's detector.

    Args:
        pair: The pair, in evaluation.
        lr: (3, h, w) RGB in [0, 1], on the pair's device.
        sample: Its sample, with the HR image, and with annotations where the editor routes.
        taps: Of backbone or neck, see :func:`mmisr.openmmlab.taps.tapped`.

    Raises:
        ValueError: The detector has no such tap, or the sample no HR image.
    """
    images, features = seen_features(pair, lr, sample, taps)
    maps = []
    gaps = []
    for tap, seen in zip(taps, features, strict=True):
        of_tap = tap_maps(tap, seen)
        to_hr = _gaps(of_tap, seen)
        maps.append(of_tap)
        gaps.append(to_hr)
    drawn = FeatureMaps(images, maps)
    tokens = _tokens(pair, lr, sample)
    return DetectorView(drawn, gaps, tokens)


def _gaps(of_tap: TapMaps, seen: Tensor) -> TapGaps:
    """Of (3, C, h, w), a row per version, HR last."""
    of_hr = seen[-1]
    lengths = _squares(of_hr)
    mean = lengths.mean()
    least = mean.clamp(min=LEAST)
    maps = {}
    distance = {}
    to_hr = {}
    for index, version in enumerate(COMPARED):
        gap = seen[index] - of_hr
        shares = _squares(gap) / least
        root = shares.sqrt()
        overall = shares.mean()
        maps[version] = root.cpu().numpy()
        distance[version] = math.sqrt(overall)
        to_hr[version] = of_tap.to_hr[version]
    return TapGaps(of_tap.tap, maps, distance, to_hr)


def _squares(features: Tensor) -> Tensor:
    """(h, w) squared lengths of (C, h, w)."""
    return features.square().sum(0)


def _tokens(pair: SRDetector, lr: Tensor, sample: DetDataSample) -> TokenView | None:
    """Exits and gains; None where nothing is routed."""
    if pair.editor.info.routers is None:
        return None
    with torch.no_grad():
        (result,) = pair.upscale([lr], [sample])
    if result.routing is None:
        return None
    pair.train()
    try:
        of_image = gains_of(pair, lr, sample)
    finally:
        pair.eval()
    exits = result.routing.exits[0].cpu()
    gains = of_image.gains.double().cpu()
    return TokenView(exits.numpy(), gains.numpy())


def mean_gaps(views: Sequence[Sequence[TapGaps]]) -> list[TapGaps]:
    """The mean of several images, tap by tap.

    Convention: maps are resized to the size of the first image's, so that a place is a share of
    the frame.

    Args:
        views: The gaps of each image, at the same taps.

    Returns:
        One per tap: the means of maps, distances and correlations, NaN left out.

    Raises:
        ValueError: There is no image.
    """
    if not views:
        raise ValueError("a mean over images needs at least one, got none")
    means = []
    for of_tap in zip(*views, strict=True):
        mean = _mean_of(of_tap)
        means.append(mean)
    return means


def _mean_of(gaps: Sequence[TapGaps]) -> TapGaps:
    first = gaps[0]
    maps = {}
    distance = {}
    to_hr = {}
    for version in COMPARED:
        place = first.maps[version]
        resized = [_resized(gap.maps[version], place.shape) for gap in gaps]
        mean = np.mean(resized, axis=0)
        maps[version] = mean
        distance[version] = _mean(gap.distance[version] for gap in gaps)
        to_hr[version] = _mean(gap.to_hr[version] for gap in gaps)
    return TapGaps(first.tap, maps, distance, to_hr)


def _mean(values: Iterable[float]) -> float:
    """Of what is known."""
    listed = list(values)
    mean = np.nanmean(listed)
    return float(mean)


def _resized(values: Floats, shape: tuple[int, ...]) -> Floats:
    if values.shape == shape:
        return values
    image = torch.from_numpy(values)
    batch = image[None, None]
    enlarged = F.interpolate(batch, shape, mode="bilinear")
    resized: Floats = enlarged.numpy()
    return resized[0, 0]
