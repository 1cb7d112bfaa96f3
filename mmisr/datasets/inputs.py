"""What an inferencer is given: images, folders, addresses, arrays, or one video.

They are found and checked before anything runs.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from http.client import HTTPException
from itertools import count, islice
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlparse

import cv2
import numpy as np
from mmengine.dataset import Compose
from numpy.typing import NDArray

from mmisr.datasets.images import MAX_PIXELS, ImageError, check_file, read_rgb
from mmisr.openmmlab.inferencer import IMG_EXTENSIONS
from mmisr.ops.files import fitting_name

VIDEO_EXTENSIONS = (".avi", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".webm")
USUAL_FPS = 25.0
"""For videos whose header does not say how fast they run."""

HEADER_SLACK = 0.01
"""Share of its frames that a whole video may lack: containers estimate."""

NUMBER_AND_ENDING = len("_12345.json")
"""Room that a name leaves for what comes behind it."""

Image = NDArray[np.uint8]


@dataclass(frozen=True)
class InputImage:
    """One image to be looked at.

    Args:
        name: Name of its result files, without ending; no other input of the call has it.
        path: File or address; None for an array.
        pixels: (H, W, 3) uint8 BGR, None where it is read from ``path``.
        max_pixels: Largest height times width that is read.
        frame_index: Place in its video, from 0; None for an image.
    """

    name: str
    path: str | None = None
    pixels: Image | None = None
    max_pixels: int = MAX_PIXELS
    frame_index: int | None = None

    def read(self) -> Image:
        """The pixels, (H, W, 3) uint8 BGR.

        Raises:
            ImageError: The file cannot be used, or the address does not answer.
        """
        if self.pixels is not None:
            return self.pixels
        try:
            rgb = read_rgb(str(self.path), max_pixels=self.max_pixels)
        except (OSError, HTTPException) as error:
            raise ImageError(
                f"{self.path} cannot be fetched: {error}; check the address, or download the file "
                "and give that"
            ) from error
        return np.ascontiguousarray(rgb[..., ::-1])


class Video:
    """The frames of a video file, one after the other; none is kept.

    Args:
        path: Path of the file.

    Raises:
        ImageError: OpenCV finds no video in it.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        capture = cv2.VideoCapture(path)
        good, _ = capture.read()
        # Formats that stream have neither in their headers.
        self.fps = capture.get(cv2.CAP_PROP_FPS) or USUAL_FPS
        self.count = max(0, round(capture.get(cv2.CAP_PROP_FRAME_COUNT)))
        capture.release()
        if not good:
            size = Path(path).stat().st_size
            raise ImageError(
                f"{path} is no video that OpenCV can read ({size} bytes); it is damaged or of "
                "another format: get it again, or re-encode it "
                "(ffmpeg -i FILE -c:v libx264 new.mp4)"
            )

    @property
    def name(self) -> str:
        """Name of the result files, and the beginning of those of its frames."""
        return fitting_name(Path(self.path).stem, NUMBER_AND_ENDING)

    def __len__(self) -> int:
        """Frames, as the header says; 0 where it does not."""
        return self.count

    def __iter__(self) -> Iterator[InputImage]:
        """The frames.

        Raises:
            ImageError: The video ends well before its header says.
        """
        capture = cv2.VideoCapture(self.path)
        number = 0
        try:
            while True:
                good, frame = capture.read()
                if not good:
                    break
                pixels = np.asarray(frame, dtype=np.uint8)
                name = f"{self.name}_{number:06d}"
                yield InputImage(name, pixels=pixels, frame_index=number)
                number += 1
        finally:
            capture.release()
        # The header may count a few frames too many; half of them missing is a damaged file.
        slack = max(1, round(self.count * HEADER_SLACK))
        if number < self.count - slack:
            raise ImageError(
                f"{self.path} ends after {number} of the {self.count} frames that its header "
                "announces: it is truncated, get it again; results of these frames are kept"
            )


Feed = Sequence[InputImage] | Video


