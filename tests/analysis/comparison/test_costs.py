"""What stages cost: MACs where they are asked for, milliseconds where nothing slows them down."""

import pytest
import torch

from mmisr.analysis.comparison.costs import StageCosts
from mmisr.ops import timing

CONV = torch.nn.Conv2d(1, 1, 1)
PIXELS = torch.zeros(1, 1, 4, 5)


@pytest.fixture
def clock(monkeypatch):
    """A clock that is set by hand."""
    now = [0.0]
    monkeypatch.setattr(timing, "now_ms", lambda: now[0])

    def pass_by(ms):
        now[0] += ms

    return pass_by


def run(costs, clock, ms):
    """An image in two parts: each is enlarged at no MACs, then searched."""
    with costs.together():
        for _ in range(2):
            with costs.stage("upscale"):
                clock(1)
            with costs.stage("detector"):
                CONV(PIXELS)
                clock(ms)


def test_stages_are_counted_where_that_is_asked_for(clock):
    costs = StageCosts()
    run(costs, clock, 10)
    with costs.counting() as macs:
        run(costs, clock, 10)
    run(costs, clock, 10)
    assert macs == {"upscale": 0.0, "detector": 40.0}


def test_an_image_that_is_counted_is_not_timed(clock):
    costs = StageCosts()
    with costs.counting():
        run(costs, clock, 500)
    run(costs, clock, 10)
    run(costs, clock, 30)
    assert costs.medians() == {"upscale": 2, "detector": 40}


def test_where_all_are_counted_their_time_stands(clock):
    costs = StageCosts()
    for ms in (10, 20, 30):
        with costs.counting():
            run(costs, clock, ms)
    assert costs.medians() == {"upscale": 2, "detector": 40}


def test_counting_ends_with_an_error(clock):
    costs = StageCosts()
    with pytest.raises(RuntimeError), costs.counting() as macs:
        raise RuntimeError
    run(costs, clock, 10)
    assert macs == {}
    assert costs.medians()["detector"] == 20
