"""Argument checks that several modules share; each message gives the rule and what was received."""

from __future__ import annotations

from torch import Tensor


def check_hw(hw: tuple[int, int], name: str = "hw") -> tuple[int, int]:
    """Return ``hw`` as (height, width) in whole pixels, both at least 1."""
    if len(hw) != 2 or int(hw[0]) != hw[0] or int(hw[1]) != hw[1] or hw[0] < 1 or hw[1] < 1:
        raise ValueError(f"{name} must be (height, width), two whole numbers >= 1, got {tuple(hw)}")
    return int(hw[0]), int(hw[1])


def check_xyxy(xyxy: Tensor, name: str = "xyxy") -> Tensor:
    """Return ``xyxy`` if it is an (N, 4) tensor; N may be 0."""
    if not isinstance(xyxy, Tensor):
        raise TypeError(f"{name} must be a torch.Tensor of shape (N, 4), got {type(xyxy).__name__}")
    if xyxy.ndim != 2 or xyxy.shape[1] != 4:
        raise ValueError(f"{name} must have shape (N, 4), got {tuple(xyxy.shape)}")
    return xyxy


def check_image_batch(image: Tensor, name: str = "lr") -> Tensor:
    """Return ``image`` if it is a floating-point (B, 3, H, W) batch with no empty axis."""
    if not isinstance(image, Tensor):
        raise TypeError(f"{name} must be a torch.Tensor of shape (B, 3, H, W), got {type(image).__name__}")
    if image.ndim != 4 or image.shape[1] != 3 or 0 in image.shape:
        raise ValueError(f"{name} must have shape (B, 3, H, W) with no empty axis, got {tuple(image.shape)}")
    if not image.is_floating_point():
        raise TypeError(f"{name} must be floating point in [0, 1], got {image.dtype}; divide 8-bit pixels by 255")
    return image
