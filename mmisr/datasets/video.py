"""A clip as a sequence: any frame by its number, exactly, and never more than a few in memory.

:class:`mmisr.datasets.inputs.Video` reads a clip once, from its first frame to its last, and trusts
the count of its header. This one knows the time stamp of every frame, and jumps.
"""

from __future__ import annotations

import hashlib
import logging
import math
from abc import abstractmethod
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from functools import cached_property
from numbers import Integral
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.logging import print_log
from numpy.typing import NDArray

from mmisr.datasets.images import ImageError, read_rgb
from mmisr.datasets.video_damage import Damage
from mmisr.openmmlab.inferencer import IMG_EXTENSIONS

Frame = NDArray[np.uint8]

BLOCK = 1 << 20
"""Bytes of a file that are hashed at a time."""

INSTALL = "a clip is decoded by PyAV: pip install 'mmisr[video]', or give a folder of its frames"

STRICT = {"err_detect": "crccheck+bitstream+buffer+explode"}
"""Options of the decoder: what is damaged is an error, and not patched up."""


class FrameError(ImageError):
    """One frame of a clip cannot be decoded; the others can be used."""


class Clip(Sequence[Frame]):
    """Frames of a clip by number, (H, W, 3) uint8 RGB each, decoded when they are asked for.

    Args:
        path: The file or folder.
        times: When each frame is shown, in seconds from the first.
    """

    def __init__(self, path: Path, times: Sequence[float]) -> None:
        self.path = path
        self.times = tuple(times)

    def __len__(self) -> int:
        return len(self.times)

    def __getitem__(self, number: Any) -> Any:
        """Frame ``number``.

        Raises:
            IndexError: There is no such frame.
            FrameError: It cannot be decoded.
        """
        count = len(self)
        is_whole = isinstance(number, Integral)
        place = int(number) if is_whole else -1
        if not 0 <= place < count:
            raise IndexError(f"{self.path} has frames 0 to {count - 1}, asked for {number!r}")
        return self._frame(place)

    def __iter__(self) -> Iterator[Frame]:
        for number in range(len(self)):
            yield self[number]

    @property
    def hw(self) -> tuple[int, int]:
        """Height and width, of the first frame that can be decoded.

        Raises:
            ImageError: None can be.
        """
        for number in range(len(self)):
            try:
                height, width, _ = self[number].shape
            except FrameError:
                continue
            return height, width
        raise ImageError(f"no frame of {self.path} can be decoded: it is damaged, get it again")

    @property
    def fps(self) -> float:
        """Frames a second, the mean over a clip of variable frame rate."""
        steps = len(self) - 1
        seconds = self.times[-1] - self.times[0]
        return steps / seconds if seconds > 0 else 1.0

    @property
    @abstractmethod
    def content_hash(self) -> str:
        """Hexadecimal SHA-256 of what the clip is stored as, whatever it is called."""

    @abstractmethod
    def _frame(self, number: int) -> Frame:
        """Decode a frame that there is."""


class FolderClip(Clip):
    """The images of a folder, in the order of their names, as the frames of a clip.

    Args:
        path: The folder; its subfolders are not searched.
        fps: Frames a second.

    Raises:
        ImageError: It holds no image.
        ValueError: The frames stand still.
    """

    def __init__(self, path: Path, fps: float = 30.0) -> None:
        if not fps > 0:
            raise ValueError(f"fps must be above 0, got {fps}")
        files = sorted(path.iterdir())
        self.files = [file for file in files if file.suffix.lower() in IMG_EXTENSIONS]
        if not self.files:
            raise ImageError(
                f"folder {path} holds no image ({len(files)} entries, none of which ends in "
                f"{' '.join(IMG_EXTENSIONS)}); frames of a clip are images, in the order of names"
            )
        times = [number / fps for number in range(len(self.files))]
        super().__init__(path, times)

    @cached_property
    def content_hash(self) -> str:
        """Of names and contents."""
        digest = hashlib.sha256()
        for file in self.files:
            content = _digest(file)
            entry = f"{file.name} {content}\n"
            digest.update(entry.encode("utf-8", "surrogateescape"))
        return digest.hexdigest()

    def _frame(self, number: int) -> Frame:
        file = self.files[number]
        try:
            return read_rgb(str(file))
        except ImageError as error:
            raise FrameError(
                f"frame {number} of {self.path} cannot be decoded: {error}; the other frames can "
                "be used"
            ) from error


