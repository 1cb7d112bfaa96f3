"""COCO annotations in the frame of images that were written at another size."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from mmisr.datasets.coco_values import box_numbers
from mmisr.export.masks import Hw, decode, encode, mask_of_runs, resize_mask, runs_of_mask
from mmisr.ops.files import fitting_name
from mmisr.structures.frames import FrameMap

Point = tuple[float, float]

MIN_NUMBERS = 6
"""x and y of three corners: less is no polygon."""


@dataclass(frozen=True)
class WrittenImage:
    """Where an image went, and the frames it passed.

    Args:
        file_name: Name of the file written.
        file_hw: Height and width of the image that was read.
        source_hw: What was left of it after a crop at its bottom and right.
        hw: Height and width of the image that was written.

    Raises:
        ValueError: ``source_hw`` is larger than ``file_hw``, or ``hw`` is no whole multiple or
            fraction of it.
    """

    file_name: str
    file_hw: Hw
    source_hw: Hw
    hw: Hw

    def __post_init__(self) -> None:
        sizes = zip("yx", self.file_hw, self.source_hw, self.hw, strict=True)
        for axis, read, source, written in sizes:
            if source > read:
                raise ValueError(
                    f"{self.file_name}: a crop of {read} pixels along {axis} cannot have {source}"
                )
            if written % source and source % written:
                raise ValueError(
                    f"{self.file_name}: the size written must be a whole multiple or fraction of "
                    f"the size read on each axis, got {source} -> {written} along {axis}"
                )

    @property
    def frame(self) -> FrameMap:
        """From the frame of the annotations to that of the image written."""
        return FrameMap.between(self.source_hw, self.hw)

    @property
    def factors(self) -> tuple[float, float]:
        """Factors along x and y; whole ones as integers, so that whole numbers stay whole."""
        across, down = map(float, self.frame.scale_xy)
        return _plain(across), _plain(down)


def scale_coco(content: Mapping[str, Any], written: Mapping[Any, WrittenImage]) -> dict[str, Any]:
    """Move a COCO file into the frames of the images that were written.

    Convention: boxes, polygons and keypoints scale by pure multiplication, per axis, as mmcv's
    ``Resize`` does it. What a crop cut off is cut off: boxes and polygons are clipped, keypoints
    there become unlabelled, annotations without any box left are dropped. Keys that mean no place
    stay as they are, whatever they are.

    Args:
        content: Content of a COCO file; it is not changed.
        written: Where each image went, by image id; those of other ids are left out.

    Returns:
        The new content, with images and annotations in their old order.

    Raises:
        ValueError: A mask does not fit its image; the message names the annotation.
    """
    images = []
    for image in content["images"]:
        target = written.get(image["id"])
        if target is not None:
            height, width = target.hw
            moved = {"file_name": target.file_name, "height": height, "width": width}
            images.append({**image, **moved})
    annotations = []
    for annotation in content.get("annotations", []):
        target = written.get(annotation["image_id"])
        if target is None:
            continue
        try:
            scaled = scale_annotation(annotation, target)
        except ValueError as error:
            number = annotation.get("id")
            raise ValueError(f"annotation {number} of {target.file_name}: {error}") from error
        if scaled is not None:
            annotations.append(scaled)
    return {**content, "images": images, "annotations": annotations}


def scale_annotation(annotation: Mapping[str, Any], written: WrittenImage) -> dict[str, Any] | None:
    """Move one annotation.

    Args:
        annotation: With any of ``bbox`` (xywh), ``area``, ``segmentation`` (polygons or RLE) and
            ``keypoints``.
        written: Where its image went.

    Returns:
        The new annotation, or None where nothing of its box lies in the image.

    Raises:
        ValueError: The mask has another size than the image, or its run lengths do not add up.
    """
    result = dict(annotation)
    share = 1.0
    if "bbox" in annotation:
        given = annotation["bbox"]
        box = clip_box(given, written.source_hw)
        if box is None:
            return None
        share = _area_of(box) / _area_of(box_numbers(given) or box)
        result["bbox"] = scale_points(box, written)
    if "area" in annotation:
        result["area"] = _scale_area(annotation["area"], share, written)
    segmentation = annotation.get("segmentation")
    if segmentation:
        result["segmentation"] = scale_segmentation(segmentation, written)
    if "keypoints" in annotation:
        keypoints = scale_keypoints(annotation["keypoints"], written)
        result["keypoints"] = keypoints
        if "num_keypoints" in annotation:
            visibilities = keypoints[2::3]
            result["num_keypoints"] = sum(visible > 0 for visible in visibilities)
    return result


def _area_of(xywh: Sequence[float]) -> float:
    _, _, width, height = xywh
    return width * height


def _scale_area(area: float, share: float, written: WrittenImage) -> float:
    """The area of what a crop has left, ``share`` of the box."""
    across, down = written.factors
    if share != 1:  # or a whole number would become a float
        area = area * share
    return area * across * down


def clip_box(xywh: Sequence[float], hw: Hw) -> list[float] | None:
    """Clip a box to its image; None where nothing is left, or where it is no box.

    Args:
        xywh: Left, top, width, height; a box that lies inside keeps its very numbers.
        hw: Height and width of the image.
    """
    numbers = box_numbers(xywh)
    if numbers is None:
        return None
    x, y, w, h = numbers
    height, width = hw
    right = x + w
    bottom = y + h
    if x < 0 or y < 0 or right > width or bottom > height:
        x = max(x, 0)
        y = max(y, 0)
        w = min(right, width) - x
        h = min(bottom, height) - y
    if w > 0 and h > 0:
        return [x, y, w, h]
    return None


def scale_points(numbers: Sequence[float], written: WrittenImage) -> list[float]:
    """Scale x, y, x, y, ... (a polygon, or the four numbers of an xywh box)."""
    factors = written.factors
    scaled = []
    for position, number in enumerate(numbers):
        factor = factors[position % 2]
        scaled.append(number * factor)
    return scaled


def scale_segmentation(segmentation: Any, written: WrittenImage) -> Any:
    """Scale a list of polygons, or an RLE mask in its own form.

    Args:
        segmentation: Polygons, or a compressed mask, or one as a list of run lengths.
        written: Where its image went.

    Raises:
        ValueError: The mask has another size than the image, or its run lengths do not add up.
    """
    if isinstance(segmentation, Mapping):
        return scale_rle(segmentation, written)
    polygons = []
    for polygon in segmentation:
        clipped = clip_polygon(polygon, written.source_hw)
        if len(clipped) >= MIN_NUMBERS:  # a crop may leave a point or a line
            polygons.append(scale_points(clipped, written))
    return polygons


def clip_polygon(polygon: Sequence[float], hw: Hw) -> list[float]:
    """Clip a polygon to its image (Sutherland and Hodgman, 1974).

    A concave polygon that is cut into pieces stays one, joined along the border: its area is right.

    Args:
        polygon: Its corners, as x, y, x, y, ...
        hw: Height and width of the image.

    Returns:
        The same form; empty where nothing is left, the same numbers where nothing is cut.
    """
    height, width = hw
    xs = polygon[0::2]
    ys = polygon[1::2]
    points: list[Point] = list(zip(xs, ys, strict=False))
    # One side of the image after the other.
    points = _clip(points, axis=0, limit=0, sign=1)
    points = _clip(points, axis=1, limit=0, sign=1)
    points = _clip(points, axis=0, limit=width, sign=-1)
    points = _clip(points, axis=1, limit=height, sign=-1)
    numbers: list[float] = []
    for point in points:
        numbers += point
    return numbers


def _clip(points: list[Point], axis: int, limit: float, sign: int) -> list[Point]:
    """Clip a polygon at one side of its image.

    Args:
        points: Corners of the polygon.
        axis: 0 for a limit along x, 1 for one along y.
        limit: Where the side lies, in pixels.
        sign: 1 where the image lies beyond the limit, -1 where it lies before it.
    """
    clipped: list[Point] = []
    before = points[-1] if points else (0.0, 0.0)
    for point in points:
        depth = sign * (point[axis] - limit)
        depth_before = sign * (before[axis] - limit)
        is_inside = depth >= 0
        was_inside = depth_before >= 0
        if is_inside != was_inside:
            crossing = _crossing(before, point, axis, limit)
            clipped.append(crossing)
        if is_inside:
            clipped.append(point)
        before = point
    return clipped


def _crossing(before: Point, point: Point, axis: int, limit: float) -> Point:
    """Where the edge between two corners meets the side."""
    along = point[axis] - before[axis]
    share = (limit - before[axis]) / along
    across = 1 - axis
    start = before[across]
    end = point[across]
    other = start + share * (end - start)
    if axis == 0:
        return limit, other
    return other, limit


def scale_keypoints(keypoints: Sequence[float], written: WrittenImage) -> list[float]:
    """Scale x, y, visibility, ...; a point that the crop cut off becomes 0, 0, 0 (not labelled)."""
    across, down = written.factors
    height, width = written.source_hw
    file_height, file_width = written.file_hw
    result: list[float] = []
    for start in range(0, len(keypoints) - 2, 3):
        x, y, visible = keypoints[start : start + 3]
        # Points that annotators set beside the file are theirs, and stay.
        is_beside = width < x <= file_width
        is_below = height < y <= file_height
        if is_beside or is_below:
            result += [0, 0, 0]
            continue
        result += [x * across, y * down, visible]
    return result


def scale_rle(rle: Mapping[str, Any], written: WrittenImage) -> dict[str, Any]:
    """Scale a run-length mask.

    Every pixel becomes a block, or every block a pixel by the majority of its own.

    Args:
        rle: ``size`` (height, width) and ``counts`` (a string, or a list of run lengths).
        written: Where its image went.

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
    height, width = written.source_hw
    counts = rle["counts"]
    are_runs = isinstance(counts, (list, tuple))
    mask = mask_of_runs(counts, written.file_hw) if are_runs else decode(rle)
    cropped = mask[:height, :width]
    resized = resize_mask(cropped, written.hw)
    return {
        **rle,
        "size": list(written.hw),
        "counts": runs_of_mask(resized) if are_runs else encode(resized),
    }


def target_names(images: Sequence[Mapping[str, Any]], ending: str) -> dict[Any, str]:
    """Names of the files to write: those of the images, folders included, with another ending.

    Args:
        images: The images of a COCO file, with ``id`` and ``file_name``.
        ending: The new ending, ``.png`` say.

    Returns:
        The names by image id.

    Raises:
        ValueError: Two images would get one name, or one would lie outside the folder.
    """
    names: dict[Any, str] = {}
    sources: dict[str, str] = {}
    for image in images:
        source = image["file_name"]
        path = PurePosixPath(source)  # COCO files have slashes on every system
        if path.is_absolute() or ".." in path.parts:
            raise ValueError(
                f"file_name of image {image['id']} must lie inside the image folder, got "
                f"{source!r}; make it relative and set data_prefix to the folder"
            )
        stem = fitting_name(path.stem, len(ending))
        name = str(path.with_name(stem + ending))
        if name in sources:
            raise ValueError(
                f"{sources[name]} and {source} would both be written as {name}; rename one, in the "
                "folder and in the annotation file"
            )
        names[image["id"]] = name
        sources[name] = source
    return names


def _plain(factor: float) -> float:
    return int(factor) if factor.is_integer() else factor
