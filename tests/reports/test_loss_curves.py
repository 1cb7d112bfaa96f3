"""Losses by phase, term and run."""

import re

import numpy as np
import pytest
from PIL import Image

from mmisr.reports.loss_curves import ONE_PHASE, loss_panels, phase_of, plot_losses


def records(**values):
    """Two records, the second with half of each value."""
    return [
        {"step": 10, "lr": 0.1, **values},
        {"step": 20, "lr": 0.1, **{key: value / 2 for key, value in values.items()}},
        {"step": 20, "coco/AP": 0.3},
    ]


PHASES = {"restore/loss_pixel": 1.0, "restore/loss": 1.0, "detect/loss_cls": 4.0}
PHASES |= {"detect/loss": 4.0, "loss": 5.0}


@pytest.mark.parametrize(
    ("key", "found"),
    [
        ("loss", (ONE_PHASE, "loss")),
        ("detect/loss_cls", ("detect", "loss_cls")),
        ("restore/task_loss_cls", ("restore", "task_loss_cls")),
        ("detect/acc", None),
        ("coco/AP", None),
        ("data_time", None),
    ],
)
def test_what_a_key_is_about(key, found):
    assert phase_of(key) == found


def test_a_panel_per_phase_and_none_for_their_sum():
    panels = loss_panels({"run": records(**PHASES)})
    assert list(panels) == ["restore", "detect"]
    assert panels["detect"] == {
        "loss_cls": {"run": ([10, 20], [4.0, 2.0])},
        "loss": {"run": ([10, 20], [4.0, 2.0])},
    }


def test_runs_of_one_phase_and_of_several_lie_beside_each_other():
    one = records(loss=3.0, loss_cls=3.0)
    panels = loss_panels({"several": records(**PHASES), "one": one, "other": one})
    assert list(panels) == ["restore", "detect", ONE_PHASE]
    assert list(panels[ONE_PHASE]["loss"]) == ["one", "other"]
    assert "several" not in panels[ONE_PHASE]["loss"]


def test_a_log_without_losses_is_refused():
    with pytest.raises(ValueError, match="no log has a loss.*Known keys: step, bbox/AP"):
        loss_panels({"tested": [{"step": 1, "bbox/AP": 0.2}]})


def test_every_phase_adds_a_panel(tmp_path):
    heights = []
    for name, values in (("one", {"loss": 3.0}), ("two", PHASES)):
        plot_losses(loss_panels({"run": records(**values)}), tmp_path / f"{name}.png")
        heights.append(Image.open(tmp_path / f"{name}.png").height)
    assert heights[1] > 1.7 * heights[0]


def test_a_legend_names_each_term_once_and_each_run_once(tmp_path):
    """Long names of runs stand below the panels, which they would push aside."""
    runs = {name: records(**PHASES) for name in ("of_one_seed", "of_another_seed")}
    plot_losses(loss_panels(runs), tmp_path / "losses.svg")
    text = (tmp_path / "losses.svg").read_text()
    named = re.findall(r"<!-- (\w+) -->", text)
    assert sorted(name for name in named if name.startswith(("loss", "of"))) == [
        "loss",
        "loss",
        "loss_cls",
        "loss_pixel",
        "of_another_seed",
        "of_one_seed",
    ]


def test_losses_of_0_and_below_are_drawn_too(tmp_path):
    """On a logarithmic scale they could not."""
    falling = [{"step": 1, "loss": 1.0}, {"step": 2, "loss": -1.0}]
    plot_losses(loss_panels({"run": falling}), tmp_path / "falling.png")
    pixels = np.asarray(Image.open(tmp_path / "falling.png").convert("L"))
    middle = pixels[60:-80, 120:-200]
    rows = (middle < 60).any(1)
    assert rows.mean() > 0.8  # the black line goes from top to bottom
