"""Protocols: the one place that owns bin edges, detection caps and what each benchmark counts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Literal

import numpy as np

from mmisr.structures.marks import Mark

WHOLE = "all"
"""The name of the range that holds every size."""

INFINITE = 1e5**2
"""COCO's own upper end, in px^2."""

COCO_IOUS = tuple(np.linspace(0.5, 0.95, 10).tolist())
"""COCO's thresholds."""

UNCAPPED = 10**6
"""A cap that no image reaches: every detection counts."""

Span = tuple[float, float]


@dataclass(frozen=True)
class Matching:
    """Which detection finds what.

    Args:
        ious: IoU thresholds, rising.
        rule: How detections and annotations meet. ``crowd`` is COCO's: by falling score, each takes
            the free annotation with the highest IoU, those that count first; what is ignored may be
            taken again, and its overlap is measured on the detection's own area. ``once``: as
            ``crowd``, but what is ignored is an object, taken once, by IoU. ``own_area``: what is
            ignored, or of another size, is measured on the detection's own area. ``best`` is PASCAL
            VOC's: each detection goes to the annotation that it overlaps most, which only the first
            finds.
        cap: Where ``max_dets`` counts: among the detections of a ``class`` in an image, or among
            all of the ``image``.
        corners: What the corners of boxes are for rule ``best``: ``edges`` of pixels, or ``pixels``
            that belong to the box, which makes its sides one longer.
    """

    ious: tuple[float, ...] = COCO_IOUS
    rule: Literal["crowd", "once", "own_area", "best"] = "crowd"
    cap: Literal["class", "image"] = "class"
    corners: Literal["edges", "pixels"] = "edges"


@dataclass(frozen=True)
class Ignoring:
    """What does not count, beside what the data set itself ignores.

    Args:
        marks: Annotations with one of these marks are ignored.
        region_share: Share of a box's own area in ignored regions from which on it is dropped,
            annotations and detections alike, before matching; None where regions are crowds.
        subsets: Ranges that hold annotations of a mark instead of a size; what is in none of them
            is ignored everywhere.
        dropped: Names of classes whose annotations are left out.
        empty_images: Whether detections on images without any annotation count.
    """

    marks: Mark = Mark(0)
    region_share: float | None = None
    subsets: Mapping[str, Mark] = field(default_factory=dict)
    dropped: tuple[str, ...] = ()
    empty_images: bool = True

    @property
    def of_any_subset(self) -> Mark:
        """The marks of all subsets together; none where none is counted."""
        together = Mark(0)
        for mark in self.subsets.values():
            together |= mark
        return together


@dataclass(frozen=True)
class Averaging:
    """From matches to one number.

    Args:
        curve: How AP is taken from precision over recall: ``101`` or ``11`` levels of recall, the
            ``area`` under the envelope, or ``sampled``: that area over 1000 levels of the score,
            which is stretched to 0..1 over the data set.
        classes: ``each`` class weighs the same, or as many as the ``images`` that have it.
        possible: Recall is the share of the ``counted`` annotations, or of ``all``, ignored ones
            too.
        recall_at: Further caps at which recall is given.
    """

    curve: Literal["101", "11", "area", "sampled"] = "101"
    classes: Literal["each", "images"] = "each"
    possible: Literal["counted", "all"] = "counted"
    recall_at: tuple[int, ...] = ()


@dataclass(frozen=True)
class Protocol:
    """How a benchmark bins, caps, matches and averages.

    Convention: a range holds areas in px^2 and both of its ends, as in COCO's reference code, so
    that an object of exactly 32^2 is small and medium.

    Args:
        name: The name that configs use.
        bins: Area ranges in px^2 by name.
        max_dets: Detections per image (and class) that count, by score; one number for every
            figure.
        whole: The range of all sizes.
        matching: Which detection finds what.
        ignoring: What does not count.
        averaging: From matches to one number.
        notes: What differs from the published tool whatever the settings, one sentence each.
    """

    name: str
    bins: Mapping[str, Span]
    max_dets: int
    whole: Span = (0.0, INFINITE)
    matching: Matching = Matching()
    ignoring: Ignoring = Ignoring()
    averaging: Averaging = Averaging()
    notes: tuple[str, ...] = ()

    def sizes(self) -> dict[str, Span]:
        """Area ranges in px^2 by name, the range of all sizes first."""
        return {WHOLE: self.whole, **self.bins}

    def ranges(self) -> dict[str, Span]:
        """As :meth:`sizes`, with the subsets, which hold every size, behind the first."""
        subsets = dict.fromkeys(self.ignoring.subsets, self.whole)
        return {WHOLE: self.whole, **subsets, **self.bins}

    @property
    def is_coco(self) -> bool:
        """Whether COCO's own code counts it: all but bins and caps are COCO's."""
        averaging = self.averaging
        is_plain = averaging == Averaging(recall_at=averaging.recall_at)
        return is_plain and self.matching == Matching() and self.ignoring == Ignoring()


def _squares(**sides: tuple[float, float]) -> Mapping[str, Span]:
    """Ranges of area from ranges of side."""
    return MappingProxyType(
        {name: (float(low) ** 2, float(high) ** 2) for name, (low, high) in sides.items()}
    )


COCO_BINS = _squares(small=(0, 32), medium=(32, 96), large=(96, 1e5))
NONE_OFFICIAL = "the benchmark has no size bins: those of coco are an extra"
REGIONS_OF_A_CLASS = (
    "regions to ignore (ignored_region) excuse detections of the class that they are listed under, "
    "and of no other"
)
"""Holds where a data set has such regions, and the protocol does not drop what lies in them."""