class VideoClip(Clip):
    """The frames of a video file.

    One pass over its packets, without decoding, notes the time stamps. A frame is then decoded from
    the last keyframe before it on; frames that are asked for in order are decoded once each. What a
    damaged packet spoils, up to the next keyframe, is refused. Damage that decodes without an
    error, and the last frame of a Matroska file that was cut off, go unseen.

    Convention: frames are numbered in the order they are shown in. Time stamps stay as they are in
    the file, so a variable frame rate is kept. A rotation that the container asks for is not done.

    Args:
        path: The file, of any format that FFmpeg reads.

    Raises:
        ImportError: PyAV is not installed.
        ImageError: It is no video, or its frames have no time stamps.
    """

    def __init__(self, path: Path) -> None:
        self._av = pyav()
        self._begin_anew(path)
        stamps, keys = self._index()
        self._check_index(path, stamps)
        self._check_count(path, len(stamps))
        self.pts = sorted(stamps)
        self._keys = sorted(keys)
        self._damage = Damage()
        self._coming: Iterator[tuple[int, Any]] = iter(())
        self._last = math.inf
        base = self._stream.time_base
        first = self.pts[0]
        times = [float((stamp - first) * base) for stamp in self.pts]
        super().__init__(path, times)

    @cached_property
    def content_hash(self) -> str:
        """Of the file."""
        return _digest(self.path)

    def close(self) -> None:
        """Close the file."""
        self._container.close()

    def _begin_anew(self, path: Path) -> None:
        """Open the file, at its first packet."""
        self._container = self._open(path)
        self._stream = self._container.streams.video[0]
        self._stream.thread_type = "NONE"
        self._stream.codec_context.options = STRICT

    def _open(self, path: Path) -> Any:
        try:
            container = self._av.open(str(path))
        except self._av.FFmpegError as error:
            raise ImageError(
                f"{path} is no video that FFmpeg reads: {error}; it is damaged or of another "
                "format: get it again, or re-encode it"
            ) from error
        if not container.streams.video:
            raise ImageError(f"{path} has no video stream; give a clip, or a folder of frames")
        return container

    def _index(self) -> tuple[list[int], list[int]]:
        """Time stamps of all frames and of the keyframes, in the order of the file."""
        stamps = []
        keys = []
        for packet in self._container.demux(self._stream):
            stamp = _stamp(packet)
            if stamp is None or packet.is_discard:
                continue
            stamps.append(stamp)
            if packet.is_keyframe:
                keys.append(stamp)
        return stamps, keys

    def _check_count(self, path: Path, found: int) -> None:
        """Name the frames that a file of MP4's kind announces and does not hold.

        Other containers guess.
        """
        announced = self._stream.frames
        if "mp4" not in self._container.format.name or announced <= found:
            return
        print_log(
            f"{path} announces {announced} frames and holds {found}: frames {found} to "
            f"{announced - 1} are missing, it was cut off; the others can be used",
            logger="current",
            level=logging.WARNING,
        )

    def _check_index(self, path: Path, stamps: list[int]) -> None:
        different = len(set(stamps))
        # AVI says when frames are decoded, not when they are shown, which B-frames set apart.
        is_avi = self._container.format.name == "avi"
        if is_avi and self._stream.codec_context.has_b_frames:
            different = 0
        if not stamps or different < len(stamps):
            raise ImageError(
                f"the frames of {path} need a time stamp each, found {different} for "
                f"{len(stamps)} frames; encode it again, into a container that has them "
                "(ffmpeg -i FILE new.mp4), or give a folder of frames"
            )

    def _frame(self, number: int) -> Frame:
        target = self.pts[number]
        frame = self._wanted(target)
        if frame is None:
            raise FrameError(
                f"frame {number} of {self.path}, shown at {self.times[number]:.3f} s, cannot be "
                "decoded: its data, or that of a frame it is predicted from, is damaged; the other "
                "frames can be used"
            )
        pixels: Frame = frame.to_ndarray(format="rgb24")
        return pixels

    def _wanted(self, target: int) -> Any:
        """The frame of a time stamp; None where it cannot be decoded."""
        before = bisect_right(self._keys, target)
        at_hand = self._last < target
        if at_hand and (before == 0 or self._keys[before - 1] <= self._last):
            return self._forward(target)
        # Some containers jump a little too far; then from the keyframe before.
        for number in reversed(range(before)):
            self._seek(self._keys[number])
            frame = self._forward(target)
            begin = self._damage.begin
            if frame is not None or (begin is not None and begin <= target):
                return frame
        # No jump leads to before the first keyframe (MPEG-TS): from the beginning of the file.
        self.close()
        self._begin_anew(self.path)
        self._decode_on()
        return self._forward(target)

    def _seek(self, stamp: int) -> None:
        self._container.seek(stamp, stream=self._stream)
        self._decode_on()

    def _decode_on(self) -> None:
        """What comes is decoded from where the file is."""
        self._damage = Damage()
        self._coming = self._decoded(self._damage)

    def _forward(self, target: int) -> Any:
        """Decode up to a time stamp."""
        for stamp, frame in self._coming:
            self._last = stamp
            if stamp == target:
                return frame
            if stamp > target:
                break
        # The next frame is looked for from a keyframe on: one too many was taken, or none is left.
        self._last = math.inf
        return None

    def _decoded(self, damage: Damage) -> Iterator[tuple[int, Any]]:
        """Time stamps and frames from here on, without those that damage reaches."""
        for packet in self._container.demux(self._stream):
            stamp = _stamp(packet)
            if not damage.lets_in(stamp, packet.is_keyframe):
                continue
            try:
                frames = self._stream.codec_context.decode(packet)
            except self._av.FFmpegError:
                damage.at(stamp, packet.is_disposable)
                continue
            for frame in frames:
                shown = _stamp(frame)
                is_good = shown not in damage.spoiled and not frame.is_corrupt
                if shown is not None and is_good:
                    yield shown, frame


def open_clip(path: str | Path, fps: float = 30.0) -> Clip:
    """A video file or a folder of frames, as a sequence.

    Args:
        path: The file or folder.
        fps: Frames a second of a folder, 30 by default; a file has times of its own.

    Returns:
        The clip.

    Raises:
        FileNotFoundError: There is no such file.
        ImportError: It is a file, and PyAV is not installed.
        ImageError: It is no clip.
    """
    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(f"clip {path} does not exist; give a video or a folder of frames")
    return FolderClip(path, fps) if path.is_dir() else VideoClip(path)


def pyav() -> Any:
    """PyAV, which only clips need.

    Raises:
        ImportError: It is not installed.
    """
    try:
        import av
    except ImportError as error:
        raise ImportError(INSTALL) from error
    return av


def _stamp(timed: Any) -> int | None:
    """When a packet or frame is shown, in units of the stream; some containers only say dts."""
    stamp: int | None = timed.pts if timed.pts is not None else timed.dts
    return stamp


def _digest(file: Path) -> str:
    digest = hashlib.sha256()
    with file.open("rb") as handle:
        while block := handle.read(BLOCK):
            digest.update(block)
    return digest.hexdigest()
