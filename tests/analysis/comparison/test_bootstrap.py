"""The paired bootstrap: the same images for every arm, intervals that a plain loop finds too, and verdicts that keep to them."""

import math

import numpy as np
import pytest

from mmisr.analysis.comparison.bootstrap import (
    NEW,
    Settings,
    arm_figures,
    differences,
    draw,
    interval,
    judge,
    sample_arm,
)
from mmisr.analysis.comparison.result import Difference
from mmisr.evaluation.functional.size_binned_ap import size_binned_ap
from mmisr.evaluation.size_bins import protocol_named

AITOD = protocol_named("aitod")
SETTINGS = Settings(AITOD, 100, 1, replicates=200)


def sample(run, baseline=None, images=12):
    return sample_arm(run, baseline, SETTINGS, draw(images, SETTINGS.replicates, 0))


def test_draws_are_a_data_set_each_and_depend_on_the_seed_alone():
    drawn = draw(7, 50, seed=3)
    assert drawn[0].tolist() == [1] * 7
    assert (drawn.sum(1) == 7).all()
    assert (drawn[1:] != 1).any()
    np.testing.assert_array_equal(drawn, draw(7, 50, seed=3))
    assert (drawn != draw(7, 50, seed=4)).any()


def test_the_first_value_is_the_figure_itself(run_of, records_of):
    records = records_of()
    sampled = sample(run_of("sr", records))
    plain = size_binned_ap(records, 1, AITOD.ranges(), 100)
    assert sampled["AP"].value == pytest.approx(plain["all"].ap, abs=1e-9)
    assert sampled["AR_tiny"].value == pytest.approx(plain["tiny"].ar, abs=1e-9)
    assert sampled["AP_small"].value is None


def test_a_data_set_in_another_order_gives_the_same_replicates_of_means(
    run_of, records_of, shuffled
):
    """Weights belong to positions, so arms must share an order; their ids need not be sorted."""
    records = shuffled(records_of())
    run = run_of("sr", records)
    weights = np.zeros((1, 12), dtype=int)
    weights[0, 4] = 3
    alone = size_binned_ap([records[4]], 1, AITOD.ranges(), 100)["all"].ap
    assert sample_arm(run, None, SETTINGS, weights)["AP"].value == pytest.approx(alone, abs=1e-9)


def test_intervals_of_means_are_those_of_a_plain_loop(run_of, records_of):
    psnr = [*np.random.default_rng(1).normal(20, 3, 10), None, None]
    sampled = sample(run_of("sr", records_of(), psnr))["psnr_in_box"]
    known = np.array(psnr[:10], dtype=float)
    loop = [np.average(known, weights=row[:10]) for row in draw(12, 200, 0)[1:] if row[:10].sum()]
    assert sampled.value == pytest.approx(known.mean())
    assert sampled.interval() == pytest.approx(tuple(np.quantile(loop, (0.025, 0.975))))
    assert sampled.images == 10


def test_equal_pixels_are_left_out_of_a_mean(run_of, records_of):
    sampled = sample(run_of("sr", records_of(), ["inf", *[20.0] * 11]))["psnr_in_box"]
    assert sampled.value == 20
    assert sampled.images == 11


def test_an_arm_does_not_differ_from_itself(run_of, records_of):
    runs = {name: run_of(name, records_of()) for name in ("a", "b")}
    found = differences({name: sample(run) for name, run in runs.items()})
    assert {(d.delta, d.lo, d.hi) for d, _ in found} == {(0, 0, 0)}
    assert {judge(d, images).shown for d, images in found} == {"none"}


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
    assert judge(d, images).shown == "higher"


def test_a_better_arm_is_seen_and_a_missing_figure_is_no_difference(run_of, records_of):
    sampled = {
        "lr": sample(run_of("lr", records_of(skill=0.2))),
        "sr": sample(run_of("sr", records_of(skill=0.9), [20.0] * 12)),
    }
    found = {d.figure: judge(d, images) for d, images in differences(sampled)}
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
    verdict = judge(Difference("sr", "lr", "AP", 0.1, lo, hi), images)
    assert verdict.shown == shown
    assert text in verdict.text
    assert ("higher" in verdict.text, "lower" in verdict.text) == (
        shown == "higher",
        shown == "lower",
    )


def test_no_replicate_no_interval():
    assert all(math.isnan(v) for v in interval(np.array([math.nan])))


def test_false_positives_of_one_arm_alone(run_of, records_of):
    """The false ones of both arms are the same, so only a different seed has new ones."""
    bicubic = run_of("bicubic", records_of())
    assert sample(run_of("sr", records_of()), bicubic)[NEW].value == 0
    other = records_of()
    moved = [type(r)(**{**vars(r), "det_xyxy": r.det_xyxy + 1000}) for r in other]
    expected = np.mean([(r.det_scores >= 0.3).sum() for r in other])
    assert sample(run_of("far", moved), bicubic)[NEW].value == expected
    assert sample(bicubic)[NEW].value is None


def test_figures_have_counts_intervals_and_gaps(run_of, records_of):
    run = run_of("sr", records_of())
    found = arm_figures(run, sample(run), SETTINGS)
    assert found["bins"]["tiny"]["count"] == 60
    assert found["bins"]["medium"] == {
        "AP": None,
        "AP50": None,
        "AP75": None,
        "AR": None,
        "count": 0,
    }
    low, high = found["intervals"]["AP_tiny"]
    assert low < found["bins"]["tiny"]["AP"] < high
    assert "AP_medium" not in found["intervals"]
    assert found["tokens"] == {}
    assert (found["macs"], found["ms"]) == (5.0, {"upscale": 2.0})


def test_settings_that_count_nothing():
    with pytest.raises(ValueError, match="must be at least 1, got 0, 100 and 1"):
        Settings(AITOD, 100, 1, replicates=0)
