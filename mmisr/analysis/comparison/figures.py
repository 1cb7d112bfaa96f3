"""The figures of an arm and what they were made with: the entries of ``results.json``.

Fields have the names of the keys. A flat name stands for one figure, in ``intervals``, in
differences and in the CSV: AP, AP50, AP75, AR, AP_<bin>, AP50_<bin>, AP75_<bin>, AR_<bin>,
where the protocol has the threshold AP25 and AP25_<bin>, the same of masks with segm_ before them,
psnr_<region>, ssim_<region>, new_false_positives; in ``intervals`` also ms and ms_<stage>, in the
CSV also recall_all, recall_<bin>, searched_area and mb.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from mmisr.analysis.comparison.schema import of_fields


@dataclass(frozen=True)
class BinFigures:
    """The figures of one bin of object sizes; None where no annotation has this size.

    Args:
        AP: AP at IoU 0.50:0.05:0.95.
        AP50: AP at IoU 0.50.
        AP75: AP at IoU 0.75.
        AR: Recall at IoU 0.50:0.05:0.95.
        count: Annotations of this size.
    """

    AP: float | None
    AP50: float | None
    AP75: float | None
    AR: float | None
    count: int


@dataclass(frozen=True)
class ArmFigures:
    """The figures of one arm, unrounded; None where one does not exist.

    Args:
        AP: AP, mean over the protocol's IoU thresholds (COCO's: 0.50:0.05:0.95), objects of every
            size.
        AP50: AP at IoU 0.50.
        AP75: AP at IoU 0.75.
        AR: Recall at IoU 0.50:0.05:0.95.
        bins: The same by bin of object sizes.
        psnr: dB by region: ``whole``, ``in_box``, ``out_box``.
        ssim: SSIM by region.
        new_false_positives: Mean per image of detections with a score of 0.3 or more that touch no
            annotation of any class and are absent from the bicubic arm; None without that arm.
        tokens: Mean share of tokens by exit; empty where the arm routes none.
        macs: Multiply-accumulates per image, everything charged.
        macs_by_stage: The same by stage.
        ms: Median milliseconds per image, by stage.
        intervals: Lower and upper end of the 95 % interval by flat name.
        object_recall: Share of the annotated objects whose centre is searched, ``all`` and by bin;
            empty where the arm routes nothing.
        searched_area: Mean share of the frame that is searched: in windows, or by tokens that leave
            later than by the first exit; None where the arm routes nothing.
        segm: AP and AR of masks, ``AP``, ..., ``AR_<bin>``; empty where masks are not measured.
        mb: Megabytes that an image takes beyond the weights, the most of those that were timed;
            None where that was not measured.
        extra: Figures by flat name that the protocol has and others have not: ``AP25`` and
            ``AP25_<bin>``.
    """

    AP: float | None
    AP50: float | None
    AP75: float | None
    AR: float | None
    bins: dict[str, BinFigures]
    psnr: dict[str, float | None]
    ssim: dict[str, float | None]
    new_false_positives: float | None
    tokens: dict[str, float]
    macs: float
    macs_by_stage: dict[str, float]
    ms: dict[str, float]
    intervals: dict[str, list[float]]
    object_recall: dict[str, float | None] = field(default_factory=dict)
    searched_area: float | None = None
    segm: dict[str, float | None] = field(default_factory=dict)
    mb: float | None = None
    extra: dict[str, float | None] = field(default_factory=dict)

    @property
    def at_25(self) -> dict[str, float | None]:
        """``AP25``, objects of every size; empty where the protocol has no such threshold."""
        return {name: value for name, value in self.extra.items() if name == "AP25"}

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> ArmFigures:
        """Read an entry of ``arms``."""
        bins = {name: of_fields(BinFigures, entry) for name, entry in content["bins"].items()}
        return of_fields(cls, {**content, "bins": bins})


@dataclass(frozen=True)
class MetricMeta:
    """How detections were counted.

    Args:
        protocol: Name of the protocol.
        bins: Range of areas in px^2, by bin.
        max_dets: Detections per image (and class) that count.
        frame: The frame that sizes are measured in.
        area_source: Where the size of an annotation is taken from.
        whole: Name of the range of all sizes.
        deviations: What is counted otherwise than by the benchmark's own tool, one sentence each.
    """

    protocol: str
    bins: dict[str, list[float]]
    max_dets: int
    frame: str
    area_source: str
    whole: str
    deviations: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class BootstrapMeta:
    """How intervals were made.

    Args:
        replicates: How often the images were drawn anew.
        seed: Seed of the draws.
        level: Share of the replicates in an interval.
        images: Images of the data set.
        method: The method in words.
    """

    replicates: int
    seed: int
    level: float
    images: int
    method: str


@dataclass(frozen=True)
class Meta:
    """What the figures of a comparison were made with.

    Args:
        mmisr: Version of mmisr.
        config: File of the config.
        date: Day, as YYYY-MM-DD.
        python: Version of Python.
        packages: Versions by package; None where one is not installed.
        device: GPU, or the CPU and its threads.
        machine: System, processor and cores.
        macs: What is counted as MACs, in words.
        ms: What is timed, in words.
        config_text: The whole config.
        classes: Names of the labels.
        data: What identifies the data set, see :func:`mmisr.analysis.facts.data_facts`.
        folders: The arms' folders by name, relative to the comparison's.
        keys: The arms' keys by name.
        weights: SHA-256 of every file that an arm was built of.
        seeds: Seeds of the run and of the draws.
        metric: How detections were counted.
        bootstrap: How intervals were made.
    """

    mmisr: str
    config: str | None
    date: str
    python: str
    packages: dict[str, str | None]
    device: str
    machine: dict[str, Any]
    macs: str
    ms: str
    config_text: str
    classes: list[str]
    data: dict[str, Any]
    folders: dict[str, str]
    keys: dict[str, str]
    weights: dict[str, str]
    seeds: dict[str, int | None]
    metric: MetricMeta
    bootstrap: BootstrapMeta

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Meta:
        """Read ``meta``."""
        metric = of_fields(MetricMeta, content["metric"])
        bootstrap = of_fields(BootstrapMeta, content["bootstrap"])
        return of_fields(cls, {**content, "metric": metric, "bootstrap": bootstrap})
