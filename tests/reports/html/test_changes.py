"""What is mended and made: counts, order, cut-outs of real pictures."""

import base64
import io
import re
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from mmisr.reports.html.changes import KINDS, SHOWN, change_crops, change_table, list_changes
from mmisr.reports.html.findings import find


@pytest.fixture(scope="module")
def findings(comparison):
    return find(comparison, ("hr", "bicubic"))


@pytest.fixture(scope="module")
def listed(comparison, findings):
    return list_changes(comparison, findings)


def test_counts_are_those_of_the_errors(comparison, findings, listed):
    """What is found less what is lost is what fewer objects are missed."""
    table = change_table(comparison, listed)
    size, found, lost, net, new, gone, _ = (cell.value for cell in table.rows[0])
    assert size == "all sizes"
    assert found == len(listed["found"]) > 0
    annotated = sum(gain.a.annotated for gain in findings.gains)
    true = {arm: sum(getattr(g, arm).true for g in findings.gains) for arm in ("a", "b")}
    assert 0 < true["b"] < annotated
    assert net == found - lost == true["a"] - true["b"]
    assert (new, gone) == (len(listed["new"]), len(listed["gone"]))
    assert [row[0].value for row in table.rows[1:]] == [
        name.replace("_", " ") for name in comparison.meta.metric.bins
    ]


def test_the_smallest_objects_and_the_surest_false_positives_come_first(listed):
    areas = [box.area for box in listed["found"]]
    assert areas == sorted(areas)
    scores = [box.score for box in listed["new"]]
    assert scores == sorted(scores, reverse=True)


def test_cut_outs_show_the_box_in_both_arms(comparison, findings, listed):
    crops = change_crops(comparison, findings, listed)
    assert list(crops) == list(KINDS.values())
    first = crops["Found again"][0]
    assert len(crops["Found again"]) == min(SHOWN, len(listed["found"]))
    assert list(first.uris) == ["bicubic", "hr"]
    assert first.title.endswith(" px")
    box = listed["found"][0]
    numbers = [float(n) for n in re.findall(r"-?[\d.]+", first.outline)]
    left, top, right, bottom = numbers[:4]
    assert [right - left, bottom - top] == pytest.approx(box.xyxy[2:] - box.xyxy[:2], abs=0.11)
    sides = {}
    for arm, uri in first.uris.items():
        content = base64.b64decode(uri.partition(",")[2])
        sides[arm] = Image.open(io.BytesIO(content)).width
    assert sides["hr"] == sides["bicubic"] == first.width == 128


def test_one_arm_and_no_pictures(comparison, findings, listed, tmp_path):
    alone = replace(findings, pair=None, changes=[])
    assert list_changes(comparison, alone) == {}
    assert change_table(comparison, {}) is None
    assert change_crops(comparison, alone, {}) == {}
    gone = {name: replace(run, folder=tmp_path) for name, run in comparison.runs.items()}
    assert change_crops(replace(comparison, runs=gone), findings, listed) == {}
    assert np.isfinite([box.area for box in listed["lost"]]).all()
