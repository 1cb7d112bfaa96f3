"""Loss ``FDSRLoss``: the features that a fixed detector has on SR, against those on HR."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from mmisr.losses.features import mean_distance, pearson_distance
from mmisr.losses.functional import DISTANCES
from mmisr.losses.network import NetworkLoss
from mmisr.losses.pixel import PixelLoss
from mmisr.openmmlab.detector import BaseDetector, build_detector
from mmisr.openmmlab.taps import features_at
from mmisr.registry import MODELS
from mmisr.structures.checks import check_not_negative, check_types
from mmisr.structures.hints import BatchHints
from mmisr.structures.pixels import EDITOR_PIXELS, MMDET_PIXELS

OWNER = "FDSRLoss"
PEARSON = "pearson"

Distance = Callable[[Tensor, Tensor], Tensor]


@MODELS.register_module()
class FDSRLoss(NetworkLoss):
    """Pixels, and the distance between a fixed detector's features on SR and on HR.

    For an editor alone; behind it in a pair, the strategy ``TaskDriven`` has the same with
    ``feature_weight``, and the detector's own losses beside it.

    Source: FDSR (2020), its first stage. What differs stands in the room's README.

    Convention: images are RGB in [0, 1]; the detector gets them at their own size, through its own
    data preprocessor.

    Args:
        detector: The ``model`` of an mmdet config.
        checkpoint: File of its weights, trained on HR images: of a detector alone, or of a pair.
        taps: Features of its backbone or neck that are compared, see
            :func:`mmisr.openmmlab.taps.tapped`.
        distance: ``l1``, ``mse``, ``charbonnier``, or ``pearson`` for 1 less the correlation, as
            ``TaskDriven`` takes it.
        weight: Factor of the mean distance over the taps.
        pixel: Arguments of :class:`~mmisr.losses.pixel.PixelLoss`; None for the mean L1 distance.

    Raises:
        FileNotFoundError: In use, the file is not there.
        ValueError: A value is out of range; in use, the images differ in shape, the file is of
            another detector, or the detector has no such tap.
    """

    prefixes = ("detector.",)
    way_out = (
        "train this detector on HR images first (tools/train.py with a config that feeds them, "
        "mmisr.FeedHR)"
    )
    network: BaseDetector

    def __init__(
        self,
        detector: dict,
        checkpoint: str | None,
        taps: Sequence[str] = ("pyramid.0", "pyramid.1"),
        distance: str = "l1",
        weight: float = 1.0,
        pixel: dict[str, Any] | None = None,
    ) -> None:
        values = {"checkpoint": checkpoint, "taps": taps, "distance": distance, "weight": weight}
        check_types(type(self), values, OWNER)
        check_not_negative(OWNER, {"weight": weight})
        known = [*DISTANCES, PEARSON]
        if distance not in known:
            raise ValueError(
                f"{OWNER}.distance must be one of {', '.join(known)}, got {distance!r}"
            )
        if not taps:
            raise ValueError(f"{OWNER}.taps must name at least one feature, got none")
        super().__init__(checkpoint, taps)
        self.config = detector
        self.distance = _distance(distance)
        self.weight = weight
        self.pixel = PixelLoss(**(pixel or {}))

    def build(self) -> nn.Module:
        """The detector, without its weights."""
        return build_detector(self.config)

    def terms(self, sr: Tensor, hr: Tensor, hints: BatchHints | None = None) -> dict[str, Tensor]:
        """The pixels and the features; see :meth:`SRLoss.terms`."""
        pixel = self.pixel(sr, hr, hints)
        detector = self.network_for(hr)
        of_sr = features_at(detector, self.taps, detector_inputs(detector, sr))
        with torch.no_grad():
            of_hr = features_at(detector, self.taps, detector_inputs(detector, hr))
        distance = mean_distance(self.distance, of_sr, of_hr)
        return {"loss_fdsr_pixel": pixel, "loss_fdsr_feature": self.weight * distance}


def _distance(name: str) -> Distance:
    if name == PEARSON:
        return pearson_distance
    return partial(_mean_of, DISTANCES[name])


def _mean_of(per_value: Distance, ours: Tensor, theirs: Tensor) -> Tensor:
    values = per_value(ours, theirs)
    return values.mean()


def detector_inputs(detector: nn.Module, images: Tensor) -> Tensor:
    """Images as a detector's backbone gets them; gradients pass.

    Args:
        detector: Any mmdet detector.
        images: (B, 3, H, W) RGB in [0, 1].

    Returns:
        (B, 3, H, W), normalised and padded by the detector's own data preprocessor.
    """
    preprocess: Any = detector.data_preprocessor  # mmdet's, of which torch knows nothing
    pixels = EDITOR_PIXELS.convert(images, MMDET_PIXELS)
    data = preprocess({"inputs": list(pixels), "data_samples": None}, False)
    inputs: Tensor = data["inputs"]
    return inputs
