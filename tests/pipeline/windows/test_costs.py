"""What a pair costs by size, and budgets that are kept by it."""

import pytest
import torch

from mmisr.ops import calibration
from mmisr.pipeline.windows import costs as costs_module
from mmisr.pipeline.windows.costs import LINEAR, PairCosts, counted_costs, measured_costs
from mmisr.registry import MODELS

COSTS = PairCosts((100.0, 400.0), (10.0, 25.0), (1.0, 4.0), "ms")


@pytest.mark.parametrize(
    ("sizes", "cost"),
    [
        ([], 0),
        ([(10, 10)], 10),
        ([(10, 25)], 17.5),  # between
        ([(20, 20), (10, 10)], 35),
        ([(40, 40)], 100),  # beyond: by the last rate
        ([(2, 2)], 10),  # no image is cheaper than the smallest
    ],
)
def test_interpolation(sizes, cost):
    assert COSTS.of(sizes) == pytest.approx(cost)


def test_by_default_pixels_count():
    assert LINEAR.of([(100, 100)]) == pytest.approx(256 + 10_000)
    assert LINEAR.of([(50, 100), (50, 100)]) > LINEAR.of([(100, 100)])


@pytest.fixture
def pair(detector_config, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(calibration, "_known", {})

    def build(**router):
        torch.manual_seed(0)
        editor = {"type": "mmisr.InstanceSR", "scale": 2, "router": {"type": "learned", **router}}
        return MODELS.build(
            {
                "type": "mmisr.SRDetector",
                "editor": editor,
                "detector": detector_config,
                "test_cfg": {"windows": {"margin": 4}},
            }
        ).eval()

    return build


def test_milliseconds_grow_with_the_image_and_are_measured_once(pair, tmp_path, monkeypatch):
    monkeypatch.setattr(costs_module, "SR_SIDES", (64, 512))
    model = pair()
    costs = measured_costs(model, model.router)
    assert costs.of([(400, 400)]) > costs.of([(64, 64)]) > 0
    assert measured_costs(model, model.router) is costs
    assert len(list(tmp_path.rglob("*.json"))) == 1


def test_a_budget_of_macs_is_that_of_the_pair(pair, sample_of):
    lr = torch.rand(3, 64, 96)
    whole = counted_costs(pair(), pair().router)
    full = whole.of([(64, 96)]) + whole.of_routing((64, 96))
    for share in (0.35, 0.7):
        model = pair(budget={"target_macs": share * full})
        (frame,) = model.search.lay_out(model, [lr], [sample_of((128, 192), [])])
        layout = frame.layout
        spent = whole.of(layout.sheets_hw) + whole.of_routing((64, 96))
        assert len(layout.cores) > 0
        assert spent <= share * full


def test_a_budget_that_cannot_be_met_says_what_it_takes(pair, sample_of):
    model = pair(budget={"target_macs": 1.0})
    with pytest.warns(UserWarning, match="nothing goes deep, and the budget is exceeded"):
        (frame,) = model.search.lay_out(model, [torch.rand(3, 64, 96)], [sample_of((128, 192), [])])
    assert frame.layout.sheets_hw == []


@pytest.mark.parametrize("router", ["oracle", "detector_prior"])
def test_routers_by_boxes_have_costs_before_any_image_has_boxes(pair, router):
    model = pair(type=router)
    costs = counted_costs(model, model.router)
    assert costs.of([(64, 96)]) > 0
