"""How large the objects of a set are, in the pixels that an editor sees."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from statistics import median

import numpy as np

from mmisr.analysis.set_check.annotations import Content, boxes_in_images
from mmisr.analysis.set_check.findings import Finding, SetSource, found
from mmisr.datasets.coco_values import is_ignored
from mmisr.evaluation.size_bins import PROTOCOLS

EDGES = (0, 2, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128)
"""Lower ends of the histogram's sides, in LR pixels; the last has no upper end."""

LEAST = 2.0
"""Side in LR pixels below which an object is a dot that nothing tells from noise."""


@dataclass(frozen=True)
class ObjectSizes:
    """Sizes of the objects that count, as sides: the root of the area of the box.

    Args:
        scale: By which the image files are reduced to LR.
        count: How many objects.
        smallest: Side in LR pixels; 0 where there are none.
        median: Side in LR pixels; 0 where there are none.
        edges: Lower ends of the histogram.
        histogram: Objects from each lower end up to the next.
        bins: Objects by protocol of the metric and size bin; an object on an edge is in both.
    """

    scale: float
    count: int
    smallest: float
    median: float
    edges: tuple[int, ...] = EDGES
    histogram: tuple[int, ...] = ()
    bins: dict[str, dict[str, int]] = field(default_factory=dict)

    def below(self, side: int) -> float:
        """Share of the objects whose side is shorter.

        Args:
            side: In LR pixels; a lower end of the histogram.
        """
        place = self.edges.index(side)
        return sum(self.histogram[:place]) / max(1, self.count)


def object_sizes(content: Content, scale: float) -> ObjectSizes:
    """Measure the objects of a set.

    Convention: a box of the image file is ``1 / scale`` as wide and high in LR.

    Args:
        content: Of an annotation file.
        scale: By which the image files are reduced to LR; 1 where they are LR.
    """
    sides = []
    for annotation, _, box in boxes_in_images(content):
        if is_ignored(annotation) or box.is_empty:
            continue
        left, top, right, bottom = box.xyxy
        area = (right - left) * (bottom - top)
        side = math.sqrt(area) / scale
        sides.append(side)
    values = np.array(sides)
    edges = [*EDGES, np.inf]
    histogram, _ = np.histogram(values, edges)
    counts = histogram.tolist()
    bins = {}
    for name in PROTOCOLS:
        bins[name] = _in_bins(values, name)
    return ObjectSizes(
        scale=scale,
        count=len(sides),
        smallest=min(sides, default=0.0),
        median=median(sides) if sides else 0.0,
        histogram=tuple(counts),
        bins=bins,
    )


def _in_bins(sides: np.ndarray, protocol: str) -> dict[str, int]:
    areas = sides**2
    counts = {}
    for name, (low, high) in PROTOCOLS[protocol].bins.items():
        is_above = areas >= low
        is_below = areas <= high
        is_inside = is_above & is_below
        counts[name] = int(is_inside.sum())
    return counts


def size_findings(source: SetSource, content: Content, scale: float) -> list[Finding]:
    """Objects that no detector can see at this scale.

    Args:
        source: The set.
        content: Of its annotation file.
        scale: By which the image files are reduced to LR.
    """
    dots = []
    for annotation, image, box in boxes_in_images(content):
        left, top, right, bottom = box.xyxy
        shorter = min(right - left, bottom - top) / scale
        is_dot = 0 < shorter < LEAST
        if is_dot and not is_ignored(annotation):
            text = f"annotation {annotation['id']} of {image['file_name']}: {shorter:.1f} px"
            dots.append(text)
    return found(
        "warning",
        source.name,
        "dots",
        f"objects with a side of less than {LEAST:g} LR pixels",
        dots,
        "they cost recall whatever is done: mark them as ignored, or reduce less",
    )
