"""What a detector makes of the same scene as bicubic, SR and HR pixels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from mmisr.openmmlab.detector import DetDataSample
from mmisr.openmmlab.samples import hr_pixels
from mmisr.openmmlab.taps import check_taps, features_at
from mmisr.ops.resample import resize
from mmisr.pipeline.sr_detector import SRDetector
from mmisr.structures.frames import hw_of
from mmisr.structures.pixels import to_unit
from mmisr.structures.sr_result import images_of

VERSIONS = ("bicubic", "sr", "hr")

LEAST = 1e-6
"""Length of a channel's deviations from its mean below which it is constant."""


@dataclass(frozen=True)
class TapMaps:
    """One tap on three versions of a scene.

    Args:
        tap: Its name.
        maps: (h, w) mean absolute activation per position, by version.
        to_hr: :func:`correlation` with the features of HR, by version; 1 for HR.
    """

    tap: str
    maps: Mapping[str, NDArray[np.float32]]
    to_hr: Mapping[str, float]


@dataclass(frozen=True)
class FeatureMaps:
    """What a detector makes of a scene.

    Args:
        images: (3, H, W) RGB in [0, 1] by version, on the CPU.
        taps: One per tap.
    """

    images: Mapping[str, NDArray[np.float32]]
    taps: Sequence[TapMaps]


@torch.no_grad()
def feature_maps(
    pair: SRDetector, lr: Tensor, sample: DetDataSample, taps: Sequence[str]
) -> FeatureMaps:
    """Look at features of a pair's detector on bicubic, SR and HR pixels of one image.

    All three go through the pair's handoff. Cells that only padding reaches are left out.

    Args:
        pair: The pair, in evaluation.
        lr: (3, h, w) RGB in [0, 1], on the pair's device.
        sample: Its sample, with the HR image.
        taps: Of backbone or neck, see :func:`mmisr.openmmlab.taps.tapped`.

    Raises:
        ValueError: The detector has no such tap, or the sample no HR image.
    """
    images, features = seen_features(pair, lr, sample, taps)
    maps = []
    for tap, seen in zip(taps, features, strict=True):
        of_tap = tap_maps(tap, seen)
        maps.append(of_tap)
    return FeatureMaps(images, maps)


@torch.no_grad()
def seen_features(
    pair: SRDetector, lr: Tensor, sample: DetDataSample, taps: Sequence[str]
) -> tuple[dict[str, NDArray[np.float32]], list[Tensor]]:
    """The versions of an image, and what the detector makes of them at every tap.

    Args:
        pair: The pair, in evaluation.
        lr: (3, h, w) RGB in [0, 1], on the pair's device.
        sample: Its sample, with the HR image.
        taps: Of backbone or neck.

    Returns:
        (3, H, W) RGB in [0, 1] by version, on the CPU; (3, C, h, w) by tap, a row per version.

    Raises:
        ValueError: As :func:`feature_maps`.
    """
    detector = pair.detector
    check_taps(detector, taps)
    versions = _versions(pair, lr, sample)
    images = list(versions.values())
    samples = [sample] * len(images)
    batch = pair.handoff(images, samples, detector, training=False)
    padded_hw = hw_of(batch.inputs)
    image_hw = batch.samples[0].img_shape
    features = []
    for levels in features_at(detector, taps, batch.inputs):
        seen = _without_padding(levels, image_hw, padded_hw)
        features.append(seen)
    pixels = {}
    for name, image in versions.items():
        pixels[name] = _array(image)
    return pixels, features


def _array(values: Tensor) -> NDArray[np.float32]:
    array: NDArray[np.float32] = values.float().cpu().numpy()
    return array


def _versions(pair: SRDetector, lr: Tensor, sample: DetDataSample) -> dict[str, Tensor]:
    """(3, H, W) images of one size by version."""
    pixels = hr_pixels(sample)
    if pixels is None:
        raise ValueError(
            f"{sample.metainfo.get('img_path')} has no HR image to compare with; simulate LR from "
            "HR (mmisr.SimulateLR)"
        )
    hr = to_unit(pixels)
    hr = hr.to(lr)
    results = pair.upscale([lr], [sample])
    (sr,) = images_of(results)
    size = hw_of(hr)
    enlarged = resize(lr[None], size, "bicubic")
    bicubic = enlarged[0].clamp(0, 1)
    images = (bicubic, sr, hr)
    return dict(zip(VERSIONS, images, strict=True))


def _without_padding(
    levels: Tensor, image_hw: tuple[int, ...], padded_hw: tuple[int, int]
) -> Tensor:
    """The cells of (B, C, h, w) that the image reaches; padding is at the right and the bottom."""
    height, width = hw_of(levels)
    image_height, image_width = image_hw
    padded_height, padded_width = padded_hw
    rows = ceil(height * image_height / padded_height)
    cols = ceil(width * image_width / padded_width)
    inside = levels.narrow(-2, 0, rows)
    return inside.narrow(-1, 0, cols)


def tap_maps(tap: str, seen: Tensor) -> TapMaps:
    """What one tap shows.

    Args:
        tap: Its name.
        seen: (3, C, h, w), a row per version.
    """
    sizes = seen.abs()
    strengths = sizes.mean(1)
    of_hr = seen[-1]
    maps = {}
    to_hr = {}
    for index, name in enumerate(VERSIONS):
        strength = strengths[index]
        maps[name] = _array(strength)
        to_hr[name] = correlation(seen[index], of_hr)
    return TapMaps(tap, maps, to_hr)


def correlation(features: Tensor, others: Tensor) -> float:
    """Mean over the channels of their correlation.

    Args:
        features: (C, h, w).
        others: The same; channels that do not vary here are left out, nothing can follow them.

    Returns:
        From -1 to 1; a channel that varies in ``others`` alone counts as 0. NaN where no channel
        of ``others`` varies.

    Example:
        >>> features = torch.arange(8.0).view(2, 2, 2)
        >>> correlation(features, -3 * features)
        -1.0
    """
    ours = _centred(features)
    theirs = _centred(others)
    sizes = theirs.norm(dim=1)
    varies = sizes > LEAST
    per_channel = F.cosine_similarity(ours, theirs, dim=1)
    chosen = per_channel[varies]
    return float(chosen.mean())


def _centred(features: Tensor) -> Tensor:
    """(C, h * w) of (C, h, w), each channel less its mean."""
    rows = features.double().flatten(1)
    means = rows.mean(1, keepdim=True)
    return rows - means
