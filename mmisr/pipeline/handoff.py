"""The handoff: from the SR image to the detector's own pixels and padding.

With the map between the frames.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor
from torch.nn import functional as F

from mmisr.openmmlab.detector import BaseDetector, DetDataSample, detector_sample
from mmisr.openmmlab.masks import check_annotated, pad_masks, predicts_masks
from mmisr.openmmlab.samples import source_hw
from mmisr.structures.checks import check_fields, check_hw, check_types
from mmisr.structures.frames import FrameMap, hw_of
from mmisr.structures.pixels import EDITOR_PIXELS, MMDET_PIXELS


@dataclass(frozen=True)
class DetectorBatch:
    """What the detector gets.

    Args:
        inputs: (B, 3, H, W), normalised and padded by the detector's own data preprocessor.
        samples: One sample per image, in the det frame.
        source_to_det: One map per image, from the source frame to the det frame.
    """

    inputs: Tensor
    samples: list[DetDataSample]
    source_to_det: list[FrameMap]

    def part(self, count: int, version: int) -> DetectorBatch:
        """One of several versions of the same images.

        Args:
            count: Images of a version.
            version: Which, from 0.
        """
        chosen = slice(version * count, (version + 1) * count)
        return DetectorBatch(self.inputs[chosen], self.samples[chosen], self.source_to_det[chosen])


@dataclass(frozen=True)
class Resize:
    """How the SR image is resized for the detector.

    Args:
        scale: (width, height) that the image is fitted into with its aspect ratio kept, as mmdet's
            ``Resize`` does; None leaves the size to ``factor``.
        factor: Factor on both axes, used where ``scale`` is None; 1 leaves the image as it is. With
            1/s this is restore-then-downsample (CAJNN): the detector sees LR-sized, restored
            pixels.
        antialias: Filter before shrinking. mmdet's own ``Resize`` does not.

    Raises:
        ValueError: ``factor`` is not positive, or ``scale`` is not two positive integers.
    """

    scale: tuple[int, int] | None = None
    factor: float = 1.0
    antialias: bool = False

    def __post_init__(self) -> None:
        check_fields(self, "handoff.resize")
        if self.scale is not None:
            check_hw(self.scale, "handoff.resize.scale (width, height)")
        if not self.factor > 0:
            raise ValueError(f"handoff.resize.factor must be positive, got {self.factor}")

    def target_hw(self, h: int, w: int) -> tuple[int, int]:
        """The size that an (h, w) image is given; rounding as in mmcv's ``rescale_size``."""
        factor = self.factor
        if self.scale is not None:
            factor = min(max(self.scale) / max(h, w), min(self.scale) / min(h, w))
        return max(1, int(h * factor + 0.5)), max(1, int(w * factor + 0.5))

    def __call__(self, image: Tensor) -> Tensor:
        """Resize one (3, h, w) image.

        Bilinear, pixel centres at half-integers (align_corners=False).
        """
        h, w = image.shape[-2:]
        target = self.target_hw(h, w)
        if target == (h, w):
            return image
        return F.interpolate(
            image[None], size=target, mode="bilinear", align_corners=False, antialias=self.antialias
        )[0]


class Handoff:
    """Carry SR images over to a detector.

    In order: resize (where asked), RGB [0, 1] to the BGR [0, 255] that every mmdet preprocessor
    expects, then the detector's *own* data preprocessor: channel order, mean and std, padding,
    batch augmentations last. Nothing of it is written a second time here, and everything is
    differentiable.

    Args:
        resize: Arguments of :class:`Resize`, or None to keep the SR image's size.

    Raises:
        TypeError: ``resize`` has an unknown key.
    """

    def __init__(self, resize: dict[str, Any] | None = None) -> None:
        check_types(Handoff, {"resize": resize}, "handoff")
        self.resize = Resize(**(resize or {}))

    def __call__(
        self,
        images: Sequence[Tensor],
        samples: Sequence[DetDataSample],
        detector: BaseDetector,
        training: bool,
    ) -> DetectorBatch:
        """Make the detector's batch.

        Args:
            images: (3, H_i, W_i) RGB in [0, 1], one per image; sizes may differ.
            samples: The pair's samples, with ``source_shape`` (h, w) and, in training, ground truth
                in source frame.
            detector: The detector whose pixels are wanted.
            training: Whether ground truth is mapped along and batch augmentations run.

        Returns:
            The batch, and the maps that lead from source to det.

        Raises:
            ValueError: In training, the detector predicts masks and the samples have none; or it
                resizes images in its own preprocessor, where masks do not follow.
        """
        if training and predicts_masks(detector):
            check_annotated(samples)
        pixels: list[Tensor] = []
        maps: list[FrameMap] = []
        det_samples: list[DetDataSample] = []
        for image, sample in zip(images, samples, strict=True):
            resized = self.resize(image)
            hw = hw_of(resized)
            to_det = FrameMap.between(source_hw(sample), hw)
            pixels.append(EDITOR_PIXELS.convert(resized, MMDET_PIXELS))
            maps.append(to_det)
            det_samples.append(detector_sample(sample, to_det, hw, training))
        data = {"inputs": pixels, "data_samples": det_samples}
        data = detector.data_preprocessor(data, training)
        if training:
            sizes_hw = [hw_of(image) for image in pixels]
            pad_masks(data["data_samples"], sizes_hw, hw_of(data["inputs"]))
        return DetectorBatch(data["inputs"], data["data_samples"], maps)
