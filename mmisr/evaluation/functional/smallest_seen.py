"""How small an object may be and still be found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmisr.evaluation.functional.coco_records import Floats, ImageRecord, Ints
from mmisr.evaluation.functional.image_matches import match_image
from mmisr.evaluation.functional.matching import COCO
from mmisr.evaluation.functional.overlaps import Bools
from mmisr.evaluation.size_bins import Protocol

BINS = 12
"""Ranges of size that recall is counted in; fewer where there are fewer sizes."""

SEEN = 0.5
"""Recall from which on objects of a size are called seen."""


@dataclass(frozen=True)
class SizeCounts:
    """Objects by image and by range of size.

    Args:
        edges: (bins + 1,) sides in pixels of the frame of the size bins, the root of an area.
        found: (images, bins) objects that a detection found at IoU 0.5.
        total: (images, bins) objects.
    """

    edges: Floats
    found: Ints
    total: Ints

    @property
    def centers(self) -> Floats:
        """(bins,) the geometric middle of each range."""
        return np.sqrt(self.edges[:-1] * self.edges[1:])


def size_edges(records: Sequence[ImageRecord], bins: int = BINS) -> Floats:
    """Edges of ranges of size that hold about equally many objects.

    Args:
        records: One per image.
        bins: How many ranges at most.

    Returns:
        (bins + 1,) sides in pixels, strictly rising; two where all objects are of one size, none
        without objects.
    """
    of_images = [_sides(record) for record in records]
    sides = np.concatenate(of_images)
    if not len(sides):
        return np.zeros(0)
    shares = np.linspace(0, 1, bins + 1)
    quantiles = np.quantile(sides, shares)
    edges = np.unique(quantiles)
    if len(edges) == 1:
        return np.repeat(edges, 2)
    return edges


def _sides(record: ImageRecord) -> Floats:
    """(N,) roots of the areas of the annotations that count."""
    counted = record.gt_areas[~record.gt_ignore]
    return np.sqrt(counted)


def found_objects(
    records: Sequence[ImageRecord], score_thr: float, max_dets: int, rules: Protocol = COCO
) -> list[Bools]:
    """Which annotations that count were found at IoU 0.5.

    Args:
        records: One per image.
        score_thr: Detections from this score on count.
        max_dets: Detections per image (and class) that count, best first.
        rules: The protocol whose rules match.

    Returns:
        (N,) of each image.
    """
    found = []
    for record in records:
        matches = match_image(record, score_thr, max_dets, rules)
        of_image = matches.counted & ~matches.missed
        found.append(of_image)
    return found


def count_sizes(
    records: Sequence[ImageRecord],
    edges: Floats,
    is_found: Sequence[Bools],
    label: int | None = None,
) -> SizeCounts:
    """Count what was found, by image and by size.

    Args:
        records: One per image.
        edges: As :func:`size_edges` gives them, at least two.
        is_found: As :func:`found_objects` gives it.
        label: Objects of this class alone; None for all.
    """
    found = []
    total = []
    for record, is_hit in zip(records, is_found, strict=True):
        counted = ~record.gt_ignore
        if label is not None:
            counted &= record.gt_labels == label
        of_image = _in_ranges(record, counted, edges)
        total.append(of_image)
        of_image = _in_ranges(record, counted & is_hit, edges)
        found.append(of_image)
    return SizeCounts(
        edges=edges,
        found=np.stack(found),
        total=np.stack(total),
    )


def _in_ranges(record: ImageRecord, chosen: Bools, edges: Floats) -> Ints:
    """(bins,) how many of the chosen annotations are of each size.

    What lies on an edge belongs to the range above it.
    """
    areas = record.gt_areas[chosen]
    sides = np.sqrt(areas)
    inner = edges[1:-1]
    place = np.searchsorted(inner, sides, side="right")
    num_bins = len(edges) - 1
    return np.bincount(place, minlength=num_bins)


def recall_by_size(counts: SizeCounts, weights: Ints) -> Floats:
    """Recall in each range of size, on every replicate.

    Args:
        counts: The objects.
        weights: (replicates, images) how often each image counts.

    Returns:
        (replicates, bins); NaN where a replicate has no object of the size.
    """
    found = weights @ counts.found
    total = weights @ counts.total
    recall = np.full(total.shape, np.nan)
    has_objects = total > 0
    np.divide(found, total, out=recall, where=has_objects)
    return recall


def smallest_seen(counts: SizeCounts, weights: Ints, seen: float = SEEN) -> Floats:
    """The size from which on objects are found more often than not, on every replicate.

    Source: ours. Recall is taken not to fall with size: the closest such curve to what was counted
    (pool-adjacent-violators, Barlow et al. 1972), between the middles of the ranges linear in the
    logarithm of the size.

    Args:
        counts: The objects.
        weights: (replicates, images) how often each image counts.
        seen: The recall that counts as seen.

    Returns:
        (replicates,) sides in pixels. The lower edge of the first range where its objects are seen
        already; infinity where those of the last range are not; NaN where a replicate has no
        object.

    Example:
        >>> found = np.array([[0, 1, 4]])
        >>> counts = SizeCounts(np.array([4.0, 8.0, 16.0, 32.0]), found, np.array([[4, 4, 4]]))
        >>> smallest_seen(counts, np.array([[1]])).round(1).tolist()
        [14.3]
    """
    recalls = recall_by_size(counts, weights)
    total = weights @ counts.total
    smallest = counts.edges[0]
    values = []
    for recall, objects in zip(recalls, total, strict=True):
        is_known = objects > 0
        raised = rising(recall[is_known], objects[is_known])
        sides = counts.centers[is_known]
        value = _crossing(raised, sides, seen)
        values.append(max(value, smallest))
    return np.array(values)


def _crossing(recall: Floats, sides: Floats, seen: float) -> float:
    """The side where a rising recall reaches a level; 0 where it starts above, infinity if never.

    NaN without a side.
    """
    if not len(sides):
        return np.nan
    is_seen = recall >= seen
    if not is_seen.any():
        return np.inf
    above = int(is_seen.argmax())
    if above == 0:
        return 0.0
    pair = slice(above - 1, above + 1)
    logarithms = np.log(sides[pair])
    value = np.interp(seen, recall[pair], logarithms)
    return float(np.exp(value))


def rising(values: NDArray[Any], weights: NDArray[Any]) -> Floats:
    """The closest sequence that never falls, by weighted squares.

    Source: pool-adjacent-violators.

    Args:
        values: (N,).
        weights: (N,), all above 0.

    Returns:
        (N,).

    Example:
        >>> rising(np.array([0.0, 0.5, 0.25, 1.0]), np.array([1, 1, 1, 1])).tolist()
        [0.0, 0.375, 0.375, 1.0]
    """
    means: list[float] = []
    masses: list[float] = []
    lengths: list[int] = []
    pairs = zip(values.tolist(), weights.tolist(), strict=True)
    for value, weight in pairs:
        mean = value
        mass = weight
        length = 1
        while means and means[-1] > mean:
            before = masses.pop()
            total = means.pop() * before + mean * mass
            mass += before
            mean = total / mass
            length += lengths.pop()
        means.append(mean)
        masses.append(mass)
        lengths.append(length)
    return np.repeat(means, lengths)
