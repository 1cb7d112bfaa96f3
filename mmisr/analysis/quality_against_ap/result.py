"""What was found of quality against AP, as ``quality_against_ap.json`` holds it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from mmisr.analysis.comparison.figures import Meta
from mmisr.analysis.comparison.schema import of_fields

FILE = "quality_against_ap.json"
SCHEMA = 2
"""Of the file; raised when a key changes its meaning."""


@dataclass(frozen=True)
class Correlation:
    """How a criterion and a task score go together.

    Args:
        across: ``methods``, one point a method; or ``images``, the mean over methods of the
            coefficient over their images.
        criterion: Name of the criterion.
        region: ``whole`` or ``in_box``.
        score: ``AP`` or ``recall_small``.
        coefficient: ``pearson``, ``spearman`` or ``kendall``.
        value: The coefficient; None where it does not exist.
        lo: Lower end of its 95 % interval.
        hi: Upper end.
        points: Methods, or images.
        reason: Why it does not exist; empty where it does.
    """

    across: str
    criterion: str
    region: str
    score: str
    coefficient: str
    value: float | None
    lo: float | None
    hi: float | None
    points: int
    reason: str = ""


@dataclass(frozen=True)
class Method:
    """One arm.

    Args:
        arm: Its name.
        scores: Of the data set, by name; None where one does not exist.
        criteria: Mean over the images where every method has a finite value, by
            ``<criterion>_<region>``; None where there is none.
        images: Scores and criteria of every image, by the same names.
        reasons: Why criteria do not exist, each reason once, with how many images it is true of.
        is_point: Whether it is a point of the correlations: neither HR nor of another size.
    """

    arm: str
    scores: dict[str, float | None]
    criteria: dict[str, float | None]
    images: list[dict[str, float | None]]
    reasons: dict[str, int]
    is_point: bool


@dataclass(frozen=True)
class QualityAgainstAP:
    """Everything that was found.

    Args:
        folders: The arms' folders by name, which say what they were made of.
        protocol: Of the comparison, which says what counts.
        max_dets: Detections per image (and class) that count.
        methods: The arms.
        correlations: Across methods and across images.
        criteria: Names of the criteria that were computed.
        small_side: Side up to which an object is small, in the frame of the size bins.
        replicates: How often images were drawn anew.
        seed: Of these draws.
        num_images: Images of the data set.
        left_out: By ``<criterion>_<region>``, images that means leave out because the criterion of
            some method is finite there and that of another is not.
    """

    folders: dict[str, str]
    protocol: str
    max_dets: int
    methods: list[Method]
    correlations: list[Correlation]
    criteria: list[str]
    small_side: float
    replicates: int
    seed: int
    num_images: int
    left_out: dict[str, int]

    def is_of(self, meta: Meta) -> bool:
        """Whether it was found of these arms, counted in this way."""
        metric = meta.metric
        mine = (self.folders, self.protocol, self.max_dets)
        return mine == (meta.folders, metric.protocol, metric.max_dets)

    def to_json(self) -> str:
        """The content of the file."""
        return json.dumps({"schema": SCHEMA, **asdict(self)}, indent=1, allow_nan=False) + "\n"

    @classmethod
    def load(cls, folder: Path) -> QualityAgainstAP | None:
        """Read it from the folder of a comparison; None where it is not there.

        Raises:
            ValueError: Another version of mmisr wrote it.
        """
        path = folder / FILE
        if not path.is_file():
            return None
        content: Mapping[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        if content.get("schema") != SCHEMA:
            raise ValueError(
                f"{path} has schema {content.get('schema')}, and this mmisr reads {SCHEMA}: run "
                "tools/analysis/quality_against_ap.py again"
            )
        methods = []
        for entry in content["methods"]:
            methods.append(of_fields(Method, entry))
        correlations = []
        for entry in content["correlations"]:
            correlations.append(of_fields(Correlation, entry))
        made = {
            **content,
            "methods": methods,
            "correlations": correlations,
        }
        return of_fields(cls, made)
