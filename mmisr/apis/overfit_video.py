"""What ``tools/overfit_video.py`` does."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from tqdm import tqdm

from mmisr.analysis.overfitting.frames import frames_of, store_patches
from mmisr.analysis.overfitting.playing import Frame, Meter, Played, measure, play
from mmisr.analysis.overfitting.run import Overfitting
from mmisr.analysis.overfitting.settings import DIVISIONS, PROTOCOLS, Settings, settings_of
from mmisr.datasets.video import Clip, open_clip
from mmisr.datasets.video_writing import write_video
from mmisr.editors.stdo.editor import STDO
from mmisr.editors.stdo.model_file import ClipModel
from mmisr.openmmlab.checkpoints import load_training
from mmisr.ops.files import write_whole
from mmisr.structures.pixels import to_bytes

__all__ = [
    "DIVISIONS",
    "PROTOCOLS",
    "Overfitted",
    "Settings",
    "overfit_video",
    "play_video",
    "settings_of",
]

STATE = ".state"
"""Ending of the file beside the model that a stopped run goes on from."""

PATCHES = ".patches"
"""Ending of the folder beside it that the patches lie in while the networks learn."""


@dataclass(frozen=True)
class Overfitted:
    """What came of it.

    Args:
        model: What was written.
        played: What it gives on its clip.
        seconds: Of learning, stopped runs included.
    """

    model: ClipModel
    played: Played
    seconds: float

    def __str__(self) -> str:
        played = self.played
        model = self.model
        gain = played.psnr - played.bicubic
        kilobytes = model.weight_bytes / 1000
        count = len(model.weights)
        return (
            f"{played.psnr:.2f} dB, {gain:+.2f} against bicubic's {played.bicubic:.2f}; "
            f"{count} network(s) of {kilobytes:.1f} kB in all (fp16), {model.chunk_bytes} bytes of "
            f"chunks and {model.thumbnail_bytes} of thumbnails; {played.fps:.1f} frames/s; "
            f"{self.seconds:.0f} s of learning"
        )


def overfit_video(
    clip: str,
    out: str,
    settings: Settings,
    resume: bool = False,
    seed: int = 226,
    device: str = "cpu",
    lr_out: str | None = None,
) -> Overfitted:
    """Overfit networks to a clip, whose LR frames are simulated, and write them.

    Args:
        clip: A video, or a folder of frames.
        out: The model file.
        settings: What is overfitted.
        resume: Whether to go on where a run of the same settings stopped.
        seed: Of weights and orders.
        device: Where the networks learn and play.
        lr_out: Video to write the LR frames to, .mkv for no loss; None for none.

    Returns:
        The model, and what it gives.

    Raises:
        FileNotFoundError: There is no such clip.
        ValueError: It does not fit scale or grid, or the stopped run was another.
    """
    path = Path(out)
    source = open_clip(clip)
    folder = _beside(path, PATCHES)
    count = len(source)
    with _bar(count, "frame", "cutting") as bar:
        stored = store_patches(source, settings, folder, bar.update)
    run = Overfitting(settings, source.content_hash, stored.patches, seed, device)
    state = _beside(path, STATE)
    if resume and state.is_file():
        stopped = load_training(state, device)
        run.load_state_dict(stopped)
    _learn(run, state)
    model = run.model(stored, source)
    model.write(path)
    state.unlink(missing_ok=True)
    del stored, run.patches
    shutil.rmtree(folder)
    if lr_out is not None:
        pictures = _lr_pictures(source, settings.scale)
        write_video(Path(lr_out), pictures, source.fps)
    played = _measure(path, source, device)
    seconds = run.seconds
    return Overfitted(model, played, seconds)


def _beside(path: Path, ending: str) -> Path:
    return path.with_name(path.name + ending)


def _learn(run: Overfitting, path: Path) -> None:
    """All epochs that are left, each followed by a state file."""
    in_all = run.epochs_in_all
    done = run.epochs_done
    with _bar(in_all, "epoch", "learning", done) as bar:
        for stage, epoch, loss in run.run():
            said = f"{stage}, epoch {epoch}: loss {loss:.5f}"
            bar.set_postfix_str(said)
            bar.total = run.epochs_in_all
            bar.update()
            state = run.state_dict()
            write = partial(torch.save, state)
            write_whole(path, write)


def play_video(model: str, clip: str, out: str | None = None, device: str = "cpu") -> Played:
    """Play a model back on the clip that it was made for.

    Args:
        model: The model file.
        clip: The HR clip; its LR frames are simulated as in the overfitting.
        out: Video to write the SR frames to, with the clip's times; None for the figures alone.
        device: Where the networks run.

    Returns:
        What the model gives.

    Raises:
        FileNotFoundError: There is no such model or clip.
        ValueError: The model was made for another clip.
    """
    source = open_clip(clip)
    path = Path(model)
    if out is None:
        return _measure(path, source, device)
    editor = _editor(path, source, device)
    meter = Meter(editor)
    count = len(source)
    with _bar(count, "frame", "playing") as bar:
        played = play(editor, source)
        frames = meter.watch(played, bar.update)
        pictures = _pictures(frames, source)
        write_video(Path(out), pictures, source.fps)
    return meter.played()


def _pictures(frames: Iterable[Frame], clip: Clip) -> Iterator[tuple[float, NDArray[np.uint8]]]:
    for frame in frames:
        yield clip.times[frame.number], _pixels(frame.sr)


def _lr_pictures(clip: Clip, scale: int) -> Iterator[tuple[float, NDArray[np.uint8]]]:
    for number, _, lr in frames_of(clip, scale):
        yield clip.times[number], _pixels(to_bytes(lr))


def _pixels(image: Tensor) -> NDArray[np.uint8]:
    """(1, 3, H, W) as (H, W, 3)."""
    pixels = image[0].permute(1, 2, 0)
    return pixels.contiguous().numpy()


def _editor(path: Path, clip: Clip, device: str) -> STDO:
    return STDO(str(path), clip=clip.content_hash).to(device)


def _measure(path: Path, clip: Clip, device: str) -> Played:
    """From the file, as whoever gets it would play it."""
    editor = _editor(path, clip, device)
    with _bar(len(clip), "frame", "measuring") as bar:
        return measure(editor, clip, bar.update)


def _bar(total: int, unit: str, does: str, done: int = 0) -> tqdm:
    return tqdm(total=total, unit=unit, desc=does, initial=done)
