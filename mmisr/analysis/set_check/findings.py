"""What is found wrong with a data set: one rule, how often it is broken, and the way out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

SEVERITIES = ("error", "warning", "note")
"""What a training fails or learns something wrong from, what costs AP, what is worth knowing."""

SHOWN = 5
"""How many offenders a finding names."""


@dataclass(frozen=True)
class SetSource:
    """A data set that is checked.

    Args:
        name: What it is called; the first of several is what is trained on.
        ann_file: COCO JSON.
        folder: Folder of its images.
        classes: Names of the classes, in their order; empty for those that the file lists.
        max_pixels: Largest height times width that its pipeline reads.
    """

    name: str
    ann_file: str
    folder: str
    classes: tuple[str, ...] = ()
    max_pixels: int | None = None


@dataclass(frozen=True)
class Finding:
    """A rule that a data set breaks.

    Args:
        severity: ``error``, ``warning`` or ``note``.
        set_name: Which set; two, joined by a plus sign, where it is about both.
        rule: Its short name, which stays the same in later versions.
        text: Who breaks it, in words.
        count: How many entries, images or objects.
        examples: The first of them.
        way_out: What to do about it; empty for a note.
    """

    severity: str
    set_name: str
    rule: str
    text: str
    count: int
    examples: tuple[str, ...] = ()
    way_out: str = ""


def found(
    severity: str,
    set_name: str,
    rule: str,
    what: str,
    offenders: Sequence[str],
    way_out: str = "",
) -> list[Finding]:
    """A finding with its first offenders; nothing where there are none.

    Args:
        severity: See :class:`Finding`.
        set_name: See :class:`Finding`.
        rule: See :class:`Finding`.
        what: Who they are, in words.
        offenders: All who break the rule.
        way_out: See :class:`Finding`.

    Returns:
        A list of one, or of none.

    Example:
        >>> found("note", "val", "empty", "images without annotations", ["a.png"])[0].count
        1
    """
    count = len(offenders)
    if not count:
        return []
    examples = tuple(offenders[:SHOWN])
    return [Finding(severity, set_name, rule, what, count, examples, way_out)]


def worst_first(findings: Iterable[Finding]) -> list[Finding]:
    """Errors before warnings before notes; within each in the order of the checks.

    Args:
        findings: In any order.
    """
    return sorted(findings, key=lambda finding: SEVERITIES.index(finding.severity))
