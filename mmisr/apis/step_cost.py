"""What ``tools/analysis/step_cost.py`` does."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mmisr.analysis.facts import meta
from mmisr.analysis.step_cost import SCHEMA, StepCost, step_costs
from mmisr.apis.compare import best_device
from mmisr.apis.configs import read_config
from mmisr.ops.files import write_text


def step_cost(
    configs: Sequence[str],
    rounds: int = 10,
    out: str = "work_dirs/step_cost/step_cost.json",
    device: str | None = None,
    cfg_options: dict[str, Any] | None = None,
) -> list[StepCost]:
    """Time the training steps of several configs in turns, on their own data.

    Args:
        configs: Of pairs; the first is what the others are compared with.
        rounds: Steps of each; they are spread over the course of a run.
        out: File of the figures.
        device: Where to train; a GPU where there is one by default.
        cfg_options: Overrides by dotted key, of every config.

    Returns:
        One entry per config.

    Raises:
        ValueError: There is no config, or one is no pair's.
    """
    if not configs or rounds < 1:
        raise ValueError(f"step_cost needs configs and rounds >= 1, got {len(configs)}, {rounds}")
    by_name = {}
    for path in configs:
        by_name[Path(path).stem] = read_config(path, cfg_options=cfg_options)
    costs = step_costs(by_name, rounds, device or best_device())
    first = next(iter(by_name.values()))
    content = {
        "schema": SCHEMA,
        "costs": [cost.to_json() for cost in costs],
        "rounds": rounds,
        "meta": meta(first),
    }
    write_text(Path(out), json.dumps(content, indent=2) + "\n")
    return costs
