"""Overfit small networks to one clip, and measure what they give: the method STDO."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from mmisr.datasets.video import Clip, FrameError
from mmisr.degradation.recipes import Degradation
from mmisr.editors.stdo.chunks import equal_chunks, patch_hw, pooled_psnr
from mmisr.editors.stdo.editor import STDO
from mmisr.editors.stdo.model_file import ClipModel, half
from mmisr.editors.stdo.net import WDSR
from mmisr.editors.stdo.training import Learner, Patches, Schedule, joint_order, shuffled
from mmisr.ops.patches import split
from mmisr.ops.psnr import mse_of_levels, psnr_of_levels
from mmisr.ops.resample import resize
from mmisr.structures.frames import hw_of
from mmisr.structures.hints import ImageHints
from mmisr.structures.pixels import to_bytes, to_unit

GENERAL = "general"
"""The network that says how hard patches are; it is no part of the model."""

SHAVE = 4
"""HR pixels, beside the scale, at the border of a patch that do not count in its PSNR."""

SCORED = 32
"""Patches that are scored at a time."""


@dataclass(frozen=True)
class Settings:
    """What is overfitted, and how.

    Args:
        scale: Factor per axis.
        k: Number of chunks, and of networks; 1 for one network that learns all patches.
        grid: Rows and columns of patches of a frame; 5 x 10 as published for x3 and x4.
        channels: Width of a network.
        blocks: Its residual blocks.
        epochs: Passes of every network over its patches.
        general_epochs: The same for the network that sorts the patches.
        joint: Whether one network learns all chunks, the hard patches oftener.

    Raises:
        ValueError: A number is below 1, or a joint network has no chunks.
    """

    scale: int = 4
    k: int = 2
    grid: tuple[int, int] = (5, 10)
    channels: int = 32
    blocks: int = 16
    epochs: int = 50
    general_epochs: int = 30
    joint: bool = False

    def __post_init__(self) -> None:
        for name in ("scale", "k", "channels", "blocks", "epochs", "general_epochs"):
            value = getattr(self, name)
            if value < 1:
                raise ValueError(f"{name} must be at least 1, got {value}")
        if self.joint and self.k < 2:
            raise ValueError(
                f"joint needs k of at least 2, to know which patches are hard, got k={self.k}; "
                "one network for all patches alike is k=1 without joint"
            )

    @property
    def sizes(self) -> dict[str, int]:
        """Arguments of the networks."""
        return {"scale": self.scale, "blocks": self.blocks, "width": self.channels}

    @property
    def shave(self) -> int:
        """Pixels at the border of an HR patch that do not count."""
        return self.scale + SHAVE

    @property
    def stages(self) -> list[str]:
        """Names of the networks in the order they learn in."""
        if self.k == 1:
            return ["all"]
        if self.joint:
            return [GENERAL, "joint"]
        return [GENERAL, *(f"chunk {number}" for number in range(self.k))]

    def epochs_of(self, stage: str) -> int:
        """How long one of them learns.

        Args:
            stage: Its name.
        """
        return self.general_epochs if stage == GENERAL else self.epochs


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


def store_patches(
    clip: Clip, settings: Settings, folder: Path, bar: Callable[[int], Any]
) -> tuple[Patches, Tensor]:
    """Cut a clip into patches, in files: it is decoded once, and never in memory as a whole.

    Args:
        clip: The HR clip.
        settings: Scale and grid.
        folder: Where the files go; as large as the clip's pixels are uncompressed.
        bar: Called with 1 after each frame.

    Returns:
        The patches, and the (frames,) numbers of the frames that they are of.

    Raises:
        ValueError: The frames do not fit the scale or the grid, or a patch is too small.
    """
    scale = settings.scale
    low = patch_hw(lr_hw_of(clip, scale), settings.grid)
    high = (scale * low[0], scale * low[1])
    if min(high) <= 2 * settings.shave:
        raise ValueError(
            f"patches of {high[0]} x {high[1]} HR pixels are too small: {settings.shave} at each "
            f"border do not count; choose a coarser grid than {settings.grid}"
        )
    per_frame = settings.grid[0] * settings.grid[1]
    count = per_frame * len(clip)
    lr_file = _mapped(folder / "lr.npy", count, low)
    hr_file = _mapped(folder / "hr.npy", count, high)
    numbers = []
    for number, hr, lr in frames_of(clip, scale):
        begin = per_frame * len(numbers)
        end = begin + per_frame
        hr_file[begin:end] = split(hr, high).numpy()
        lr_file[begin:end] = split(to_bytes(lr), low).numpy()
        numbers.append(number)
        bar(1)
    used = per_frame * len(numbers)
    patches = Patches(lr_file[:used], hr_file[:used])
    return patches, torch.tensor(numbers)


def _mapped(path: Path, count: int, hw: tuple[int, int]) -> np.ndarray:
    path.parent.mkdir(parents=True, exist_ok=True)
    shape = (count, 3, *hw)
    return np.lib.format.open_memmap(path, mode="w+", dtype=np.uint8, shape=shape)


@torch.no_grad()
def score(net: WDSR, patches: Patches, shave: int, device: torch.device | str) -> Tensor:
    """PSNR of patches under a network, at 8 bits.

    Args:
        net: The network.
        patches: N patches.
        shave: Pixels at every border that do not count.
        device: Where to run.

    Returns:
        (N,) in dB.
    """
    numbers = torch.arange(len(patches))
    values = []
    for some in numbers.split(SCORED):
        lr, hr = patches.batch(some, device)
        psnr = psnr_of_levels(to_bytes(net(lr)), to_bytes(hr), shave)
        values.append(psnr.cpu())
    return torch.cat(values)


class Overfitting:
    """The networks of one clip, one after the other, an epoch at a time.

    Args:
        settings: What is overfitted.
        clip: Hash of the clip.
        patches: Its patches.
        seed: Of weights and orders.
        device: Where they learn.
    """

    def __init__(
        self,
        settings: Settings,
        clip: str,
        patches: Patches,
        seed: int = 226,
        device: torch.device | str = "cpu",
    ) -> None:
        self.settings = settings
        self.patches = patches
        self.device = device
        self.seed = seed
        self.facts = {"clip": clip, "seed": seed, **asdict(settings)}
        self.trained: dict[str, dict[str, Tensor]] = {}
        self.chunks = torch.zeros(len(patches), dtype=torch.int64)
        self.learner: Learner | None = None
        self.seconds = 0.0

    def run(self) -> Iterator[tuple[str, int, float]]:
        """Learn what is left.

        Yields:
            After every epoch the name of the network, its epochs, and the mean loss. Then
            :meth:`state_dict` is what a stopped run goes on from.
        """
        for number, stage in enumerate(self.settings.stages):
            if stage in self.trained:
                continue
            if self.learner is None:
                self.learner = self._learner(number)
            while not self.learner.finished:
                begin = time.perf_counter()
                order = self._order(stage, self.learner)
                loss = self.learner.learn(self.patches, order)
                self.seconds += time.perf_counter() - begin
                yield stage, self.learner.epoch, loss
            self.trained[stage] = self.learner.best
            self.learner = None
            if stage == GENERAL:
                self._sort()

    @property
    def epochs_done(self) -> int:
        """Epochs of all networks together."""
        settings = self.settings
        done = sum(settings.epochs_of(stage) for stage in self.trained)
        return done + (self.learner.epoch if self.learner else 0)

    @property
    def epochs_in_all(self) -> int:
        """How many there will be."""
        settings = self.settings
        return sum(settings.epochs_of(stage) for stage in settings.stages)

    def state_dict(self) -> dict[str, Any]:
        """All that the rest depends on."""
        learner = self.learner.state_dict() if self.learner else None
        return {
            "facts": self.facts,
            "trained": self.trained,
            "chunks": self.chunks,
            "learner": learner,
            "seconds": self.seconds,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from there.

        Args:
            state: As :meth:`state_dict` gave it.

        Raises:
            ValueError: It is of another clip or of other settings.
        """
        for key, value in self.facts.items():
            found = state["facts"].get(key)
            if found != value:
                raise ValueError(
                    f"the run that stopped had {key}={found}, now it is {value}; resume it as it "
                    "was begun, or begin anew without --resume"
                )
        self.trained = state["trained"]
        self.chunks = state["chunks"]
        self.seconds = state["seconds"]
        if state["learner"] is not None:
            self.learner = self._learner(len(self.trained))
            self.learner.load_state_dict(state["learner"])

    def model(self, frames: Tensor, count: int, lr_hw: tuple[int, int]) -> ClipModel:
        """What is written.

        Args:
            frames: (F,) numbers of the frames that the patches are of.
            count: Frames of the clip. Those without patches get the first network.
            lr_hw: Size of an LR frame.
        """
        settings = self.settings
        per_frame = settings.grid[0] * settings.grid[1]
        table = torch.zeros(count, per_frame, dtype=torch.uint8)
        if not settings.joint:
            table[frames] = self.chunks.view(-1, per_frame).to(torch.uint8)
        played = [stage for stage in settings.stages if stage != GENERAL]
        weights = [half(self.trained[stage]) for stage in played]
        clip = self.facts["clip"]
        scale = settings.scale
        return ClipModel(clip, scale, settings.grid, lr_hw, settings.sizes, table, weights)

    def _learner(self, number: int) -> Learner:
        settings = self.settings
        epochs = settings.epochs_of(settings.stages[number])
        schedule = Schedule(epochs, self.seed)
        return Learner(settings.sizes, schedule, number, self.device)

    def _order(self, stage: str, learner: Learner) -> Tensor:
        draw = learner.draw()
        if stage == "joint":
            progress = learner.epoch / self.settings.epochs
            return joint_order(self.chunks == 0, progress, draw)
        members = torch.arange(len(self.patches))
        if stage.startswith("chunk"):
            number = int(stage.split()[1])
            members = (self.chunks == number).nonzero().flatten()
        return shuffled(members, draw)

    def _sort(self) -> None:
        """The chunks of the patches, by the general network."""
        settings = self.settings
        net = WDSR(folded=True, **settings.sizes).to(self.device)
        net.load_state_dict(self.trained[GENERAL])
        psnr = score(net, self.patches, settings.shave, self.device)
        self.chunks = equal_chunks(psnr, settings.k)


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
    device = next(editor.parameters()).device
    for number, hr, lr in frames_of(clip, editor.info.scale):
        begin = time.perf_counter()
        result = editor.upscale(lr.to(device), [ImageHints(frame_index=number)])
        sr = to_bytes(result.image).cpu()
        seconds = time.perf_counter() - begin
        bicubic = to_bytes(resize(lr, hw_of(hr), "bicubic"))
        yield number, sr, bicubic, hr, seconds


def measure(editor: STDO, clip: Clip, grid: tuple[int, int], bar: Callable[[int], Any]) -> Played:
    """Measure a model on its clip.

    Args:
        editor: Of this clip.
        clip: The HR clip.
        grid: Rows and columns of the patches whose errors are pooled.
        bar: Called with 1 after each frame.
    """
    shave = editor.info.scale + SHAVE
    errors: list[Tensor] = []
    of_bicubic: list[Tensor] = []
    seconds = 0.0
    for _, sr, bicubic, hr, of_frame in play(editor, clip):
        size = patch_hw(hw_of(hr), grid)
        target = split(hr, size)
        errors.append(mse_of_levels(split(sr, size), target, shave))
        of_bicubic.append(mse_of_levels(split(bicubic, size), target, shave))
        seconds += of_frame
        bar(1)
    fps = len(errors) / seconds
    return Played(pooled_psnr(torch.cat(errors)), pooled_psnr(torch.cat(of_bicubic)), fps)
