"""What an inferencer writes.

Pictures or a video, one JSON file an image, COCO results, and SR images.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import count
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mmisr.apis.known_ids import Ids
from mmisr.apis.sources import Source, Video
from mmisr.ops.files import unfinished_name, write_image, write_text

FOURCC = "mp4v"
"""The one mp4 codec that every build of OpenCV writes."""


class ResultFiles:
    """The files of one call, under one folder.

    ``vis/<name>.jpg`` (or one ``vis/<video>.mp4``), ``preds/<name>.json`` (or one file for a video,
    a list of frames), ``sr/<name>.png``; and over the whole call ``results.bbox.json``, COCO
    results, with ``images.json``, the images and categories that its ids mean. Every file is
    written under a temporary name first.

    Args:
        folder: Where to.
        classes: Names of the classes.
        video: The video that the sources are frames of; None for images.
        ids: Of images and classes.
    """

    def __init__(
        self, folder: Path, classes: Sequence[str], video: Video | None, ids: Ids | None = None
    ) -> None:
        self.folder = folder
        self.video = video
        self.ids = ids or Ids()
        self.categories = [
            {"id": self.ids.category(i), "name": name} for i, name in enumerate(classes)
        ]
        self._free = count(self.ids.first_free)
        self.images: list[dict[str, Any]] = []
        self.results: list[dict[str, Any]] = []
        self.frames: list[dict[str, Any]] = []
        self._movie: Movie | None = None

    def picture(self, source: Source, rgb: NDArray[np.uint8]) -> None:
        """Write an annotated (H, W, 3) image, or add it to the video."""
        if self.video is None:
            write_image(
                self.folder / "vis" / f"{source.name}.jpg", Image.fromarray(rgb), quality=95
            )
            return
        if self._movie is None:
            path = self.folder / "vis" / f"{self.video.name}.mp4"
            self._movie = Movie(path, self.video.fps, (rgb.shape[0], rgb.shape[1]))
        self._movie.add(rgb)

    def sr(self, source: Source, rgb: NDArray[np.uint8]) -> None:
        """Write a (s*H, s*W, 3) SR image, losslessly."""
        write_image(self.folder / "sr" / f"{source.name}.png", Image.fromarray(rgb))

    def prediction(self, source: Source, found: dict[str, Any], hw: tuple[int, int]) -> None:
        """Write what was found in one image.

        Args:
            source: The image.
            found: ``bboxes`` (N lists of xyxy in the image's own pixels), ``scores``, ``labels``.
            hw: Its height and width.
        """
        number = self.ids.images.get(source.name)
        number = next(self._free) if number is None else number
        file_name = Path(source.path).name if source.path else source.name
        self.images.append({"id": number, "file_name": file_name, "height": hw[0], "width": hw[1]})
        self.results += [
            {
                "image_id": number,
                "category_id": self.ids.category(k),
                "bbox": [x1, y1, x2 - x1, y2 - y1],
                "score": score,
            }
            for (x1, y1, x2, y2), score, k in zip(
                found["bboxes"], found["scores"], found["labels"], strict=True
            )
        ]
        if self.video is None:
            _write_json(self.folder / "preds" / f"{source.name}.json", found)
        else:
            self.frames.append(found)

    def close(self) -> None:
        """Write what spans the call; after a failure, that is what there was until then."""
        if self._movie is not None:
            self._movie.close()
        if self.video is not None and self.frames:
            _write_json(self.folder / "preds" / f"{self.video.name}.json", self.frames)
        if self.images:
            _write_json(self.folder / "results.bbox.json", self.results)
            known = {"images": self.images, "annotations": [], "categories": self.categories}
            _write_json(self.folder / "images.json", known)


class Movie:
    """A video file that is written frame by frame and gets its name when it is whole.

    Args:
        path: The file to write.
        fps: Frames a second.
        hw: Height and width of every frame.

    Raises:
        ValueError: OpenCV cannot write it.
    """

    def __init__(self, path: Path, fps: float, hw: tuple[int, int]) -> None:
        self.path = path
        self._unfinished = unfinished_name(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        code = cv2.VideoWriter.fourcc(*FOURCC)
        self._writer = cv2.VideoWriter(str(self._unfinished), code, fps, (hw[1], hw[0]))
        if not self._writer.isOpened():
            raise ValueError(
                f"OpenCV cannot write {path} ({hw[1]}x{hw[0]}, {fps:g} frames a second, {FOURCC}); "
                f"is the folder writable? "
                "Without a video: no_save_vis=True"
            )

    def add(self, rgb: NDArray[np.uint8]) -> None:
        """Append an (H, W, 3) frame."""
        self._writer.write(np.ascontiguousarray(rgb[..., ::-1]))

    def close(self) -> None:
        """Finish the file."""
        self._writer.release()
        self._unfinished.replace(self.path)


def _write_json(path: Path, content: Any) -> None:
    write_text(path, json.dumps(content) + "\n")
