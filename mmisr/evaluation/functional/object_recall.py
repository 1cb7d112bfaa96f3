"""Which annotated objects a pair looks for: those whose centre lies where it searches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from mmisr.evaluation.functional.coco_records import Floats, ImageRecord
from mmisr.ops.boxes import area, centers
from mmisr.structures.checks import check_hw
from mmisr.structures.frames import FrameMap
from mmisr.structures.sr_result import RoutingMap

BORDER = 1e-3
"""A core that ends this close to the border of its frame ends at it, in pixels.

Cores come from LR pixels in single precision.
"""

Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Reach:
    """What a pair searched of one image.

    Args:
        reached: (N,) whether the centre of each annotation was searched, in the order of the
            record, regions to ignore included.
        area: Share of the frame that was searched, from 0 to 1.
    """

    reached: Flags
    area: float


@dataclass(frozen=True)
class ReachCount:
    """Annotations of one range of sizes.

    Args:
        annotated: How many count.
        reached: How many of them were searched.
    """

    annotated: int = 0
    reached: int = 0

    def __add__(self, other: ReachCount) -> ReachCount:
        """Both together."""
        annotated = self.annotated + other.annotated
        return ReachCount(annotated, self.reached + other.reached)

    @property
    def recall(self) -> float | None:
        """Share of the annotations that was searched; None where there are none."""
        return self.reached / self.annotated if self.annotated else None


NONE = ReachCount()

ReachCounts = Mapping[str, ReachCount]
"""By name of the range."""


def image_reach(sample: Mapping[str, Any], record: ImageRecord) -> Reach | None:
    """What was searched of the image of one predicted sample.

    A pair that searches in windows says where (``searched``); one whose editor routes tokens
    searches all of the image, and its deep tokens are what is asked for here.

    Args:
        sample: The sample as a dict: ``searched``, (n, 4) xyxy cores in the source frame, or
            ``routing``, the :class:`RoutingMap` of its LR image, as a batch of one;
            ``source_shape``, and for ``routing`` ``lr_shape`` (height and width first).
        record: Its annotations.

    Returns:
        What was searched; None where the sample has neither, because nothing was routed.

    Raises:
        ValueError: The sample does not say how large its frames are.
    """
    if sample.get("searched") is not None:
        return _reach_of_windows(sample, record)
    if sample.get("routing") is not None:
        return _reach_of_tokens(sample, record)
    return None


def _reach_of_windows(sample: Mapping[str, Any], record: ImageRecord) -> Reach:
    frame_hw = _shape(sample, "source_shape")
    searched: Tensor = sample["searched"]
    on_host = searched.cpu().double()
    cores = on_host.numpy()
    reached = in_cores(record.gt_xyxy, cores, frame_hw)
    share = area_share(cores, frame_hw)
    return Reach(reached, share)


def _reach_of_tokens(sample: Mapping[str, Any], record: ImageRecord) -> Reach:
    source_hw = _shape(sample, "source_shape")
    lr_hw = _shape(sample, "lr_shape")
    routing: RoutingMap = sample["routing"]
    token = routing.token_size
    (exits,) = routing.exits.cpu().numpy()
    to_lr = FrameMap.between(source_hw, lr_hw)
    in_lr = to_lr.boxes(record.gt_xyxy)
    reached = in_deep_tokens(in_lr, exits, token)
    is_deep = exits > 0
    share = float(is_deep.mean())
    return Reach(reached, share)


def _shape(sample: Mapping[str, Any], key: str) -> tuple[int, int]:
    shape = sample.get(key)
    if shape is None:
        raise ValueError(
            f"object recall needs {key}, which the sample of "
            f"{sample.get('img_path') or sample.get('img_id')} does not have; pack it with "
            "mmisr.PackSRDetInputs"
        )
    height, width = tuple(shape)[:2]
    return int(height), int(width)


def in_cores(xyxy: Floats, cores: Floats, frame_hw: tuple[int, int]) -> Flags:
    """Which boxes have their centre in one of the cores.

    Convention: a core holds its left and upper edge, and the others only where they lie on the
    border of the frame; so cores that cover a frame hold every centre, each exactly once. A centre
    beyond the frame counts as the nearest point of it.

    Args:
        xyxy: (N, 4) boxes.
        cores: (n, 4) xyxy in the same frame; none overlaps another.
        frame_hw: Height and width of the frame.

    Returns:
        (N,) bool.

    Example:
        >>> boxes = np.array([[0.0, 0.0, 4.0, 4.0], [6.0, 0.0, 10.0, 4.0]])
        >>> in_cores(boxes, np.array([[0.0, 0.0, 8.0, 8.0]]), (8, 16)).tolist()
        [True, False]
    """
    height, width = check_hw(frame_hw, "frame_hw")
    frame_wh = np.array([width, height])
    points = np.clip(centers(xyxy), 0, frame_wh)
    x, y = points.T
    reached = np.zeros(len(xyxy), dtype=bool)
    for left, top, right, bottom in _open_at_border(cores, frame_wh):
        is_across = (x >= left) & (x < right)
        is_down = (y >= top) & (y < bottom)
        reached |= is_across & is_down
    return reached


def _open_at_border(cores: Floats, frame_wh: NDArray[Any]) -> Floats:
    """The cores, without an end where that is the border of the frame."""
    starts, ends = np.split(cores, 2, axis=1)
    is_at_border = ends >= frame_wh - BORDER
    ends = np.where(is_at_border, np.inf, ends)
    return np.concatenate([starts, ends], axis=1)


def area_share(cores: Floats, frame_hw: tuple[int, int]) -> float:
    """Share of a frame that cores cover.

    Args:
        cores: (n, 4) xyxy; none overlaps another.
        frame_hw: Height and width of the frame.

    Example:
        >>> area_share(np.array([[0.0, 0.0, 8.0, 8.0]]), (8, 16))
        0.5
    """
    height, width = check_hw(frame_hw, "frame_hw")
    return float(area(cores).sum()) / (height * width)


def in_deep_tokens(xyxy: Floats, exits: NDArray[Any], token_size: int) -> Flags:
    """Which boxes have their centre in a token that leaves later than by the first exit.

    Convention: a token holds its left and upper edge. A centre beyond the tokens, or on the right
    or lower border, belongs to the nearest one.

    Args:
        xyxy: (N, 4) boxes in the **lr** frame.
        exits: (rows, cols) exits of the tokens, from 0.
        token_size: Side of a token in LR pixels.

    Returns:
        (N,) bool.

    Example:
        >>> boxes = np.array([[0.0, 0.0, 4.0, 4.0], [8.0, 0.0, 16.0, 4.0]])
        >>> in_deep_tokens(boxes, np.array([[0, 2]]), token_size=8).tolist()
        [False, True]
    """
    rows, cols = exits.shape
    x, y = centers(xyxy).T
    # What lies before the first token or after the last is theirs.
    column = np.clip(x // token_size, 0, cols - 1)
    row = np.clip(y // token_size, 0, rows - 1)
    cells = row.astype(int), column.astype(int)
    left_by = exits[cells]
    return left_by > 0


def count_reached(
    areas: Floats,
    ignore: Flags,
    reached: Flags,
    ranges: Mapping[str, tuple[float, float]],
) -> dict[str, ReachCount]:
    """Annotations of one image, and how many of them were searched, by range of sizes.

    Convention: a range holds both of its ends, as in COCO's reference code.

    Args:
        areas: (N,) sizes of the annotations in px^2.
        ignore: (N,) true for those that do not count.
        reached: (N,) whether they were searched.
        ranges: Ends in px^2 by name, see :meth:`mmisr.evaluation.size_bins.Protocol.ranges`.

    Returns:
        Counts by name of the range.

    Example:
        >>> areas, flags = np.array([4.0, 50.0]), np.array([True, False])
        >>> count_reached(areas, np.zeros(2, bool), flags, {"all": (0.0, 1e10)})
        {'all': ReachCount(annotated=2, reached=1)}
    """
    counts = {}
    for name, (low, high) in ranges.items():
        is_at_least = areas >= low
        is_at_most = areas <= high
        is_of_size = is_at_least & is_at_most
        is_counted = is_of_size & ~ignore
        is_found = is_counted & reached
        annotated = int(is_counted.sum())
        found = int(is_found.sum())
        counts[name] = ReachCount(annotated, found)
    return counts


def total_reached(images: Sequence[ReachCounts]) -> dict[str, ReachCount]:
    """Counts of all images together.

    Args:
        images: Counts of each by name of the range.

    Returns:
        Sums by name; empty where there is no image.

    Example:
        >>> total_reached([{"all": ReachCount(2, 1)}, {"all": ReachCount(2, 2)}])["all"].recall
        0.75
    """
    totals: dict[str, ReachCount] = {}
    for counts in images:
        for name, count in counts.items():
            before = totals.get(name, NONE)
            totals[name] = before + count
    return totals
