"""Compare the routers of one InstanceSR checkpoint in front of one detector."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from mmisr.apis.arms import meta, router_arms, run_arms, standard_arms
from mmisr.apis.configs import read_config
from mmisr.reports.table import markdown_table


def compare_routers(config: str, out: str, cfg_options: dict[str, Any] | None = None) -> str:
    """Run the standard arms, then every other router at the learned router's histogram.

    Args:
        config: Config of a pair with an InstanceSR editor.
        out: JSON file to write.
        cfg_options: Overrides by dotted key.

    Returns:
        The table in Markdown.
    """
    cfg = read_config(config, cfg_options=cfg_options)
    editor = cfg.model.editor
    figures = {name: f for name, (_, f) in run_arms(cfg, standard_arms(editor)).items()}
    tokens = figures["instance_sr"]["tokens"]
    arms = router_arms(editor, (tokens["easy"], tokens["moderate"], tokens["hard"]))
    figures |= {name: f for name, (_, f) in run_arms(cfg, arms).items()}
    Path(out).parent.mkdir(parents=True, exist_ok=True)
    Path(out).write_text(json.dumps({"arms": figures, "meta": meta(cfg)}, indent=2) + "\n")
    return markdown_table(figures)
