"""The paired bootstrap: the same images for every arm, intervals that a plain loop finds too."""

import dataclasses
import math

import numpy as np
import pytest

from mmisr.analysis.comparison.resample import (
    NEW,
    Settings,
    draw,
    interval,
    resample,
    sample_arm,
)
from mmisr.evaluation.functional.coco_records import ImageRecord
from mmisr.evaluation.functional.ignore_rules import all_counted
from mmisr.evaluation.functional.mask_records import ImageMasks, encoded
from mmisr.evaluation.functional.protocol_ap import protocol_ap
from mmisr.evaluation.functional.size_binned_ap import size_binned_ap
from mmisr.evaluation.size_bins import protocol_named
from mmisr.structures.marks import Mark

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


@pytest.mark.parametrize("name", ["visdrone", "tinyperson", "sodad", "voc07", "wider"])
def test_every_protocol_is_counted_as_the_metric_counts_it(run_of, records_of, name):
    """From what lies on disk: the first annotation is a region, the next two are marked."""
    protocol = protocol_named(name)
    marks = np.array([Mark.CROWD | Mark.REGION, Mark.UNCERTAIN | Mark.DIFFICULT, 0, 0, 0])
    records = []
    for record in records_of(skill=0.8):
        ignore = np.array([True, *[False] * 4])
        record = dataclasses.replace(record, gt_marks=marks | Mark.HARD, gt_ignore=ignore)
        records.append(record)
    run = dataclasses.replace(run_of("sr", records), protocol=protocol, classes=("tree",))
    settings = dataclasses.replace(SETTINGS, protocol=protocol)
    sampled = sample_arm(run, None, settings, draw(12, 5, 0))
    plain = protocol_ap(all_counted(records, protocol, ("tree",)), 1, protocol, 100)
    assert plain["all"].count == {"visdrone": 48, "sodad": 48, "wider": 48}.get(name, 36)
    for range_name, figures in plain.items():
        of_range = sampled["AP" if range_name == "all" else f"AP_{range_name}"]
        assert of_range.value == (None if math.isnan(figures.ap) else pytest.approx(figures.ap))
    assert 0 < sampled["AP"].value <= 1


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


def test_false_positives_are_new_by_masks_where_these_are_judged(run_of):
    """The box is that of bicubic's detection, the mask is elsewhere in it."""
    masks = np.zeros((2, 10, 10), dtype=bool)
    masks[0, :5, :5] = True
    masks[1, 5:, 5:] = True
    found = encoded(masks)
    nothing = np.zeros(0)
    none = np.zeros(0, dtype=int)
    box = np.array([[0.0, 0.0, 10.0, 10.0]])
    annotated = (np.zeros((0, 4)), none, nothing, np.zeros(0, dtype=bool))
    record = ImageRecord(0, *annotated, box, np.array([0]), np.array([0.9]), np.array([100.0]))
    runs = []
    for name, mask in zip(("sr", "bicubic"), found, strict=True):
        of_masks = ImageMasks((10, 10), (), (mask,))
        runs.append(run_of(name, [dataclasses.replace(record, masks=of_masks)]))
    for mask_areas, expected in ((None, 0), ("box", 1)):
        settings = Settings(protocol_named("coco"), 100, 3, 20, 0, mask_areas)
        assert sample_arm(*runs, settings, draw(1, 20, 0))[NEW].value == expected


def test_settings_that_count_nothing():
    with pytest.raises(ValueError, match="must be at least 1, got 0, 100 and 1"):
        Settings(AITOD, 100, 1, replicates=0)


def test_all_arms_are_drawn_alike(run_of, records_of):
    runs = {"bicubic": run_of("bicubic", records_of()), "sr": run_of("sr", records_of(skill=0.9))}
    sampled = resample(runs, SETTINGS)
    assert list(sampled) == ["bicubic", "sr"]
    alone = sample_arm(runs["sr"], runs["bicubic"], SETTINGS, draw(12, SETTINGS.replicates, 0))
    for name, figure in sampled["sr"].items():
        np.testing.assert_array_equal(figure.values, alone[name].values)
    assert sampled["bicubic"][NEW].value == 0
