"""Weights that a config names are what the config of that run writes, for the network they go to.

A run is named after its config: ``work_dirs/NAME/epoch_6.pth``.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
CONFIGS = {
    path.stem: path for path in (ROOT / "configs").rglob("*.py") if "_base_" not in path.parts
}
WEIGHTS = re.compile(r"work_dirs/([^/]+)/(epoch|iter)_(\d+)\.pth")
NOT_OURS = {"bicubic-x4_gfl_r50_ost"}
"""To be trained by whoever has the data; the config that names it says so."""

NETWORK = ("type", "backbone", "neck", "bbox_head")
APART = ("init_cfg", "_scope_")
"""What changes no weight's shape."""


@pytest.fixture(scope="module")
def models(project_config) -> dict[str, dict[str, Any]]:
    """Of every config, ``model`` and ``train_cfg`` as plain dicts."""
    made = {}
    for name, path in CONFIGS.items():
        cfg = project_config(path).to_dict()
        made[name] = {"model": cfg.get("model", {}), "train_cfg": cfg.get("train_cfg") or {}}
    return made


def named(node: Any) -> Iterator[tuple[str, Any]]:
    """Every file of weights in a model, with the detector that it goes to, where it is one's."""
    if isinstance(node, (list, tuple)):
        for item in node:
            yield from named(item)
    if not isinstance(node, dict):
        return
    for key, value in node.items():
        if isinstance(value, str) and WEIGHTS.fullmatch(value):
            goes_to = node.get("detector") if key == "checkpoint" else None
            yield value, goes_to
        elif key == "checkpoints":
            for part, file in (value or {}).items():
                yield file, node["detector"] if part == "detector" else None
        else:
            yield from named(value)


def network_of(detector: Any) -> Any:
    """What shapes the weights of a detector."""
    if isinstance(detector, dict):
        return {k: network_of(v) for k, v in detector.items() if k not in APART}
    return detector


def test_a_file_is_what_its_run_writes_last(models) -> None:
    wrong = []
    for name, made in models.items():
        for file, _ in named(made["model"]):
            found = WEIGHTS.fullmatch(file)
            if not found or found[1] in NOT_OURS:
                continue
            run, unit, count = found.groups()
            train_cfg = models[run]["train_cfg"] if run in models else {}
            if train_cfg.get(f"max_{unit}s") != int(count):
                wrong.append(f"{name}: {file}, and the run ends otherwise: {train_cfg}")
    assert not wrong, "\n".join(wrong)


def test_a_detector_has_the_network_of_its_weights(models) -> None:
    wrong = []
    compared = 0
    for name, made in models.items():
        for file, detector in named(made["model"]):
            found = WEIGHTS.fullmatch(file)
            if not found or found[1] in NOT_OURS or detector is None:
                continue
            trained = models[found[1]]["model"]["detector"]
            compared += 1
            differs = [
                key
                for key in NETWORK
                if network_of(trained.get(key)) != network_of(detector.get(key))
            ]
            wrong += [f"{name}: {file} has another {key}" for key in differs]
    assert compared > 20
    assert not wrong, "\n".join(wrong)
