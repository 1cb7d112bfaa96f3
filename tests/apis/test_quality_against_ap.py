"""Quality against AP, from arms to the page, on cut-outs of trees."""

import json
import runpy
import shutil
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mmisr.analysis.comparison.resample import Settings, draw, sample_arm
from mmisr.analysis.comparison.result import Comparison
from mmisr.analysis.quality_against_ap import criteria
from mmisr.analysis.quality_against_ap.run import quality_against_ap as correlate
from mmisr.analysis.quality_against_ap.scores import task_scores
from mmisr.apis.quality_against_ap import (
    Draws,
    conclusion,
    correlation_rows,
    method_rows,
    quality_against_ap,
    remarks,
    run_quality_arms,
)
from mmisr.evaluation.functional.size_binned_ap import size_binned_ap
from mmisr.evaluation.size_bins import PROTOCOLS

ROOT = Path(__file__).parents[2]
CONFIG = "configs/resample/bicubic-x4_gfl_mobilenet-v2_frozen_tree-crowns.py"
ARMS = ["lr", "nearest", "bilinear", "lanczos"]
DRAWS = Draws(replicates=30)


@pytest.fixture(scope="module", autouse=True)
def in_the_repository():
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(ROOT)  # the config names its checkpoints from there
        yield


@pytest.fixture(scope="module")
def folder(cut_outs, tmp_path_factory) -> Path:
    data = tmp_path_factory.mktemp("data") / "trees"
    cut_outs(data, 96, 2)
    options = {
        "test_dataloader.dataset.data_root": f"{data}/",
        "test_dataloader.num_workers": 0,
        "test_dataloader.persistent_workers": False,
    }
    out = tmp_path_factory.mktemp("out")
    return run_quality_arms(CONFIG, ARMS, out, device="cpu", draws=DRAWS, cfg_options=options)


@pytest.fixture(scope="module")
def found(folder):
    return quality_against_ap(folder, draws=DRAWS)


def entries(found, **wanted):
    return [
        entry
        for entry in found.correlations
        if all(getattr(entry, name) == value for name, value in wanted.items())
    ]


def test_bicubic_and_hr_are_always_there_and_hr_is_no_point(found):
    assert [method.arm for method in found.methods] == [*ARMS, "bicubic", "hr"]
    points = [method.arm for method in found.methods if method.is_point]
    assert points == ["nearest", "bilinear", "lanczos", "bicubic"]
    by_arm = {method.arm: method for method in found.methods}
    assert by_arm["lr"].criteria["ifc_whole"] is None
    assert any("another size" in reason for reason in by_arm["lr"].reasons)
    assert by_arm["lanczos"].criteria["ifc_whole"] > by_arm["nearest"].criteria["ifc_whole"]
    assert by_arm["hr"].criteria["ssim_whole"] == pytest.approx(1)
    assert by_arm["hr"].criteria["nqm_whole"] is None  # infinite


def test_two_images_and_four_methods_give_what_they_can(found):
    across = entries(found, across="methods", criterion="psnr", region="in_box", score="AP")
    assert all(entry.points == 4 and -1 <= entry.value <= 1 for entry in across)
    for entry in entries(found, across="images"):
        assert entry.value is None
        assert entry.reason == "2 images have both, fewer than 4 show nothing"


def test_coefficients_are_those_of_the_table(found):
    points = [method for method in found.methods if method.is_point]
    x = [method.criteria["ssim_in_box"] for method in points]
    y = [method.scores["AP"] for method in points]
    wanted = {"criterion": "ssim", "region": "in_box", "score": "AP", "coefficient": "pearson"}
    (entry,) = entries(found, across="methods", **wanted)
    assert entry.value == pytest.approx(np.corrcoef(x, y)[0, 1])
    assert entry.lo <= entry.hi


def test_everything_is_written(found, folder):
    content = json.loads((folder / "quality_against_ap.json").read_text())
    assert content["schema"] == 2
    assert len(content["methods"][0]["images"]) == 2
    page = (folder / "quality_against_ap.md").read_text()
    assert "| nearest |" in page
    assert "2 images have both" in page
    for name in ("quality_across_methods.png", "quality_across_images.png"):
        with Image.open(folder / name) as picture:
            assert picture.width > 800
    html = (folder / "report.html").read_text()
    assert "Does quality tell AP?" in html
    assert 'id="table-quality-methods"' in html
    assert len(method_rows(found)) == 6
    assert len(correlation_rows(found, "methods", "AP")) == 2 * len(found.criteria)


def test_criteria_are_computed_once(found, folder, monkeypatch, capsys):
    monkeypatch.setattr(criteria, "_computed", None)
    monkeypatch.setattr(sys, "argv", ["tool", str(folder), "--replicates", "30"])
    runpy.run_path(str(ROOT / "tools/analysis/quality_against_ap.py"), run_name="__main__")
    printed = capsys.readouterr().out
    assert "Across methods: one point a method" in printed
    assert json.loads((folder / "quality_against_ap.json").read_text()) == json.loads(
        found.to_json()
    )


