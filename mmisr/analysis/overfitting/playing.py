"""A clip played back by its networks, and measured."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from mmisr.analysis.overfitting.frames import frames_of
from mmisr.analysis.overfitting.settings import SHAVE
from mmisr.datasets.video import Clip
from mmisr.editors.stdo.chunks import patch_hw, pooled_psnr
from mmisr.editors.stdo.editor import STDO
from mmisr.ops.patches import split
from mmisr.ops.psnr import mse_of_levels
from mmisr.ops.resample import resize
from mmisr.structures.frames import hw_of
from mmisr.structures.hints import ImageHints
from mmisr.structures.pixels import to_bytes


@dataclass(frozen=True)
class Played:
    """What a model gives on its clip.

    Args:
        psnr: In dB, of the pooled error of all patches.
        bicubic: The same of bicubic interpolation.
        fps: Frames a second through the networks, without decoding and reducing.
    """

    psnr: float
    bicubic: float
    fps: float


@torch.no_grad()
def play(editor: STDO, clip: Clip) -> Iterator[tuple[int, Tensor, Tensor, Tensor, float]]:
    """The frames of a clip, super-resolved from their simulated LR images.

    Args:
        editor: Of this clip.
        clip: The HR clip.

    Yields:
        The number of a frame; SR, bicubic and HR, (1, 3, H, W) uint8; and the seconds of SR.
    """
    editor.eval()
    parameter = next(editor.parameters())
    device = parameter.device
    scale = editor.info.scale
    for number, hr, lr in frames_of(clip, scale):
        hints = ImageHints(frame_index=number)
        begin = time.perf_counter()
        there = lr.to(device)
        result = editor.upscale(there, [hints])
        sr = to_bytes(result.image)
        sr = sr.cpu()
        end = time.perf_counter()
        hw = hw_of(hr)
        enlarged = resize(lr, hw, "bicubic")
        bicubic = to_bytes(enlarged)
        yield number, sr, bicubic, hr, end - begin


def measure(editor: STDO, clip: Clip, grid: tuple[int, int], bar: Callable[[int], Any]) -> Played:
    """Measure a model on its clip.

    Args:
        editor: Of this clip.
        clip: The HR clip.
        grid: Rows and columns of the patches whose errors are pooled.
        bar: Called with 1 after each frame.
    """
    info = editor.info
    shave = info.scale + SHAVE
    of_sr = []
    of_bicubic = []
    seconds = []
    for _, sr, bicubic, hr, of_frame in play(editor, clip):
        errors = _errors(sr, hr, grid, shave)
        of_sr.append(errors)
        errors = _errors(bicubic, hr, grid, shave)
        of_bicubic.append(errors)
        seconds.append(of_frame)
        bar(1)
    sr_errors = torch.cat(of_sr)
    bicubic_errors = torch.cat(of_bicubic)
    fps = len(seconds) / sum(seconds)
    return Played(
        psnr=pooled_psnr(sr_errors),
        bicubic=pooled_psnr(bicubic_errors),
        fps=fps,
    )


def _errors(sr: Tensor, hr: Tensor, grid: tuple[int, int], shave: int) -> Tensor:
    """Mean squared errors of the patches of a frame."""
    size = patch_hw(hw_of(hr), grid)
    patches = split(sr, size)
    target = split(hr, size)
    return mse_of_levels(patches, target, shave)
