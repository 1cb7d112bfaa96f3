"""COCO annotations in the frame of images that were written at another size."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from mmisr.datasets.coco_values import box_numbers
from mmisr.ops.files import fitting_name
from mmisr.ops.masks import resize_masks
from mmisr.structures.frames import FrameMap

Hw = tuple[int, int]
Mask = NDArray[np.uint8]


@dataclass(frozen=True)
class WrittenImage:
    """Where an image went, and the frames it passed.

    Args:
        file_name: The file written.
        file_hw: Height and width of the image that was read.
        source_hw: What was left of it after a crop at its bottom and right.
        hw: Height and width of what was written.

    Raises:
        ValueError: ``source_hw`` is larger than ``file_hw``, or ``hw`` is no whole multiple or
            fraction of it.
    """

    file_name: str
    file_hw: Hw
    source_hw: Hw
    hw: Hw

    def __post_init__(self) -> None:
        for axis, read, source, to in zip("yx", self.file_hw, self.source_hw, self.hw, strict=True):
            if source > read:
                raise ValueError(
                    f"{self.file_name}: a crop of {read} pixels along {axis} cannot have {source}"
                )
            if to % source and source % to:
                raise ValueError(
                    f"{self.file_name}: the size written must be a whole multiple or fraction of "
                    f"the size read on each "
                    f"axis, got {source} -> {to} along {axis}"
                )

    @property
    def frame(self) -> FrameMap:
        """From the frame of the annotations to that of the image written."""
        return FrameMap.between(self.source_hw, self.hw)


def scale_coco(content: Mapping[str, Any], written: Mapping[Any, WrittenImage]) -> dict[str, Any]:
    """Move a COCO file into the frames of the images that were written.

    Convention: boxes, polygons and keypoints scale by pure multiplication, per axis, as mmcv's
    ``Resize`` does it. What a crop cut off is cut off: boxes and polygons are clipped, keypoints
    there become unlabelled, annotations without any box left are dropped. Keys that mean no place
    stay as they are, whatever they are.

    Args:
        content: A COCO file; not changed.
        written: By image id; images and annotations of other ids are left out.

    Returns:
        The new content, with images and annotations in their old order.

    Raises:
        ValueError: A mask does not fit its image; the message names the annotation.
    """
    images = [
        {**image, "file_name": w.file_name, "height": w.hw[0], "width": w.hw[1]}
        for image in content["images"]
        if (w := written.get(image["id"])) is not None
    ]
    annotations = []
    for annotation in content.get("annotations", []):
        place = written.get(annotation["image_id"])
        if place is None:
            continue
        try:
            scaled = scale_annotation(annotation, place)
        except ValueError as error:
            raise ValueError(
                f"annotation {annotation.get('id')} of {place.file_name}: {error}"
            ) from error
        if scaled is not None:
            annotations.append(scaled)
    return {**content, "images": images, "annotations": annotations}


def scale_annotation(annotation: Mapping[str, Any], written: WrittenImage) -> dict[str, Any] | None:
    """Move one annotation.

    Args:
        annotation: With any of ``bbox`` (xywh), ``area``, ``segmentation`` (polygons or RLE) and
            ``keypoints``.
        written: Its image.

    Returns:
        The new annotation, or None where nothing of its box lies in the image.

    Raises:
        ValueError: The mask has another size than the image, or its run lengths do not add up.
    """
    result = dict(annotation)
    share = 1.0
    if "bbox" in annotation:
        box = clip_box(annotation["bbox"], written.source_hw)
        if box is None:
            return None
        _, _, w, h = box_numbers(annotation["bbox"]) or box
        share = box[2] * box[3] / (w * h)
        result["bbox"] = scale_points(box, written.frame)
    if "area" in annotation:
        across, down = _factors(written.frame)
        area = annotation["area"] if share == 1 else annotation["area"] * share
        result["area"] = area * across * down
    if annotation.get("segmentation"):
        result["segmentation"] = scale_segmentation(annotation["segmentation"], written)
    if "keypoints" in annotation:
        result["keypoints"] = scale_keypoints(annotation["keypoints"], written)
        if "num_keypoints" in annotation:
            result["num_keypoints"] = sum(v > 0 for v in result["keypoints"][2::3])
    return result


def clip_box(xywh: Sequence[float], hw: Hw) -> list[float] | None:
    """Clip a box to its image; None where nothing is left, or where it is no box.

    Args:
        xywh: Left, top, width, height; a box that lies inside keeps its very numbers.
        hw: Height and width of the image.
    """
    if (box := box_numbers(xywh)) is None:
        return None
    x, y, w, h = box
    if x >= 0 and y >= 0 and x + w <= hw[1] and y + h <= hw[0]:
        return [x, y, w, h] if w > 0 and h > 0 else None
    left, top, right, bottom = max(x, 0), max(y, 0), min(x + w, hw[1]), min(y + h, hw[0])
    return [left, top, right - left, bottom - top] if right > left and bottom > top else None


def scale_points(numbers: Sequence[float], frame: FrameMap) -> list[float]:
    """Scale x, y, x, y, ... (a polygon, or the four numbers of an xywh box)."""
    factors = _factors(frame)
    return [value * factors[i % 2] for i, value in enumerate(numbers)]


def scale_segmentation(segmentation: Any, written: WrittenImage) -> Any:
    """Scale a list of polygons, or an RLE mask in its own form (compressed or a list of run lengths)."""
    if isinstance(segmentation, Mapping):
        return scale_rle(segmentation, written)
    clipped = [clip_polygon(polygon, written.source_hw) for polygon in segmentation]
    return [scale_points(polygon, written.frame) for polygon in clipped if len(polygon) >= 6]


def clip_polygon(polygon: Sequence[float], hw: Hw) -> list[float]:
    """Clip a polygon to its image (Sutherland and Hodgman, 1974).

    A concave polygon that is cut into pieces stays one, joined along the border: its area is right.

    Args:
        polygon: x, y, x, y, ...
        hw: Height and width of the image.

    Returns:
        The same form; empty where nothing is left, the same numbers where nothing is cut.
    """
    points = [(polygon[i], polygon[i + 1]) for i in range(0, len(polygon) - 1, 2)]
    for axis, limit, sign in ((0, 0, 1), (1, 0, 1), (0, hw[1], -1), (1, hw[0], -1)):
        kept: list[tuple[float, float]] = []
        for before, point in zip([*points[-1:], *points[:-1]], points, strict=True):
            inside = sign * (point[axis] - limit) >= 0
            if inside != (sign * (before[axis] - limit) >= 0):
                part = (limit - before[axis]) / (point[axis] - before[axis])
                other = before[1 - axis] + part * (point[1 - axis] - before[1 - axis])
                kept.append((limit, other) if axis == 0 else (other, limit))
            if inside:
                kept.append(point)
        points = kept
    return [number for point in points for number in point]


def scale_keypoints(keypoints: Sequence[float], written: WrittenImage) -> list[float]:
    """Scale x, y, visibility, ...; a point that the crop cut off becomes 0, 0, 0 (not labelled)."""
    (across, down), (height, width) = _factors(written.frame), written.source_hw
    result: list[float] = []
    for i in range(0, len(keypoints) - 2, 3):
        x, y, visible = keypoints[i : i + 3]
        cut = width < x <= written.file_hw[1] or height < y <= written.file_hw[0]
        result += [0, 0, 0] if cut else [x * across, y * down, visible]
    return result


def scale_rle(rle: Mapping[str, Any], written: WrittenImage) -> dict[str, Any]:
    """Scale a run-length mask.

    Every pixel becomes a block, or every block a pixel by the majority of its own.

    Args:
        rle: ``size`` (height, width) and ``counts`` (a string, or a list of run lengths).
        written: Its image.

    Returns:
        The same form.

    Raises:
        ValueError: The mask has another size than the image, or its run lengths do not add up.
    """
    size = tuple(int(n) for n in rle["size"])
    if size != written.file_hw:
        raise ValueError(
            f"a mask must have the size of its image, {written.file_hw} (h, w), found {size}"
        )
    h, w = written.source_hw
    plain = isinstance(rle["counts"], (list, tuple))
    mask = _mask_of_runs(rle["counts"], written.file_hw) if plain else _decode(rle)
    mask = resize_mask(mask[:h, :w], written.hw)
    return {
        **rle,
        "size": list(written.hw),
        "counts": _runs_of_mask(mask) if plain else _encode(mask),
    }


def resize_mask(mask: Mask, hw: Hw) -> Mask:
    """Resize an (h, w) mask of 0 and 1, as :func:`mmisr.ops.masks.resize_masks` does."""
    pixels = torch.from_numpy(np.ascontiguousarray(mask)) > 0
    return resize_masks(pixels[None], hw)[0].numpy().astype(np.uint8)


def target_names(images: Sequence[Mapping[str, Any]], ending: str) -> dict[Any, str]:
    """Names of the files to write: those of the images, folders included, with another ending.

    Args:
        images: Of a COCO file, with ``id`` and ``file_name``.
        ending: ``.png``, say.

    Returns:
        By image id.

    Raises:
        ValueError: Two images would get one name, or one would lie outside the folder.
    """
    names: dict[Any, str] = {}
    sources: dict[str, str] = {}
    for image in images:
        path = PurePosixPath(image["file_name"])
        if path.is_absolute() or ".." in path.parts:
            raise ValueError(
                f"file_name of image {image['id']} must lie inside the image folder, got "
                f"{image['file_name']!r}; make it "
                "relative and set data_prefix to the folder"
            )
        name = str(path.with_name(fitting_name(path.stem, len(ending)) + ending))
        if name in sources:
            raise ValueError(
                f"{sources[name]} and {image['file_name']} would both be written as {name}; rename "
                f"one, in the folder and in "
                "the annotation file"
            )
        names[image["id"]], sources[name] = name, image["file_name"]
    return names


def _factors(frame: FrameMap) -> tuple[float, float]:
    """Factors along x and y; whole ones as integers, so that whole numbers stay whole."""
    across, down = (int(f) if f.is_integer() else f for f in map(float, frame.scale_xy))
    return across, down


def _decode(rle: Mapping[str, Any]) -> Mask:
    from faster_coco_eval.core import mask  # here, because it takes a second to import

    return np.asarray(mask.decode(dict(rle)), dtype=np.uint8)


def _encode(pixels: Mask) -> str:
    from faster_coco_eval.core import mask

    counts = mask.encode(np.asfortranarray(pixels))["counts"]
    return counts.decode() if isinstance(counts, bytes) else str(counts)


def _mask_of_runs(counts: Sequence[int], hw: Hw) -> Mask:
    if sum(counts) != hw[0] * hw[1]:
        raise ValueError(f"run lengths must add up to {hw[0]} x {hw[1]} pixels, got {sum(counts)}")
    values = np.arange(len(counts), dtype=np.uint8) % 2
    return values.repeat(counts).reshape(hw, order="F")


def _runs_of_mask(pixels: Mask) -> list[int]:
    """Run lengths down the columns; the first is of zeros and may be 0."""
    flat = pixels.ravel(order="F")
    edges = np.flatnonzero(np.diff(flat)) + 1
    runs = np.diff(np.concatenate([[0], edges, [flat.size]])).tolist()
    return [0, *runs] if flat[0] else runs
