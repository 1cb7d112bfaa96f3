"""What a check of data sets gives, and the version of its file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from mmisr.analysis.set_check.alignment import Alignment
from mmisr.analysis.set_check.findings import SEVERITIES, Finding
from mmisr.analysis.set_check.near import NearDuplicate
from mmisr.analysis.set_check.sizes import ObjectSizes
from mmisr.version import __version__

SCHEMA = 1
"""Of ``check.json``; raised when a key changes its meaning."""


@dataclass(frozen=True)
class SetSummary:
    """What a set holds.

    Args:
        name: What it is called.
        ann_file: COCO JSON.
        folder: Folder of its images.
        images: Entries of its file.
        annotations: Entries of its file.
        boxes_by_class: Objects that count.
        kinds: Images by how their pixels are stored.
        sizes: Of its objects, in LR pixels; None where its file cannot be read.
        alignment: Of its pairs; None where its LR images are not files of their own.
    """

    name: str
    ann_file: str
    folder: str
    images: int = 0
    annotations: int = 0
    boxes_by_class: Mapping[str, int] = field(default_factory=dict)
    kinds: Mapping[str, int] = field(default_factory=dict)
    sizes: ObjectSizes | None = None
    alignment: Alignment | None = None


@dataclass(frozen=True)
class NearSets:
    """The images of one set that look like images of another.

    Args:
        a: The set that is trained on.
        b: The set that is tested on.
        a_folder: Of the images of ``a``.
        b_folder: Of the images of ``b``.
        pairs: Images of ``b``, each with the nearest of ``a``; the most alike first.
    """

    a: str
    b: str
    a_folder: str
    b_folder: str
    pairs: tuple[NearDuplicate, ...]


@dataclass(frozen=True)
class SetCheck:
    """What was found.

    Args:
        sets: One per set.
        findings: The worst first.
        near: Near duplicates of two sets.
        decoded: Whether images were decoded, or headers read alone.
    """

    sets: Sequence[SetSummary]
    findings: Sequence[Finding]
    near: Sequence[NearSets] = ()
    decoded: bool = True

    def counts(self) -> dict[str, int]:
        """How many findings there are, by severity."""
        severities = [finding.severity for finding in self.findings]
        return {severity: severities.count(severity) for severity in SEVERITIES}

    @property
    def has_errors(self) -> bool:
        """Whether training or testing on these sets fails, or means nothing."""
        return self.counts()["error"] > 0

    def to_json(self) -> dict[str, Any]:
        """Everything, as plain values."""
        return {"schema": SCHEMA, "mmisr": __version__, **asdict(self)}
