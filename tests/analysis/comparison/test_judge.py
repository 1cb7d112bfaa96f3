"""Figures, differences and verdicts: each says what its interval supports, and no more."""

import dataclasses
import math

import numpy as np
import pytest

from mmisr.analysis.comparison.figures import BinFigures
from mmisr.analysis.comparison.judge import arm_figures, differences, judge, verdict_on
from mmisr.analysis.comparison.resample import NEW, Settings, draw, resample, sample_arm
from mmisr.analysis.comparison.result import Difference
from mmisr.evaluation.functional.ignore_rules import all_counted
from mmisr.evaluation.functional.protocol_ap import protocol_ap
from mmisr.evaluation.size_bins import protocol_named

AITOD = protocol_named("aitod")
SETTINGS = Settings(AITOD, 100, 1, replicates=200)


def sample(run, baseline=None, images=12):
    return sample_arm(run, baseline, SETTINGS, draw(images, SETTINGS.replicates, 0))


def test_an_arm_does_not_differ_from_itself(run_of, records_of):
    runs = {name: run_of(name, records_of()) for name in ("a", "b")}
    found = differences({name: sample(run) for name, run in runs.items()})
    assert {(d.delta, d.lo, d.hi) for d, _ in found} == {(0, 0, 0)}
    assert {verdict_on(d, images).shown for d, images in found} == {"none"}


def test_pairing_makes_small_differences_visible(run_of, records_of):
    """Both intervals overlap, that of the difference excludes 0.

    Images differ more than arms do.
    """
    base = np.random.default_rng(0).normal(20, 4, 12)
    sampled = {
        "bicubic": sample(run_of("bicubic", records_of(), list(base))),
        "sr": sample(run_of("sr", records_of(), list(base + 0.3))),
    }
    low, high = sampled["bicubic"]["psnr_in_box"].interval()
    assert low < sampled["sr"]["psnr_in_box"].value < high
    ((d, images),) = [(d, n) for d, n in differences(sampled) if d.figure == "psnr_in_box"]
    assert (d.a, d.b) == ("sr", "bicubic")
    assert (d.delta, d.lo, d.hi) == pytest.approx((0.3, 0.3, 0.3))
    assert verdict_on(d, images).shown == "higher"


def test_a_better_arm_is_seen_and_a_missing_figure_is_no_difference(run_of, records_of):
    sampled = {
        "lr": sample(run_of("lr", records_of(skill=0.2))),
        "sr": sample(run_of("sr", records_of(skill=0.9), [20.0] * 12)),
    }
    found = {d.figure: verdict_on(d, images) for d, images in differences(sampled)}
    assert found["AP"].shown == found["AP_tiny"].shown == "higher"
    assert not {"psnr_in_box", "AP_small", NEW} & set(found)


@pytest.mark.parametrize(
    ("lo", "hi", "images", "shown", "text"),
    [
        (0.001, 0.2, 40, "higher", "sr against lr: AP +0.1000 [+0.0010, +0.2000], higher"),
        (-0.2, -0.001, 40, "lower", "sr against lr: AP +0.1000 [-0.2000, -0.0010], lower"),
        (
            -0.001,
            0.2,
            40,
            "none",
            "sr against lr: AP +0.1000 [-0.0010, +0.2000], no difference shown",
        ),
        (0.0, 0.2, 40, "none", "sr against lr: AP +0.1000 [+0.0000, +0.2000], no difference shown"),
        (
            math.nan,
            math.nan,
            40,
            "none",
            "sr against lr: AP +0.1000 [+nan, +nan], no difference shown",
        ),
        (0.1, 0.1, 1, "none", "no difference shown (1 images have it, fewer than 6 show nothing)"),
        (0.01, 0.1, 5, "none", "no difference shown (5 images have it, fewer than 6 show nothing)"),
    ],
)
def test_a_verdict_says_what_its_interval_supports(lo, hi, images, shown, text):
    verdict = verdict_on(Difference("sr", "lr", "AP", 0.1, lo, hi), images)
    assert verdict.shown == shown
    assert text in verdict.text
    assert ("higher" in verdict.text, "lower" in verdict.text) == (
        shown == "higher",
        shown == "lower",
    )


