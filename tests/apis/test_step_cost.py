"""Training steps of real pairs, timed in turns."""

import json
from pathlib import Path

import pytest

from mmisr.analysis.step_cost import Steps
from mmisr.apis.step_cost import step_cost
from mmisr.pipeline.strategy import Progress

ROOT = Path(__file__).parents[2]
PAIR = "configs/instance_sr/instance-sr-nano-x4_gfl_mobilenet-v2_joint_tree-crowns.py"
TWICE = """
_base_ = [{pair!r}]
model = dict(strategy=dict(
    _delete_=True, type="SR4IR", feature_from=0.0, alternate=False, versions=["sr", "hr", "mix"]
))
"""


def test_configs_take_turns_and_the_first_is_the_measure(
    tree_crowns, tmp_path, monkeypatch, one_thread
):
    monkeypatch.chdir(ROOT)  # the config names its checkpoints from there
    other = tmp_path / "three_versions.py"
    other.write_text(TWICE.format(pair=str(ROOT / PAIR)))
    options = {
        "train_dataloader.dataset.dataset.data_root": f"{tree_crowns}/",
        "train_dataloader.batch_size": 1,
        "train_dataloader.num_workers": 0,
        "train_dataloader.persistent_workers": False,
    }
    out = tmp_path / "cost.json"
    plain, three = step_cost(
        [PAIR, str(other)], rounds=2, out=str(out), device="cpu", cfg_options=options
    )
    content = json.loads(out.read_text())
    assert content["schema"] == 1
    assert [cost["name"] for cost in content["costs"]] == [plain.name, "three_versions"]
    assert plain.ratio == 1
    assert three.ratio == pytest.approx(three.ms / plain.ms)
    assert min(plain.ms, three.ms) > 0
    assert plain.peak_mib is None


def test_steps_are_spread_over_a_run():
    """A phase that runs up to a share of the run is timed as often as it runs."""
    seen = []

    class Model:
        def train_step(self, batch, wrapper):
            seen.append(Progress.of_run().share)

    steps = object.__new__(Steps)
    steps.model, steps.wrapper, steps.batch = Model(), None, {}
    steps.rounds, steps.done = 4, 0
    for _ in range(6):
        steps()
    assert seen == [0, 0.25, 0.5, 0.75, 0, 0.25]


def test_no_config_is_an_error():
    with pytest.raises(ValueError, match="step_cost needs configs"):
        step_cost([])
