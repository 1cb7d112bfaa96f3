"""The cost model is linear, is measured once, and survives a broken cache."""

import pytest
import torch
from torch import nn

from mmisr.editors.instance_sr.engine.cost_model import (
    LARGE,
    SMALL,
    WINDOW,
    CostModel,
    Workload,
    calibrate,
    measured,
)
from mmisr.ops import calibration

UNIT = nn.Conv2d(8, 8, 3, padding=1)
WORK = Workload(UNIT, 8, 576, frame=torch.clone, route=torch.clone, leave=torch.clone, side=12)
COSTS = CostModel(launch_ms=1.0, window_ms=14.0, cached_ms=10.0, dense_ms=20.0)


@pytest.mark.parametrize(
    ("pixels", "launches", "ms"),
    [
        (100, 0, 14.0),
        (WINDOW, 0, 14.0),
        (SMALL, 3, 13.0),
        (LARGE, 0, 20.0),
        (10 * LARGE, 0, 20.0),
        (int((SMALL * LARGE) ** 0.5), 0, 15.0),
    ],
)
def test_what_a_gmac_costs_depends_on_the_size_it_is_computed_in(pixels, launches, ms):
    assert COSTS.batch(1.0, pixels, launches) == pytest.approx(ms, rel=1e-3)


def test_calibration_finds_positive_costs():
    costs = calibrate(WORK)
    assert costs.window_ms > 0
    assert costs.cached_ms > 0
    assert costs.dense_ms > 0
    assert costs.token_ms > 0
    assert costs.frame_ms > 0


def test_costs_are_measured_once_and_again_where_the_cache_is_broken(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))

    def run():
        calibration._known.clear()
        return measured("net", WORK)

    first = run()
    (file,) = (tmp_path / "mmisr" / "cost_model").iterdir()
    assert run() == first
    file.write_text('{"launch_ms": 1.0, "no_such_field": 2}')
    run()
    assert "no_such_field" not in file.read_text()


def test_a_folder_that_cannot_be_written_is_no_error(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    calibration._known.clear()
    assert measured("net", WORK).window_ms > 0
