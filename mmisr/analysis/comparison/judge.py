"""Judge: from the resampled figures to intervals, differences and what they show."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import combinations
from typing import Literal

import numpy as np

from mmisr.analysis.comparison.figures import ArmFigures, BinFigures, Meta
from mmisr.analysis.comparison.resample import (
    AP25,
    NEW,
    SEGM,
    Sampled,
    Settings,
    flat,
    interval,
)
from mmisr.analysis.comparison.result import ArmRun, Comparison, Difference, Verdict
from mmisr.evaluation.functional.object_recall import count_reached, total_reached
from mmisr.evaluation.functional.protocol_ap import annotations_in
from mmisr.evaluation.functional.region_quality import REGIONS
from mmisr.evaluation.size_bins import WHOLE, Protocol

HEADLINES = ("AP", "psnr_in_box")
"""Every pair of arms gets a verdict on these, and on AP of each bin."""

FEWEST = 6
"""With five images all five favour one arm by chance in 2 of 32 cases, more than 5 %.

Fewer than six show nothing.
"""


def judge(
    runs: Mapping[str, ArmRun],
    sampled: Mapping[str, Mapping[str, Sampled]],
    settings: Settings,
    meta: Meta,
) -> Comparison:
    """Make figures, differences and verdicts of what was resampled.

    Args:
        runs: The arms by name.
        sampled: Their figures, see :func:`mmisr.analysis.comparison.resample.resample`.
        settings: How detections were counted and images drawn.
        meta: What the figures were made with.

    Returns:
        The comparison.
    """
    figures = {name: arm_figures(run, sampled[name], settings) for name, run in runs.items()}
    headlines = {*HEADLINES, *(f"AP_{name}" for name in _bin_names(settings.protocol))}
    headlines |= {SEGM + name for name in headlines}
    all_differences = []
    verdicts = []
    for difference, images in differences(sampled):
        all_differences.append(difference)
        if difference.figure in headlines:
            verdicts.append(verdict_on(difference, images))
    return Comparison(
        arms=figures,
        differences=all_differences,
        verdicts=verdicts,
        meta=meta,
        runs=runs,
    )


def arm_figures(run: ArmRun, sampled: Mapping[str, Sampled], settings: Settings) -> ArmFigures:
    """The figures of one arm as ``results.json`` holds them.

    Args:
        run: The arm.
        sampled: Its figures by flat name.
        settings: How detections were counted.
    """
    values = {name: figure.value for name, figure in sampled.items()}
    spans = {}
    for name, figure in sampled.items():
        if figure.value is not None:
            spans[name] = list(figure.interval())
    return ArmFigures(
        AP=values["AP"],
        AP50=values["AP50"],
        AP75=values["AP75"],
        AR=values["AR"],
        bins=_bins(run, values, settings),
        psnr={region: values[f"psnr_{region}"] for region in REGIONS},
        ssim={region: values[f"ssim_{region}"] for region in REGIONS},
        new_false_positives=values[NEW],
        tokens=_mean_tokens(run),
        macs=sum(run.macs.values()),
        macs_by_stage=run.macs,
        ms=run.ms,
        intervals={**spans, **run.ms_intervals},
        object_recall=_object_recall(run, settings),
        searched_area=_mean_area(run),
        segm=_of_masks(values),
        mb=run.mb,
        extra={name: value for name, value in values.items() if name.startswith(AP25)},
    )


def _of_masks(values: Mapping[str, float | None]) -> dict[str, float | None]:
    """AP and AR of masks, by the names that those of boxes have."""
    segm = {}
    for name, value in values.items():
        if name.startswith(SEGM):
            segm[name.removeprefix(SEGM)] = value
    return segm


def _bins(
    run: ArmRun, values: Mapping[str, float | None], settings: Settings
) -> dict[str, BinFigures]:
    """AP, AR and how many annotations there are, by bin."""
    counts = annotations_in(run.records, settings.protocol)
    bins = {}
    for name in _bin_names(settings.protocol):
        bins[name] = BinFigures(
            AP=values[flat("AP", name)],
            AP50=values[flat("AP50", name)],
            AP75=values[flat("AP75", name)],
            AR=values[flat("AR", name)],
            count=counts[name],
        )
    return bins


def _bin_names(protocol: Protocol) -> list[str]:
    """The ranges but that of all sizes."""
    return [name for name in protocol.ranges() if name != WHOLE]


def _mean_tokens(run: ArmRun) -> dict[str, float]:
    """Mean share of tokens by exit; empty where nothing is routed."""
    routed = [image.tokens for image in run.images if image.tokens is not None]
    if not routed:
        return {}
    return {name: float(np.mean([shares[name] for shares in routed])) for name in routed[0]}


def _object_recall(run: ArmRun, settings: Settings) -> dict[str, float | None]:
    """Share of the objects that are searched, by range of sizes; empty where nothing is routed."""
    ranges = settings.protocol.sizes()
    images = []
    for index, record in enumerate(run.records):
        of_image = run.reached(index)
        if of_image is None:
            return {}
        reached = np.array(of_image, dtype=bool)
        counts = count_reached(record.gt_areas, record.gt_ignore, reached, ranges)
        images.append(counts)
    totals = total_reached(images)
    return {name: count.recall for name, count in totals.items()}


def _mean_area(run: ArmRun) -> float | None:
    """Mean share of the frame that is searched; None where nothing is routed."""
    areas = [image.searched_area for image in run.images if image.searched_area is not None]
    return float(np.mean(areas)) if areas else None


def differences(
    arms: Mapping[str, Mapping[str, Sampled]],
) -> list[tuple[Difference, int]]:
    """The differences of every pair of arms in every figure that both have.

    Convention: the later arm less the earlier.

    Args:
        arms: Figures by arm, then by flat name.

    Returns:
        Every difference, and how many images the poorer of its two figures rests on.
    """
    return [
        difference
        for earlier, later in combinations(arms, 2)
        for difference in _of_pair(later, arms[later], earlier, arms[earlier])
    ]


def _of_pair(
    a: str, figures_a: Mapping[str, Sampled], b: str, figures_b: Mapping[str, Sampled]
) -> Iterator[tuple[Difference, int]]:
    for figure, of_a in figures_a.items():
        of_b = figures_b[figure]
        if of_a.value is None or of_b.value is None:
            continue
        delta = of_a.values - of_b.values
        low, high = interval(delta[1:])
        difference = Difference(a, b, figure, float(delta[0]), low, high)
        yield difference, min(of_a.images, of_b.images)


def digits_of(figure: str) -> int:
    """Decimals that a figure is told with: decibels need fewer than shares."""
    return 2 if figure.startswith("psnr") else 4


def verdict_on(difference: Difference, images: int) -> Verdict:
    """What a difference shows: nothing where its interval holds 0, or too few images carry it.

    Args:
        difference: The difference and its interval.
        images: How many images it rests on.

    Example:
        >>> verdict_on(Difference("sr", "bicubic", "AP", 0.012, -0.004, 0.031), 40).text
        'sr against bicubic: AP +0.0120 [-0.0040, +0.0310], no difference shown'
    """
    d = difference
    shown: Literal["higher", "lower", "none"] = "none"
    outcome = "no difference shown"
    if images < FEWEST:
        outcome += f" ({images} images have it, fewer than {FEWEST} show nothing)"
    elif d.lo > 0:
        outcome = shown = "higher"
    elif d.hi < 0:
        outcome = shown = "lower"
    span = f"{_signed(d, d.delta)} [{_signed(d, d.lo)}, {_signed(d, d.hi)}]"
    return Verdict(
        a=d.a,
        b=d.b,
        figure=d.figure,
        shown=shown,
        text=f"{d.a} against {d.b}: {d.figure} {span}, {outcome}",
    )


def _signed(difference: Difference, value: float) -> str:
    digits = digits_of(difference.figure)
    return f"{value:+.{digits}f}"
