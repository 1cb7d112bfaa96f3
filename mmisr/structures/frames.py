"""Maps between the four frames: source, lr, sr and det."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from mmisr.structures.checks import check_hw, check_xyxy


def hw_of(image: Tensor) -> tuple[int, int]:
    """Height and width of a (..., H, W) tensor."""
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
        """The map that stretches a frame of ``from_hw`` onto one of ``to_hw``, both (height, width) in pixels."""
        from_h, from_w = check_hw(from_hw, "from_hw")
        to_h, to_w = check_hw(to_hw, "to_hw")
        return cls((to_w / from_w, to_h / from_h))

    def then(self, after: FrameMap) -> FrameMap:
        """The map that applies this one, then ``after``."""
        (sx, sy), (ox, oy) = self.scale_xy, self.offset_xy
        (ax, ay), (bx, by) = after.scale_xy, after.offset_xy
        return FrameMap((sx * ax, sy * ay), (ox * ax + bx, oy * ay + by))

    def inverse(self) -> FrameMap:
        """The map back, so that ``m.then(m.inverse())`` is the identity."""
        (sx, sy), (ox, oy) = self.scale_xy, self.offset_xy
        return FrameMap((1 / sx, 1 / sy), (-ox / sx, -oy / sy))

    def boxes(self, xyxy: Tensor) -> Tensor:
        """Map boxes.

        Args:
            xyxy: (N, 4) boxes in the frame this map starts from.

        Returns:
            (N, 4) boxes in the frame it leads to; an integer input becomes floating point.

        Raises:
            ValueError: ``xyxy`` is not (N, 4).
        """
        xyxy = check_xyxy(xyxy)
        if not xyxy.is_floating_point():
            xyxy = xyxy.float()
        scale = xyxy.new_tensor(self.scale_xy * 2)
        offset = xyxy.new_tensor(self.offset_xy * 2)
        return xyxy * scale + offset
