"""Maps between the four frames: source, lr, sr and det."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from mmisr.structures.checks import check_hw, check_xyxy

Boxes = TypeVar("Boxes", Tensor, NDArray[Any])


def hw_of(image: Tensor) -> tuple[int, int]:
    """Height and width of a (..., H, W) tensor.

    Args:
        image: (..., H, W).
    """
    return image.shape[-2], image.shape[-1]


@dataclass(frozen=True)
class FrameMap:
    """An axis-aligned affine map of box coordinates from one frame to another.

    Convention: box edges lie on pixel corners, so they scale by pure multiplication,
    ``x' = scale * x + offset``; only pixel *centres* carry a half-pixel term. Factors are per axis,
    ordered (x, y), and come from the integer shapes really used, never from a nominal scale.

    Args:
        scale_xy: Factors along x and y, positive.
        offset_xy: Offsets along x and y, in pixels of the target frame.

    Raises:
        ValueError: A factor is not positive.

    Example:
        >>> lr_to_sr = FrameMap.between((10, 20), (40, 80))
        >>> lr_to_sr.scale_xy
        (4.0, 4.0)
    """

    scale_xy: tuple[float, float] = (1.0, 1.0)
    offset_xy: tuple[float, float] = (0.0, 0.0)

    def __post_init__(self) -> None:
        if not (self.scale_xy[0] > 0 and self.scale_xy[1] > 0):
            raise ValueError(f"scale_xy must be positive on both axes, got {self.scale_xy}")

    @classmethod
    def between(cls, from_hw: tuple[int, int], to_hw: tuple[int, int]) -> FrameMap:
        """The map that stretches one frame onto another.

        Args:
            from_hw: Height and width of the frame it starts from, in pixels.
            to_hw: Height and width of the frame it leads to, in pixels.
        """
        from_h, from_w = check_hw(from_hw, "from_hw")
        to_h, to_w = check_hw(to_hw, "to_hw")
        return cls((to_w / from_w, to_h / from_h))

    def then(self, after: FrameMap) -> FrameMap:
        """The map that applies this one, then another.

        Args:
            after: A map that starts from the frame this one leads to.
        """
        x_scale = self.scale_xy[0] * after.scale_xy[0]
        y_scale = self.scale_xy[1] * after.scale_xy[1]
        x_offset = self.offset_xy[0] * after.scale_xy[0] + after.offset_xy[0]
        y_offset = self.offset_xy[1] * after.scale_xy[1] + after.offset_xy[1]
        return FrameMap((x_scale, y_scale), (x_offset, y_offset))

    def inverse(self) -> FrameMap:
        """The map back, so that ``m.then(m.inverse())`` is the identity."""
        x_scale, y_scale = self.scale_xy
        x_offset, y_offset = self.offset_xy
        return FrameMap((1 / x_scale, 1 / y_scale), (-x_offset / x_scale, -y_offset / y_scale))

    def boxes(self, xyxy: Boxes) -> Boxes:
        """Map boxes, torch or numpy.

        Args:
            xyxy: (N, 4) boxes in the frame this map starts from.

        Returns:
            (N, 4) boxes in the frame it leads to; an integer input becomes floating point.

        Raises:
            ValueError: ``xyxy`` is not (N, 4).
            TypeError: ``xyxy`` is neither a tensor nor an array.

        Example:
            >>> sr_to_lr = FrameMap.between((40, 80), (10, 20))
            >>> sr_to_lr.boxes(np.array([[4.0, 8.0, 12.0, 16.0]])).tolist()
            [[1.0, 2.0, 3.0, 4.0]]
        """
        if isinstance(xyxy, np.ndarray):
            return self._array(xyxy)
        xyxy = check_xyxy(xyxy)
        if not xyxy.is_floating_point():
            xyxy = xyxy.float()
        scale = xyxy.new_tensor(self.scale_xy * 2)
        offset = xyxy.new_tensor(self.offset_xy * 2)
        return xyxy * scale + offset

    def _array(self, xyxy: NDArray[Any]) -> NDArray[Any]:
        if xyxy.ndim != 2 or xyxy.shape[1] != 4:
            raise ValueError(f"xyxy must have shape (N, 4), got {xyxy.shape}")
        dtype = xyxy.dtype if np.issubdtype(xyxy.dtype, np.floating) else np.dtype(np.float32)
        scale = np.array(self.scale_xy * 2, dtype=dtype)
        offset = np.array(self.offset_xy * 2, dtype=dtype)
        return xyxy.astype(dtype) * scale + offset
