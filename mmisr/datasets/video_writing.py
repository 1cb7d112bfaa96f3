"""Write frames as a video."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mmisr.datasets.video import pyav
from mmisr.ops.files import write_whole

TICKS = 90_000
"""Units of a second that times are stored in."""

Coding = tuple[str, str, dict[str, str]]
"""Codec, format of its pixels, and options."""

LOSSLESS: Coding = ("ffv1", "bgr0", {})
COMPRESSED: Coding = ("libx264", "yuv420p", {"crf": "14"})


def write_video(path: Path, frames: Iterable[tuple[float, NDArray[np.uint8]]], fps: float) -> None:
    """Write frames at their times: a .mkv without loss, any other format as H.264.

    Args:
        path: The file, whole or not there afterwards.
        frames: For each frame its time in seconds, ascending, and (H, W, 3) uint8 RGB; H.264 needs
            even sides.
        fps: What the header says of the mean.

    Raises:
        ImportError: PyAV is not installed.
        ValueError: There are no frames.
    """
    write_whole(path, lambda unfinished: _write(unfinished, frames, fps))


def _write(path: Path, frames: Iterable[tuple[float, NDArray[np.uint8]]], fps: float) -> None:
    av = pyav()
    is_lossless = path.suffix.lower() == ".mkv"
    codec, pixels, options = LOSSLESS if is_lossless else COMPRESSED
    tick = Fraction(1, TICKS)
    stream = None
    with av.open(str(path), "w") as container:
        for seconds, picture in frames:
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            if stream is None:
                rate = Fraction(fps)
                rate = rate.limit_denominator(1001)
                stream = container.add_stream(codec, rate=rate, options=options)
                stream.pix_fmt = pixels
                stream.width = frame.width
                stream.height = frame.height
                stream.codec_context.time_base = tick
            frame.pts = round(seconds * TICKS)
            frame.time_base = tick
            packets = stream.encode(frame)
            container.mux(packets)
        if stream is None:
            raise ValueError(f"{path} would have no frames: give at least one")
        container.mux(stream.encode())
