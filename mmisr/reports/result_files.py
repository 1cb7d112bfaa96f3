"""What an inferencer writes: pictures or a video, JSON files per image, COCO results, SR images."""

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

from mmisr.datasets.inputs import InputImage, Video
from mmisr.datasets.known_ids import Ids
from mmisr.ops.files import unfinished_name, write_image, write_text

QUALITY = 95
"""Of the pictures, which are JPEG, from 1 to 100."""

Row = dict[str, Any]

FOURCC = "mp4v"
"""The one mp4 codec that every build of OpenCV writes."""


class ResultFiles:
    """The files of one call, under one folder.

    ``vis/<name>.jpg`` (or one ``vis/<video>.mp4``), ``preds/<name>.json`` (or one file for a video,
    a list of frames), ``sr/<name>.png``; and over the whole call ``results.bbox.json``, COCO
    results, with ``results.segm.json`` where the detector has masks, and with ``images.json``, the
    images and categories that its ids mean. Every file is written under a temporary name first.

    Args:
        folder: The folder; made where it does not exist.
        classes: Names of the classes.
        video: The video that the inputs are frames of; None for images.
        ids: Ids of images and classes; counted from 1 by default.
    """

    def __init__(
        self, folder: Path, classes: Sequence[str], video: Video | None, ids: Ids | None = None
    ) -> None:
        ids = ids or Ids()
        self.folder = folder
        self.video = video
        self.ids = ids
        self.categories = []
        for label, name in enumerate(classes):
            category_id = ids.category(label)
            category = {"id": category_id, "name": name}
            self.categories.append(category)
        self.images: list[Row] = []
        self.results: list[Row] = []
        self.masks: list[Row] = []
        self.frames: list[Row] = []
        self._free_ids = count(ids.first_free)
        self._movie: Movie | None = None

    def picture(self, image: InputImage, rgb: NDArray[np.uint8]) -> None:
        """Write an annotated (H, W, 3) image, or add it to the video."""
        folder = self.folder / "vis"
        if self.video is None:
            picture = Image.fromarray(rgb)
            path = folder / f"{image.name}.jpg"
            write_image(path, picture, quality=QUALITY)
            return
        if self._movie is None:
            path = folder / f"{self.video.name}.mp4"
            height, width = rgb.shape[:2]
            # Only the first frame says how large they are.
            self._movie = Movie(path, self.video.fps, (height, width))
        self._movie.add(rgb)

    def sr(self, image: InputImage, rgb: NDArray[np.uint8]) -> None:
        """Write a (s*H, s*W, 3) SR image, losslessly."""
        write_image(self.folder / "sr" / f"{image.name}.png", Image.fromarray(rgb))

    def prediction(
        self, image: InputImage, prediction: dict[str, Any], hw: tuple[int, int]
    ) -> None:
        """Write the prediction of one image.

        Args:
            image: The image.
            prediction: ``bboxes`` (N lists of xyxy in the image's own pixels), ``scores`` and
                ``labels``; and ``masks``, N compressed run lengths, where the detector has them.
            hw: Height and width of the image.
        """
        image_id = self._note(image, hw)
        boxes = prediction["bboxes"]
        scores = prediction["scores"]
        labels = prediction["labels"]
        # mmdet's inferencer leaves them out where nothing is found.
        masks = prediction.get("masks", ())
        rows = zip(boxes, scores, labels, strict=True)
        for index, (box, score, label) in enumerate(rows):
            left, top, right, bottom = box
            result = {
                "image_id": image_id,
                "category_id": self.ids.category(label),
                "score": score,
            }
            xywh = [left, top, right - left, bottom - top]
            of_box = {**result, "bbox": xywh}
            self.results.append(of_box)
            if masks:
                of_mask = {**result, "segmentation": masks[index]}
                self.masks.append(of_mask)
        if self.video is not None:
            self.frames.append(prediction)
            return
        path = self.folder / "preds" / f"{image.name}.json"
        _write_json(path, prediction)

    def _note(self, image: InputImage, hw: tuple[int, int]) -> Any:
        """Enter an image in ``images.json``; returns its id."""
        number = self.ids.images.get(image.name)
        if number is None:
            number = next(self._free_ids)  # the data set does not know this image
        file_name = image.name
        if image.path:
            file_name = Path(image.path).name
        height, width = hw
        row = {"id": number, "file_name": file_name, "height": height, "width": width}
        self.images.append(row)
        return number

    def close(self) -> None:
        """Write what spans the call; after a failure, that is what there was until then."""
        folder = self.folder
        if self._movie is not None:
            self._movie.close()
        if self.video is not None and self.frames:
            path = folder / "preds" / f"{self.video.name}.json"
            _write_json(path, self.frames)
        if not self.images:  # no predictions were asked for
            return
        known = {
            "images": self.images,
            "annotations": [],
            "categories": self.categories,
        }
        _write_json(folder / "results.bbox.json", self.results)
        if self.masks:
            _write_json(folder / "results.segm.json", self.masks)
        _write_json(folder / "images.json", known)


class Movie:
    """A video file that is written frame by frame and gets its name when it is whole.

    Args:
        path: The file to write.
        fps: Frames per second.
        hw: Height and width of every frame.

    Raises:
        ValueError: OpenCV cannot write it.
    """

    def __init__(self, path: Path, fps: float, hw: tuple[int, int]) -> None:
        height, width = hw
        self.path = path
        self._unfinished = unfinished_name(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        code = cv2.VideoWriter.fourcc(*FOURCC)
        file_name = str(self._unfinished)
        self._writer = cv2.VideoWriter(file_name, code, fps, (width, height))
        if not self._writer.isOpened():
            raise ValueError(
                f"OpenCV cannot write {path} ({width}x{height}, {fps:g} frames a second, "
                f"{FOURCC}); is the folder writable? Without a video: no_save_vis=True"
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
