"""A clip played back by its networks, and measured."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
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


@dataclass(frozen=True)
class Frame:
    """One frame of a clip that is played back.

    Args:
        number: Its place in the clip.
        sr: (1, 3, H, W) uint8 RGB.
        bicubic: The LR frame enlarged, the same shape.
        hr: The same shape.
        seconds: What SR took.
    """

    number: int
    sr: Tensor
    bicubic: Tensor
    hr: Tensor
    seconds: float


@torch.no_grad()
def play(editor: STDO, clip: Clip) -> Iterator[Frame]:
    """The frames of a clip, super-resolved from their simulated LR images.

    Args:
        editor: Of this clip.
        clip: The HR clip.
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
        yield Frame(number, sr, bicubic, hr, seconds=end - begin)


class Meter:
    """What frames come to that are played for whatever purpose.

    Args:
        editor: What plays them; errors are pooled over the patches of its model.
    """

    def __init__(self, editor: STDO) -> None:
        scale = editor.info.scale
        model = editor.model
        height, width = patch_hw(model.lr_hw, model.grid)
        self.size = scale * height, scale * width
        self.shave = scale + SHAVE
        self.of_sr: list[Tensor] = []
        self.of_bicubic: list[Tensor] = []
        self.seconds: list[float] = []

    def watch(self, frames: Iterable[Frame], bar: Callable[[int], Any]) -> Iterator[Frame]:
        """Hand frames on, and note what they are like.

        Args:
            frames: As :func:`play` gives them.
            bar: Called with 1 after each frame.
        """
        for frame in frames:
            of_sr = self._errors(frame.sr, frame.hr)
            of_bicubic = self._errors(frame.bicubic, frame.hr)
            self.of_sr.append(of_sr)
            self.of_bicubic.append(of_bicubic)
            self.seconds.append(frame.seconds)
            yield frame
            bar(1)

    def played(self) -> Played:
        """What the frames so far come to."""
        sr_errors = torch.cat(self.of_sr)
        bicubic_errors = torch.cat(self.of_bicubic)
        fps = len(self.seconds) / sum(self.seconds)
        return Played(
            psnr=pooled_psnr(sr_errors),
            bicubic=pooled_psnr(bicubic_errors),
            fps=fps,
        )

    def _errors(self, image: Tensor, hr: Tensor) -> Tensor:
        """Mean squared errors of the patches of a frame."""
        patches = split(image, self.size)
        target = split(hr, self.size)
        return mse_of_levels(patches, target, self.shave)


def measure(editor: STDO, clip: Clip, bar: Callable[[int], Any]) -> Played:
    """Measure a model on its clip.

    Args:
        editor: Of this clip.
        clip: The HR clip.
        bar: Called with 1 after each frame.
    """
    meter = Meter(editor)
    frames = play(editor, clip)
    for _ in meter.watch(frames, bar):
        pass
    return meter.played()