VOC = Protocol(
    name="voc",
    bins=COCO_BINS,
    max_dets=UNCAPPED,
    matching=Matching(ious=(0.5,), rule="best"),
    ignoring=Ignoring(marks=Mark.DIFFICULT),
    averaging=Averaging("area"),
    notes=(NONE_OFFICIAL,),
)

ALL = (
    Protocol(
        name="coco",
        bins=COCO_BINS,
        max_dets=100,
        averaging=Averaging(recall_at=(1, 10)),
        notes=("annotations with ignore=1 are crowds, where pycocotools counts them",),
    ),
    Protocol(
        name="aitod",
        bins=_squares(very_tiny=(0, 8), tiny=(8, 16), small=(16, 32), medium=(32, 1e5)),
        max_dets=1500,
        averaging=Averaging(recall_at=(1, 100)),
        notes=("annotations with ignore=1 are crowds, where aitodpycocotools counts them",),
    ),
    Protocol(
        name="tinyperson",
        bins=MappingProxyType(
            {
                **_squares(tiny=(1, 20), tiny1=(1, 8), tiny2=(8, 12), tiny3=(12, 20)),
                **_squares(small=(20, 32), reasonable=(32, 1e5)),
            }
        ),
        max_dets=200,
        whole=(1.0, INFINITE),
        matching=Matching(ious=(0.25, 0.5, 0.75), rule="own_area"),
        ignoring=Ignoring(marks=Mark.UNCERTAIN),
        notes=(
            "AP and AR are means over the three thresholds, which the benchmark gives one by one",
            "TinyBenchmark counts 200 detections; later code with the same rules counts 1000 "
            "(max_dets=1000)",
        ),
    ),
    Protocol(
        name="visdrone",
        bins=COCO_BINS,
        max_dets=500,
        matching=Matching(cap="image"),
        ignoring=Ignoring(region_share=0.5, dropped=("others",)),
        averaging=Averaging("area", classes="images", possible="all", recall_at=(1, 10, 100)),
        notes=(NONE_OFFICIAL,),
    ),
    Protocol(
        name="sodad",
        bins=MappingProxyType(
            {
                **_squares(small=(0, 32), eS=(0, 12), rS=(12, 20), gS=(20, 32)),
                "normal": (32.0**2, 2000.0),
            }
        ),
        max_dets=20_000,
        matching=Matching(rule="once"),
        averaging=Averaging(recall_at=(100, 300, 1000)),
        notes=(
            "the benchmark's AP, AP50 and AP75 are AP_small, AP50_small and AP75_small: AP of all "
            "sizes is an extra",
            "the published code of SODA-D counts 100 detections for AP (max_dets=100); 20000 is "
            "that of SODA-A",
        ),
    ),
    VOC,
    replace(VOC, name="voc07", averaging=Averaging("11")),
    Protocol(
        name="wider",
        # Other names than coco's: medium is a subset.
        bins=_squares(small_size=(0, 32), medium_size=(32, 96), large_size=(96, 1e5)),
        max_dets=UNCAPPED,
        matching=Matching(ious=(0.5,), rule="best", corners="pixels"),
        ignoring=Ignoring(
            subsets=MappingProxyType({"easy": Mark.EASY, "medium": Mark.MEDIUM, "hard": Mark.HARD}),
            empty_images=False,
        ),
        averaging=Averaging("sampled"),
        notes=(
            NONE_OFFICIAL,
            "AP of all sizes is that of the faces of any subset, which on the published data are "
            "those of hard",
        ),
    ),
)
"""COCO (Lin et al. 2014), AI-TOD (Wang et al. 2021), TinyPerson (Yu et al. 2020), VisDrone-DET (Zhu
et al. 2018), SODA-D (Cheng et al. 2023), PASCAL VOC (Everingham et al. 2010) from 2010 on and of
2007, WIDER FACE (Yang et al. 2016)."""

PROTOCOLS: Mapping[str, Protocol] = MappingProxyType({each.name: each for each in ALL})
"""The protocols by name."""


def protocol_named(name: str) -> Protocol:
    """Look a protocol up.

    Raises:
        ValueError: There is none of this name.
    """
    if name not in PROTOCOLS:
        raise ValueError(f"protocol must be one of {sorted(PROTOCOLS)}, got {name!r}")
    return PROTOCOLS[name]


def cap_text(max_dets: int) -> str:
    """A cap in words: ``max_dets 100``, or that there is none."""
    return "no cap on detections" if max_dets >= UNCAPPED else f"max_dets {max_dets}"


def deviations(
    protocol: Protocol, frame: str = "lr", area_source: str = "box", max_dets: int | None = None
) -> list[str]:
    """What is counted otherwise than by the published tool.

    Args:
        protocol: The protocol.
        frame: Where sizes are measured, ``lr`` or ``source``.
        area_source: The size of an annotation: ``box`` or ``annotation``.
        max_dets: Detections that count; None for the protocol's.

    Returns:
        One sentence each; empty where nothing is.

    Example:
        >>> deviations(PROTOCOLS["visdrone"], "source", "annotation")
        ['the benchmark has no size bins: those of coco are an extra']
    """
    found = []
    has_bins = NONE_OFFICIAL not in protocol.notes
    if frame == "lr":
        found.append("sizes are measured in pixels of the LR image, not of the file (frame='lr')")
    if area_source == "box" and has_bins:
        found.append(
            "the size of an annotation is that of its box, not its annotated area "
            "(area_source='box')"
        )
    if max_dets is not None and max_dets != protocol.max_dets:
        official = cap_text(protocol.max_dets)
        found.append(f"{cap_text(max_dets)}, where the protocol has {official}")
    return [*found, *protocol.notes]