def open_inputs(inputs: Any, first_number: int = 0, max_pixels: int = MAX_PIXELS) -> Feed:
    """Find what is to be looked at.

    The headers of local files are checked, so that a bad one is named before the work begins.

    Args:
        inputs: A path (image, folder of images, video), an ``http(s)://`` address of an image, an
            (H, W, 3) uint8 BGR array, or a list of these, folders and videos excepted.
        first_number: What arrays are numbered from; their number is their name.
        max_pixels: Largest height times width of an image file.

    Returns:
        The images, or the video.

    Raises:
        ValueError: There is nothing to look at, an ending is not known, or an image file is damaged
            (``ImageError``).
        FileNotFoundError: A path does not exist.
        TypeError: An input is none of the above.
    """
    if isinstance(inputs, (str, Path)) and not _is_address(str(inputs)):
        path = Path(inputs)
        if path.is_dir():
            return _with_own_names(_in_folder(path, max_pixels))
        if path.is_file() and path.suffix.lower() in VIDEO_EXTENSIONS:
            return Video(str(path))
    items = list(inputs) if isinstance(inputs, (list, tuple)) else [inputs]
    if not items:
        raise ValueError("inputs must hold at least one image, got an empty list")
    numbers = count(first_number)
    return _with_own_names([_one(item, numbers, max_pixels) for item in items])


def _one(item: Any, numbers: Iterator[int], max_pixels: int) -> InputImage:
    if isinstance(item, np.ndarray):
        return InputImage(f"{next(numbers):08d}", pixels=item)
    if not isinstance(item, (str, Path)):
        raise TypeError(
            "an input must be a path, an address, or a (H, W, 3) uint8 BGR array, got "
            f"{type(item).__name__}; a list may hold several of them"
        )
    if _is_address(str(item)):
        url_path = Path(unquote(urlparse(str(item)).path))
        return InputImage(_plain(url_path.stem), str(item), max_pixels=max_pixels)
    path = Path(item)
    if not path.exists():
        raise FileNotFoundError(
            f"input {path} does not exist; give an image, a folder of images, a video or an address"
        )
    if path.is_dir() or path.suffix.lower() in VIDEO_EXTENSIONS:
        raise ValueError(
            f"a list of inputs holds images alone, found {path}; give folders and videos one at a "
            "time"
        )
    return _file(path, max_pixels)


def _file(path: Path, max_pixels: int) -> InputImage:
    if path.suffix.lower() not in IMG_EXTENSIONS:
        raise ValueError(
            f"input {path} must end in one of {' '.join(IMG_EXTENSIONS)} (images) or "
            f"{' '.join(VIDEO_EXTENSIONS)} (videos), got {path.suffix or 'no ending'!r}; rename or "
            "convert it"
        )
    check_file(str(path), max_pixels=max_pixels)
    return InputImage(path.stem, str(path), max_pixels=max_pixels)


def _in_folder(folder: Path, max_pixels: int) -> list[InputImage]:
    files = sorted(path for path in folder.iterdir() if path.is_file())
    images = [path for path in files if path.suffix.lower() in IMG_EXTENSIONS]
    if not images:
        raise ValueError(
            f"folder {folder} holds no image ({len(files)} files, none of which ends in "
            f"{' '.join(IMG_EXTENSIONS)}); subfolders are not searched"
        )
    return [_file(path, max_pixels) for path in images]


def _with_own_names(images: list[InputImage]) -> list[InputImage]:
    """The images under names that file systems take.

    One that is taken gets a number, so that no result overwrites another.
    """
    taken: set[str] = set()
    renamed = []
    for image in images:
        stem = fitting_name(image.name, NUMBER_AND_ENDING)
        name = stem
        number = 1
        while name in taken:  # a.png beside a.jpg, or two folders of one address
            number += 1
            name = f"{stem}_{number}"
        taken.add(name)
        renamed.append(replace(image, name=name))
    return renamed


def _is_address(text: str) -> bool:
    return text.startswith(("http://", "https://"))


def _plain(name: str) -> str:
    """A file name on every system."""
    return re.sub(r"[^\w.-]+", "_", name) or "image"


@dataclass(frozen=True)
class Batches:
    """Batches of a feed; their number is known, so that a progress bar can show it.

    Args:
        feed: The images, or the frames of a video.
        size: Images per batch.
        pipeline: Makes packed data of ``img``, ``img_path`` and ``img_id``.
        collate: Makes a batch of a list of packed data.
    """

    feed: Feed
    size: int
    pipeline: Compose
    collate: Any

    def __len__(self) -> int:
        """Batches."""
        return -(-len(self.feed) // self.size)

    def __iter__(self) -> Iterator[tuple[list[InputImage], dict]]:
        """Read and pack."""
        feed = iter(self.feed)
        while images := list(islice(feed, self.size)):
            read = [replace(image, pixels=image.read()) for image in images]
            yield read, self.collate([self._pack(image) for image in read])

    def _pack(self, image: InputImage) -> dict:
        facts: dict[str, Any] = {"img": image.pixels, "img_path": image.path, "img_id": image.name}
        if image.frame_index is not None:
            facts["frame_index"] = image.frame_index
        packed: dict = self.pipeline(facts)
        return packed
