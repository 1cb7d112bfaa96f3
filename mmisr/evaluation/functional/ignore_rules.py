"""What a protocol leaves out or ignores, as pure functions on boxes and on the record of an image.

The rules themselves are values: :class:`mmisr.evaluation.size_bins.Ignoring`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from operator import itemgetter

import numpy as np

from mmisr.evaluation.functional.coco_records import (
    DET_FIELDS,
    GT_FIELDS,
    Floats,
    ImageRecord,
    Ints,
)
from mmisr.evaluation.functional.overlaps import Bools
from mmisr.evaluation.size_bins import Protocol
from mmisr.ops.boxes import area, widths_heights
from mmisr.structures.marks import Mark


@dataclass(frozen=True)
class Counted:
    """The record of an image as a protocol counts it.

    Args:
        record: What is left, with ``gt_ignore`` by the protocol's rule.
        annotations: (N,) which annotations of the record before these are.
    """

    record: ImageRecord
    annotations: Ints


def counted(record: ImageRecord, protocol: Protocol, classes: Sequence[str] = ()) -> Counted:
    """Apply a protocol's rule of what does not count.

    Args:
        record: The image as its sample gave it.
        protocol: The protocol; those of COCO's own rules change nothing.
        classes: Names of the labels.

    Returns:
        The record as it is counted.
    """
    rule = protocol.ignoring
    dropped = labels_named(classes, rule.dropped)
    is_kept: Bools = ~np.isin(record.gt_labels, dropped)
    is_seen: Bools = np.ones(len(record.det_labels), dtype=bool)
    if rule.region_share is not None:
        is_region = has_mark(record.gt_marks, Mark.REGION)
        region_xyxy = record.gt_xyxy[is_region]
        regions = toolkit_regions(region_xyxy)
        is_kept &= ~is_region
        is_kept &= _is_outside(record.gt_xyxy, regions, rule.region_share)
        is_seen = _is_outside(record.det_xyxy, regions, rule.region_share)
    ignore = has_mark(record.gt_marks, rule.marks)
    ignore |= record.gt_ignore
    if rule.subsets:
        mark = rule.of_any_subset
        ignore |= ~has_mark(record.gt_marks, mark)
    by_rule = replace(record, gt_ignore=ignore)
    left = _selected(by_rule, is_kept, is_seen)
    return Counted(left, np.flatnonzero(is_kept))


def _is_outside(xyxy: Floats, regions: Floats, share: float) -> Bools:
    """(N,) boxes with less than a share of their own area in the regions."""
    looked_up = toolkit_boxes(xyxy)
    return share_inside(looked_up, regions) < share


def all_counted(
    records: Sequence[ImageRecord], protocol: Protocol, classes: Sequence[str] = ()
) -> list[ImageRecord]:
    """Every image as a protocol counts it.

    Args:
        records: The images as their samples gave them.
        protocol: The protocol.
        classes: Names of the labels.

    Returns:
        The records in the same order; the very same where COCO's own rules hold.

    Raises:
        ValueError: The protocol counts subsets, and no annotation is in one.
    """
    if protocol.is_coco:
        return list(records)
    check_subsets(records, protocol)
    left = []
    for record in records:
        by_rule = counted(record, protocol, classes)
        left.append(by_rule.record)
    return left


def check_subsets(records: Sequence[ImageRecord], protocol: Protocol) -> None:
    """See that annotations say in which subset they are, where a protocol asks for it.

    Raises:
        ValueError: There are annotations, and none is in a subset.
    """
    subsets = protocol.ignoring.subsets
    num_annotated = sum(len(record.gt_marks) for record in records)
    if not subsets or not num_annotated:
        return
    mark = protocol.ignoring.of_any_subset
    is_any_there = any(has_mark(record.gt_marks, mark).any() for record in records)
    if not is_any_there:
        raise ValueError(
            f"protocol {protocol.name!r} counts the subsets {list(subsets)}, and none of "
            f"{num_annotated} annotations is in one: its entry in the annotation file needs "
            f"subsets=[...] with these names, and mmisr.SRCocoDataset with mmisr.PackSRDetInputs "
            "brings it here; or choose protocol='voc'"
        )


def has_mark(marks: Ints, mark: Mark) -> Bools:
    """(N,) which annotations have one of these marks.

    Example:
        >>> has_mark(np.array([0, 8, 9]), Mark.UNCERTAIN).tolist()
        [False, True, True]
    """
    return (marks & int(mark)) != 0


def has_regions(records: Sequence[ImageRecord]) -> bool:
    """Whether an image has a region in which nothing counts."""
    return any(has_mark(record.gt_marks, Mark.REGION).any() for record in records)


def labels_named(classes: Sequence[str], names: Sequence[str]) -> list[int]:
    """The labels of the classes with these names."""
    return [label for label, name in enumerate(classes) if name in names]


def toolkit_boxes(xyxy: Floats) -> Floats:
    """Boxes as VisDrone's toolkit looks them up in its map of ignored regions.

    Source: ``dropObjectsInIgr.m`` of VisDrone2018-DET-toolkit: x, y, width and height are rounded,
    halves away from 0, and each is at least 1. What differs: nothing is cut at the right and lower
    edge of the image, which a record does not know.

    Args:
        xyxy: (N, 4) boxes.

    Returns:
        (N, 4) xyxy of whole pixels.

    Example:
        >>> toolkit_boxes(np.array([[0.0, 2.5, 3.2, 4.5]])).tolist()
        [[1.0, 3.0, 4.0, 5.0]]
    """
    corner = np.maximum(np.floor(xyxy[:, :2] + 0.5), 1)
    size = np.maximum(np.floor(widths_heights(xyxy) + 0.5), 1)
    return np.concatenate([corner, corner + size], axis=1)


def toolkit_regions(xyxy: Floats) -> Floats:
    """Ignored regions as VisDrone's toolkit paints them: one pixel more to the left and above.

    Source: as :func:`toolkit_boxes`; from pixel x to pixel x + width, both included, where boxes
    are looked up without their first pixel.

    Args:
        xyxy: (K, 4) regions.

    Returns:
        (K, 4) xyxy of whole pixels.
    """
    grown = toolkit_boxes(xyxy)
    grown[:, :2] -= 1
    return grown


def share_inside(xyxy: Floats, regions: Floats) -> Floats:
    """The share of every box's own area that lies in any of the regions.

    Regions may overlap: what several cover counts once.

    Args:
        xyxy: (N, 4) boxes.
        regions: (K, 4) boxes.

    Returns:
        (N,) in [0, 1]; 0 for a box without area.

    Example:
        >>> regions = np.array([[0.0, 0.0, 2.0, 9.0], [1.0, 0.0, 3.0, 9.0]])
        >>> share_inside(np.array([[0.0, 0.0, 4.0, 4.0]]), regions).tolist()
        [0.75]
    """
    corner = xyxy[:, :2]
    end = xyxy[:, 2:]
    inside = np.zeros(len(xyxy))
    for cell in _disjoint(regions):
        low = np.maximum(corner, cell[:2])
        high = np.minimum(end, cell[2:])
        sides = high - low
        sides = np.maximum(sides, 0)
        inside += sides.prod(1)
    own = area(xyxy)
    has_area = own > 0
    shares = np.zeros(len(xyxy))
    return np.divide(inside, own, out=shares, where=has_area)


def _disjoint(regions: Floats) -> Floats:
    """(C, 4) boxes that do not overlap and cover what the regions cover."""
    if len(regions) < 2:
        return regions
    from_the_top = sorted(regions.tolist(), key=itemgetter(1))
    edges = np.unique(regions[:, 0::2])
    cells: list[list[float]] = []
    # Columns between edges; in each of them, runs of rows that are covered.
    for left, right in pairwise(edges.tolist()):
        end = -np.inf
        for x1, top, x2, bottom in from_the_top:
            if x1 > left or x2 < right:
                continue
            start = max(top, end)
            end = max(bottom, end)
            if end > start:
                cells.append([left, start, right, end])
    together = np.array(cells)
    return together.reshape(-1, 4)


def _selected(record: ImageRecord, gt: Bools, det: Bools) -> ImageRecord:
    """The chosen annotations and detections of an image, without masks: rules are for boxes."""
    columns = {}
    for name in GT_FIELDS:
        column = getattr(record, name)
        columns[name] = column[gt]
    for name in DET_FIELDS:
        column = getattr(record, name)
        columns[name] = column[det]
    return replace(record, masks=None, **columns)
