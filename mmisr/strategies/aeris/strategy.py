"""Strategy ``Aeris``: the detector learns on degraded views, and to restore the clean image."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor

from mmisr.degradation.aeris import AerisViews
from mmisr.losses.functional import Losses
from mmisr.openmmlab.samples import image_seed
from mmisr.pipeline.branch import hr_targets, losses_and_taps, probe_taps, restoration_gap
from mmisr.pipeline.handoff import DetectorBatch
from mmisr.pipeline.sr_detector import SRDetector
from mmisr.pipeline.strategy import Phase, Strategy
from mmisr.pipeline.training_batch import TrainingBatch
from mmisr.registry import STRATEGIES
from mmisr.strategies.aeris.decoder import ARRD, FACTOR
from mmisr.structures.checks import check_not_negative, check_types
from mmisr.structures.frames import FrameMap, hw_of


@STRATEGIES.register_module()
class Aeris(Strategy):
    """The detector learns on degraded views of HR, and to restore HR from its own features.

    The editor has no part in it: every image that the detector trains on is the HR image after a
    random degradation (:class:`~mmisr.degradation.aeris.AerisViews`), whose boxes follow it. The
    branch reads the detector's features and is drawn to the clean image. At test there is no
    branch, and the detector sees what the editor makes, as with any strategy.

    Source: AERIS (Cui et al., "Exploring Resolution and Degradation Clues as Self-supervised
    Signal for Low Quality Object Detection", ECCV 2022) and its official code: the degradation,
    the decoder, L1 with a weight of 0.4. There the detector is CenterNet with a branch in its neck;
    here the branch reads taps of any detector.

    Args:
        views: Fields of :class:`~mmisr.degradation.aeris.AerisViews`; None for AERIS's own.
        taps: Features that the branch reads, the finest first, see
            :func:`mmisr.openmmlab.taps.tapped`.
        weight: Weight of the L1 distance of the branch's image from HR; 0 leaves degraded data
            alone, without a branch.
        channels: Channels that the branch works on.
        units: Residual units of the branch.
        detach: Whether the branch's gradient is cut off from the detector, for comparison.

    Raises:
        ValueError: A value is out of range, the detector has no such tap, or a tap is finer than
            the first; when training, a sample has no HR image, or no side fits a batch.
        TypeError: ``views`` has an unknown key.
    """

    def __init__(
        self,
        views: dict[str, Any] | None = None,
        taps: Sequence[str] = ("pyramid.0",),
        weight: float = 0.4,
        channels: int = 16,
        units: int = 2,
        detach: bool = False,
    ) -> None:
        super().__init__()
        values = {
            "views": views,
            "taps": taps,
            "weight": weight,
            "channels": channels,
            "units": units,
            "detach": detach,
        }
        check_types(type(self), values, self.title)
        check_not_negative(self.title, {"weight": weight, "units": units})
        if not taps or channels < 1:
            raise ValueError(
                f"{self.title} needs taps and channels >= 1, got taps={tuple(taps)}, "
                f"channels={channels}"
            )
        self.views = AerisViews(**(views or {}))
        self.taps = tuple(taps)
        self.weight = weight
        self.shape = (channels, units)
        self.detach = detach

    @property
    def phases(self) -> tuple[Phase, ...]:
        """One phase: the detector learns, and the branch where there is one."""
        learns = ("detector", "strategy") if self.weight else ("detector",)
        return (Phase("detector", learns, self.losses),)

    def attach(self, pair: SRDetector) -> None:
        """Build the branch for the features that this detector has."""
        if not self.weight:
            return
        found = probe_taps(pair, self.taps, self.title)
        depths, self.stride = found
        channels, units = self.shape
        self.decoder = ARRD(depths, channels, units)

    def losses(self, batch: TrainingBatch) -> Losses:
        """The detector's losses on degraded views, and that of the branch on its features.

        Args:
            batch: What is seen of this iteration.
        """
        images = self.degraded(batch)
        (view,) = batch.versions(images)
        detector = batch.detector
        names = self.taps if self.weight else ()
        losses, taps = losses_and_taps(detector, view, names, self.detach)
        if not taps:
            return losses
        gap = self._gap(batch, view, taps)
        weighted = self.weight * gap
        losses["loss_aeris_pixel"] = weighted
        return losses

    def _gap(self, batch: TrainingBatch, view: DetectorBatch, taps: Sequence[Tensor]) -> Tensor:
        """Distance of what the branch restores from the clean images."""
        rows, columns = hw_of(taps[0])
        height = rows * self.stride
        width = columns * self.stride
        covered_hw = (height, width)
        canvas_hw, sizes = canvas_of(batch, view, covered_hw)
        restored = self.decoder(taps, canvas_hw)
        targets, valid = hr_targets(batch, canvas_hw, sizes)
        return restoration_gap(restored, targets, valid)

    def degraded(self, batch: TrainingBatch) -> list[Tensor]:
        """The views of an iteration.

        The factor depends on the iteration alone, so that all processes have the same; the rest on
        the image and the iteration.

        Args:
            batch: What is seen of this iteration.

        Returns:
            (3, H_i, W_i) RGB, one per image.

        Raises:
            ValueError: A sample has no HR image, or no side fits the batch.
        """
        iteration = self.progress.iteration
        batch_seed = image_seed(f"side {iteration}")
        seeds = []
        for sample in batch.samples:
            img_id = sample.get("img_id")
            seed = image_seed(f"{iteration}:{img_id}")
            seeds.append(seed)
        images = batch.hr_images()
        return self.views(images, batch_seed, seeds)


def canvas_of(
    batch: TrainingBatch, view: DetectorBatch, covered_hw: tuple[int, int]
) -> tuple[tuple[int, int], list[tuple[int, int]]]:
    """The size of the image that the branch restores, and what of it each image covers.

    The branch enlarges what its features cover of the detector's pixels, padding included, by what
    the views were reduced by.

    Args:
        batch: What is seen of this iteration.
        view: The detector's batch of the views.
        covered_hw: Height and width of what the features cover, in the detector's pixels.

    Returns:
        Height and width of the image, multiples of 4; and those of each clean image on it.
    """
    resize = batch.pair.handoff.resize
    clean = batch.hr_images()[0]
    clean_hw = resize.target_hw(*hw_of(clean))
    shown = [sample.img_shape for sample in view.samples]
    to_clean = FrameMap.between(shown[0], clean_hw)
    canvas_hw = _stretched(covered_hw, to_clean, FACTOR)
    to_canvas = FrameMap.between(covered_hw, canvas_hw)
    sizes = []
    for hw in shown:
        size = _stretched(hw, to_canvas)
        sizes.append(size)
    return canvas_hw, sizes


def _stretched(hw: tuple[int, int], frame: FrameMap, step: int = 1) -> tuple[int, int]:
    """A height and a width in another frame, to the nearest multiple of a step."""
    along_x, along_y = frame.scale_xy
    height = _multiple(hw[0] * along_y, step)
    width = _multiple(hw[1] * along_x, step)
    return height, width


def _multiple(pixels: float, step: int) -> int:
    """The nearest multiple of a step, at least one."""
    count = round(pixels / step)
    return step * max(1, count)