def test_figures_have_counts_intervals_and_gaps(run_of, records_of):
    run = run_of("sr", records_of())
    found = arm_figures(run, sample(run), SETTINGS)
    assert found.bins["tiny"].count == 60
    assert found.bins["medium"] == BinFigures(None, None, None, None, count=0)
    low, high = found.intervals["AP_tiny"]
    assert low < found.bins["tiny"].AP < high
    assert "AP_medium" not in found.intervals
    assert found.tokens == {}
    assert (found.object_recall, found.searched_area) == ({}, None)
    assert (found.macs, found.ms) == (5.0, {"upscale": 2.0})


def test_objects_are_counted_in_the_bins_of_the_protocol(run_of, records_of):
    """What is stored is which annotations were reached: another protocol needs no arm again."""
    records = records_of()
    records[0].gt_ignore[:] = [True, False, False, False, False]
    records[1].gt_areas[:2] = 20.0**2
    run = run_of("sr", records)
    reached = [[True, True, False, False, False], [True, False, True, False, False]]
    reached += [[True] * 5] * 10
    areas = [0.25, 0.5, *[0.75] * 10]
    images = [
        dataclasses.replace(image, reached=flags, searched_area=share)
        for image, flags, share in zip(run.images, reached, areas, strict=True)
    ]
    run = dataclasses.replace(run, images=images)
    found = arm_figures(run, sample(run), SETTINGS)
    assert found.object_recall == {
        "all": (1 + 2 + 50) / 59,
        "very_tiny": None,
        "tiny": (1 + 1 + 50) / 57,
        "small": 1 / 2,
        "medium": None,
    }
    assert found.searched_area == pytest.approx((0.25 + 0.5 + 7.5) / 12)
    coco = dataclasses.replace(SETTINGS, protocol=protocol_named("coco"))
    other = sample_arm(run, None, coco, draw(12, 20, 0))
    assert arm_figures(run, other, coco).object_recall["small"] == (1 + 2 + 50) / 59


def test_a_comparison_has_every_difference_and_verdicts_on_the_headlines(run_of, records_of, meta):
    runs = {
        "bicubic": run_of("bicubic", records_of(), [20.0] * 12),
        "sr": run_of("sr", records_of(skill=0.9), [21.0] * 12),
    }
    comparison = judge(runs, resample(runs, SETTINGS), SETTINGS, meta)
    assert list(comparison.arms) == ["bicubic", "sr"]
    figures = [d.figure for d in comparison.differences]
    assert {"AP", "AP50", "AR_tiny", "psnr_in_box", NEW} <= set(figures)
    judged = [v.figure for v in comparison.verdicts]
    assert judged == [name for name in figures if name in ("AP", "AP_tiny", "psnr_in_box")]
    by_name = {d.figure: d for d in comparison.differences}
    arms = comparison.arms
    assert by_name["AP"].delta == pytest.approx(arms["sr"].AP - arms["bicubic"].AP)
    assert comparison.meta is meta


def test_ap25_is_a_figure_where_the_protocol_has_it(run_of, records_of):
    rules = protocol_named("tinyperson")
    run = run_of("sr", records_of(skill=0.8))
    settings = Settings(rules, 200, 1, replicates=50)
    sampled = sample_arm(run, None, settings, draw(12, 50, 0))
    figures = arm_figures(run, sampled, settings)
    counted = protocol_ap(all_counted(run.records, rules), 1, rules, 200)
    assert figures.at_25 == {"AP25": pytest.approx(counted["all"].ap25)}
    assert figures.extra["AP25_tiny3"] == pytest.approx(counted["tiny3"].ap25)
    assert figures.intervals["AP25"][0] < figures.at_25["AP25"] < figures.intervals["AP25"][1]
    coco = Settings(AITOD, 100, 1, replicates=20)
    assert arm_figures(run, sample(run), coco).extra == {}