def test_a_report_of_what_is_counted_otherwise_has_no_such_section(found, folder):
    from mmisr.apis.report import report

    path = folder / "quality_against_ap.json"
    text = path.read_text()
    path.write_text(replace(found, protocol="tinyperson").to_json())
    report(folder)
    path.write_text(text)
    assert "Does quality tell AP?" not in (folder / "report.html").read_text()
    meta = Comparison.load(folder).meta
    assert found.is_of(meta)
    assert not replace(found, max_dets=7).is_of(meta)
    others = {**found.folders, "nearest": "arms/nearest-0"}
    assert not replace(found, folders=others).is_of(meta)


def test_fewer_methods_than_a_correlation_needs(folder):
    comparison = Comparison.load(folder)
    runs = {name: comparison.runs[name] for name in ("nearest", "bicubic", "hr")}
    few = replace(comparison, runs=runs)
    found = correlate(few, folder / "quality", 10, 0)
    entry = entries(found, across="methods")[0]
    assert entry.value is None
    assert entry.reason == "2 methods have both, fewer than 4 show nothing"


@pytest.mark.parametrize("absent", ["bicubic", "hr"])
def test_a_comparison_without_bicubic_or_hr_is_refused(folder, absent):
    comparison = Comparison.load(folder)
    runs = {name: run for name, run in comparison.runs.items() if name != absent}
    with pytest.raises(ValueError, match=f"has no arm {absent}.*tools/compare.py"):
        correlate(replace(comparison, runs=runs), folder / "quality", 10, 0)


def test_means_rest_on_the_same_images(found, folder, tmp_path):
    """An infinite value of one method takes its image out of all means."""
    comparison = Comparison.load(folder)
    judged = tmp_path / "quality"
    shutil.copytree(folder / "quality", judged)
    path = judged / f"{comparison.runs['lanczos'].folder.name}.json"
    content = json.loads(path.read_text())
    content["images"][0]["values"]["nqm_whole"] = "inf"
    path.write_text(json.dumps(content))
    changed = correlate(comparison, judged, 10, 0)
    by_arm = {method.arm: method for method in changed.methods}
    for arm in ("nearest", "bilinear", "lanczos", "bicubic"):
        method = by_arm[arm]
        assert method.criteria["nqm_whole"] == method.images[1]["nqm_whole"]
    assert by_arm["lanczos"].reasons["nqm_whole: it is infinite"] == 1
    assert changed.left_out == {"nqm_whole": 1}
    assert any("nqm_whole (1 images)" in line for line in remarks(changed))
    assert not found.left_out


@pytest.mark.parametrize("protocol", ["tinyperson", "voc07", "visdrone"])
def test_ap_is_that_of_the_comparison(protocol, folder):
    comparison = Comparison.load(folder)
    rules = PROTOCOLS[protocol]
    run = replace(comparison.runs["lanczos"], protocol=rules)
    metric = replace(comparison.meta.metric, protocol=protocol)
    other = replace(comparison, runs={"lanczos": run}, meta=replace(comparison.meta, metric=metric))
    weights = draw(2, 5, 0)
    settings = Settings(rules, metric.max_dets, num_classes=1)
    expected = sample_arm(run, None, settings, weights)["AP"].values
    scores = task_scores(other, "lanczos", weights, 32)
    np.testing.assert_array_equal(scores.draws["AP"], expected)


def test_the_only_criterion_is_not_the_worst_too(found):
    wanted = {"across": "methods", "score": "AP", "coefficient": "spearman"}
    first, second = entries(found, **wanted)[:2]
    (alone,) = conclusion(replace(found, correlations=[first]))
    assert "goes best with AP" in alone
    assert "worst" not in alone
    (both,) = conclusion(replace(found, correlations=[first, second]))
    assert "worst" in both


def test_numbers_out_of_range_are_refused(folder):
    with pytest.raises(ValueError, match="small_side above 0, got 10 and -1"):
        quality_against_ap(folder, -1, Draws(10))
    with pytest.raises(FileNotFoundError, match="no finished comparison"):
        quality_against_ap(folder / "arms")


def test_scores_of_an_image_are_those_of_it_alone(found, folder):
    run = Comparison.load(folder).runs["lanczos"]
    (method,) = [method for method in found.methods if method.arm == "lanczos"]
    for record, image in zip(run.records, method.images, strict=True):
        alone = size_binned_ap([record], 1, {"all": (0, 1e10)}, 100)["all"]
        assert image["AP"] == pytest.approx(alone.ap)
        assert 0 <= image["recall_small"] <= 1
