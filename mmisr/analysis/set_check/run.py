"""Check data sets: each by itself, then against each other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import numpy as np

from mmisr.analysis.set_check.alignment import alignment_findings, measure_alignment
from mmisr.analysis.set_check.annotations import Content, annotation_findings
from mmisr.analysis.set_check.findings import Finding, SetSource, found, worst_first
from mmisr.analysis.set_check.images import (
    ImageFacts,
    image_findings,
    kinds_of,
    scan_images,
    unlisted_findings,
)
from mmisr.analysis.set_check.near import NEAR, near_duplicates
from mmisr.analysis.set_check.result import NearSets, SetCheck, SetSummary
from mmisr.analysis.set_check.sizes import object_sizes, size_findings
from mmisr.datasets.coco_checks import check_annotations
from mmisr.datasets.coco_file import read_annotations
from mmisr.datasets.coco_values import is_ignored
from mmisr.datasets.paired import PairedFiles

SPLIT = (
    "AP on them says nothing of new images: split by place or by video, never by frame, and look "
    "at the pictures of the page"
)


@dataclass(frozen=True)
class Options:
    """How sets are checked.

    Args:
        scale: By which image files are reduced to LR; 1 where they are LR.
        decode: Whether images are decoded.
        near: Bits of 63 by which near duplicates may differ.
        pairs: Where the other halves of paired images lie, by the name of the set.

    Raises:
        ValueError: ``scale`` or ``near`` is out of range.
    """

    scale: float = 1.0
    decode: bool = True
    near: int = NEAR
    pairs: Mapping[str, PairedFiles] | None = None

    def __post_init__(self) -> None:
        if not self.scale > 0:
            raise ValueError(f"scale must be above 0, got {self.scale}")
        if not 0 <= self.near < 63:
            raise ValueError(f"near must be from 0 to 62 bits, got {self.near}")


@dataclass(frozen=True)
class Checked:
    """A set with all that was read of it.

    Args:
        source: The set.
        summary: What it holds.
        findings: About it alone.
        facts: Of its images.
    """

    source: SetSource
    summary: SetSummary
    findings: Sequence[Finding]
    facts: Sequence[ImageFacts] = ()


def check_sets(sources: Sequence[SetSource], options: Options) -> SetCheck:
    """Check data sets.

    Args:
        sources: The sets; the first of several is what is trained on.
        options: How.

    Returns:
        What was found.

    Raises:
        ValueError: There is no set, or two have one name.
    """
    names = [source.name for source in sources]
    if not names or len(set(names)) < len(names):
        raise ValueError(f"sets must be at least one, each by a name of its own, got {names}")
    checked = [_check_one(source, options) for source in sources]
    listed = {Path(of_image.path) for one in checked for of_image in one.facts}
    findings: list[Finding] = []
    for one in checked:
        findings += one.findings
        findings += unlisted_findings(one.source, one.facts, listed)
    near = []
    for a, b in combinations(checked, 2):
        findings += _same_images(a, b)
        alike = _alike(a, b, options.near)
        findings += _near_findings(alike, len(b.facts))
        if alike.pairs:
            near.append(alike)
    summaries = [one.summary for one in checked]
    return SetCheck(summaries, worst_first(findings), near, options.decode)


def _check_one(source: SetSource, options: Options) -> Checked:
    try:
        content = read_annotations(source.ann_file)
    except (ValueError, OSError) as error:
        summary = SetSummary(source.name, source.ann_file, source.folder)
        broken = found(
            "error",
            source.name,
            "annotation-file",
            "annotation file that cannot be used",
            [str(error)],
            "mend it first: nothing else of this set was checked",
        )
        return Checked(source, summary, broken)
    facts = scan_images(source, content["images"], options.decode)
    names = [of_image.name for of_image in facts if not of_image.fault]
    pairs = (options.pairs or {}).get(source.name)
    alignment = None if pairs is None else measure_alignment(source, names, pairs)
    findings = [
        *_config_findings(source, content),
        *annotation_findings(source, content),
        *size_findings(source, content, options.scale),
        *image_findings(source, facts),
        *alignment_findings(source, alignment),
    ]
    summary = SetSummary(
        name=source.name,
        ann_file=source.ann_file,
        folder=source.folder,
        images=len(content["images"]),
        annotations=len(content["annotations"]),
        boxes_by_class=_by_class(content),
        kinds=kinds_of(facts),
        sizes=object_sizes(content, options.scale),
        alignment=alignment,
    )
    return Checked(source, summary, findings, facts)


def _config_findings(source: SetSource, content: Content) -> list[Finding]:
    """What the data set would refuse when it is built."""
    listed = tuple(category["name"] for category in content["categories"])
    try:
        check_annotations(content, source.ann_file, source.classes or listed, need_boxes=False)
    except ValueError as error:
        return found(
            "error",
            source.name,
            "classes",
            "categories that do not fit the classes",
            [str(error)],
            "see the example",
        )
    return []


def _by_class(content: Content) -> dict[str, int]:
    counts = Counter(a["category_id"] for a in content["annotations"] if not is_ignored(a))
    return {category["name"]: counts[category["id"]] for category in content["categories"]}


def _same_images(a: Checked, b: Checked) -> list[Finding]:
    """Files of one content in both sets."""
    in_a = {of_image.digest: of_image.name for of_image in a.facts if of_image.digest}
    same = [
        f"{in_a[of_image.digest]} = {of_image.name}"
        for of_image in b.facts
        if of_image.digest in in_a
    ]
    return found(
        "error",
        f"{a.source.name}+{b.source.name}",
        "same-image",
        f"images of {b.source.name} that are in {a.source.name} too (of {len(b.facts)})",
        same,
        "take them out of one of the two: what was learned by heart is no test",
    )


def _alike(a: Checked, b: Checked, near: int) -> NearSets:
    """Images that look alike and are not the same file."""
    digests = {of_image.digest for of_image in a.facts}
    ours = [of_image for of_image in a.facts if of_image.look is not None]
    theirs = [
        of_image
        for of_image in b.facts
        if of_image.look is not None and of_image.digest not in digests
    ]
    pairs = near_duplicates(
        [of_image.name for of_image in theirs],
        np.array([of_image.look for of_image in theirs]),
        [of_image.name for of_image in ours],
        np.array([of_image.look for of_image in ours]),
        near,
    )
    names = (a.source.name, b.source.name)
    folders = (a.source.folder, b.source.folder)
    return NearSets(*names, *folders, tuple(pairs))


def _near_findings(alike: NearSets, images: int) -> list[Finding]:
    texts = [f"{pair.name} ~ {pair.like} ({pair.bits} bits)" for pair in alike.pairs]
    return found(
        "warning",
        f"{alike.a}+{alike.b}",
        "near-duplicates",
        f"images of {alike.b} that look like one of {alike.a} (of {images})",
        texts,
        SPLIT,
    )
