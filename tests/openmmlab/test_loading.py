"""Weights that are loaded into a module: what fits, and what is said of what does not."""

import pytest
import torch
from torch import nn

from mmisr.openmmlab import loading
from mmisr.openmmlab.loading import check_fit, drop_other_training, load_into


def net() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(1, 2, 1), nn.BatchNorm2d(2))


def state(**changes) -> dict:
    """The weights of a net of the same kind, all of them threes; None takes one away."""
    weights = {name: torch.full_like(value, 3) for name, value in net().state_dict().items()}
    for name, value in changes.items():
        weights.pop(name.replace("__", "."), None)
        if value is not None:
            weights[name.replace("__", ".")] = value
    return weights


@pytest.mark.parametrize("prefix", ["", "editor."])
def test_weights_are_loaded_behind_a_prefix_too(prefix):
    module = net()
    weights = {prefix + name: value for name, value in state().items()}
    load_into(module, weights, "a.pth", ("editor.",))
    assert (module[0].weight == 3).all()


def test_counters_of_batches_may_be_missing():
    load_into(net(), state(**{"1__num_batches_tracked": None}), "a.pth")


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"0__weight": None}, r"1 missing: 0\.weight\. Use the config"),
        ({"2__weight": torch.zeros(1)}, r"1 unknown: 2\.weight\."),
        (
            {"0__bias": torch.zeros(5)},
            r"1 of another shape: 0\.bias: \(5,\) in the file, \(2,\) in the model",
        ),
        ({"0__bias": torch.zeros(2).long()}, r"0\.bias: int64 in the file, float32 in the model"),
        ({"0__bias": torch.tensor([0, torch.nan])}, r"1 with NaN or infinity: 0\.bias"),
    ],
)
def test_a_misfit_is_named(changes, text):
    with pytest.raises(ValueError, match=rf"checkpoint a\.pth .*{text}"):
        load_into(net(), state(**changes), "a.pth")


def test_a_long_list_is_cut():
    with pytest.raises(ValueError, match=r"6 missing: .* and 3 more\. 1 unknown"):
        load_into(net(), {"x": torch.zeros(1), "1.num_batches_tracked": torch.tensor(0)}, "a.pth")


@pytest.mark.parametrize(("same", "left"), [(True, ["strategy.weight", "x"]), (False, ["x"])])
def test_the_weights_of_another_strategy_are_left_out(same, left):
    weights = {"strategy.weight": torch.zeros(3), "x": torch.zeros(1)}
    model = {"strategy.weight": torch.zeros(3 if same else 4), "x": torch.zeros(1)}
    drop_other_training(weights, model)
    assert sorted(weights) == left


def test_a_start_from_what_fits_in_part_says_so(monkeypatch):
    lines = []
    monkeypatch.setattr(loading, "print_log", lambda text, **options: lines.append(text))
    check_fit(net(), state(), "load_from=a.pth", "give another")
    assert lines == []
    check_fit(net(), state(**{"0__bias": None}), "load_from=a.pth", "give another")
    assert "load_from=a.pth fits in part: 6 of 7 weights are loaded, 1 start as" in lines[0]
    with pytest.raises(ValueError, match="has nothing for Sequential.*; give another"):
        check_fit(net(), {"y": torch.zeros(1)}, "load_from=a.pth", "give another")
