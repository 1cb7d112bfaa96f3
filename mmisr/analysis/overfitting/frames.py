"""The frames of a clip with their LR images, and the patches they are cut into."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from mmisr.analysis.overfitting.settings import Settings
from mmisr.datasets.video import Clip, FrameError
from mmisr.degradation.recipes import Degradation
from mmisr.editors.stdo.chunks import patch_hw
from mmisr.editors.stdo.thumbnails import thumbnails_of
from mmisr.editors.stdo.training import Patches
from mmisr.ops.patches import split
from mmisr.structures.pixels import to_bytes, to_unit


def frames_of(clip: Clip, scale: int) -> Iterator[tuple[int, Tensor, Tensor]]:
    """The frames of a clip with their LR images, without those that cannot be decoded.

    Args:
        clip: The HR clip.
        scale: Factor per axis.

    Yields:
        The number of a frame, HR (1, 3, H, W) uint8, and LR (1, 3, h, w) in [0, 1] on 8-bit levels.

    Warns:
        UserWarning: A frame is left out.
    """
    degrade = Degradation(scale)
    for number in range(len(clip)):
        try:
            frame = clip[number]
        except FrameError as error:
            warnings.warn(f"left out: {error}", stacklevel=2)
            continue
        pixels = torch.tensor(frame)
        hr = pixels.permute(2, 0, 1)[None]
        lr = degrade(to_unit(hr), [number])
        yield number, hr, lr


def lr_hw_of(clip: Clip, scale: int) -> tuple[int, int]:
    """The size of the LR frames of a clip.

    Args:
        clip: The HR clip.
        scale: Factor per axis.

    Raises:
        ValueError: Its frames are no multiple of the scale.
    """
    height, width = clip.hw
    if height % scale or width % scale:
        raise ValueError(
            f"frames of {clip.path} must be multiples of the scale {scale}, got {height} x {width};"
            " crop the clip, or take another --scale"
        )
    return height // scale, width // scale


@dataclass(frozen=True)
class Stored:
    """A clip that was cut into patches.

    Args:
        patches: All of them, frame by frame.
        frames: (F,) numbers of the frames that they are of.
        thumbnails: (F, 16) uint8, of the LR frames.
    """

    patches: Patches
    frames: Tensor
    thumbnails: Tensor


def store_patches(
    clip: Clip, settings: Settings, folder: Path, bar: Callable[[int], Any]
) -> Stored:
    """Cut a clip into patches, in files: it is decoded once, and never in memory as a whole.

    Args:
        clip: The HR clip.
        settings: Scale and grid.
        folder: Where the files go; as large as the clip's pixels are uncompressed.
        bar: Called with 1 after each frame.

    Returns:
        The patches, and what frames they are of.

    Raises:
        ValueError: The frames do not fit the scale or the grid, or a patch is too small.
    """
    scale = settings.scale
    shave = settings.shave
    rows, cols = settings.grid
    lr_hw = lr_hw_of(clip, scale)
    low = patch_hw(lr_hw, settings.grid)
    high = (scale * low[0], scale * low[1])
    if min(high) <= 2 * shave:
        raise ValueError(
            f"patches of {high} HR pixels are too small: {shave} at each border do not count; "
            f"choose a coarser grid than {rows} x {cols}"
        )
    per_frame = rows * cols
    count = per_frame * len(clip)
    lr_file = _mapped(folder / "lr.npy", count, low)
    hr_file = _mapped(folder / "hr.npy", count, high)
    numbers: list[int] = []
    thumbnails: list[Tensor] = []
    for number, hr, lr in frames_of(clip, scale):
        begin = per_frame * len(numbers)
        end = begin + per_frame
        hr_file[begin:end] = split(hr, high)
        lr_file[begin:end] = split(to_bytes(lr), low)
        numbers.append(number)
        thumbnail = thumbnails_of(lr)
        thumbnails.append(thumbnail)
        bar(1)
    used = per_frame * len(numbers)
    patches = Patches(lr_file[:used], hr_file[:used])
    return Stored(patches, torch.tensor(numbers), torch.cat(thumbnails))


def _mapped(path: Path, count: int, hw: tuple[int, int]) -> np.ndarray:
    path.parent.mkdir(parents=True, exist_ok=True)
    shape = (count, 3, *hw)
    return np.lib.format.open_memmap(path, mode="w+", dtype=np.uint8, shape=shape)
