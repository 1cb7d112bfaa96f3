"""What ``make demo`` does: the five arms on tree crowns at x1/4, a table, a JSON file and pictures."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from rich.console import Console
from tqdm import tqdm

from mmisr.analysis.arms import ArmResult
from mmisr.apis.arms import meta, run_arms, standard_arms
from mmisr.apis.configs import read_config
from mmisr.apis.data import tree_crowns
from mmisr.openmmlab.detector import DetDataSample
from mmisr.reports.pictures import Panel, strip, to_uint8
from mmisr.reports.table import rich_table

CONFIG = "configs/instance_sr/instance-sr-nano-x4_gfl_mobilenet-v2_frozen_tree-crowns.py"
TABLE_WIDTH = 175
"""Columns that the table needs; a narrower terminal wraps lines, which reads better than cut-off numbers."""

SHOWN_SCORE = 0.3
"""Boxes of at least this score are drawn; AP counts all."""


def demo(out: str = "work_dirs/demo", config: str = CONFIG) -> dict[str, Any]:
    """Run the demo.

    Args:
        out: Folder of ``results.json`` and ``pictures/``.
        config: Config of a pair with an InstanceSR editor.

    Returns:
        What was written to ``results.json``.
    """
    console = Console(width=max(Console().width, TABLE_WIDTH))
    for line in tree_crowns(Path("data/tree_crowns"), Path("data/wheels")):
        console.print(line)
    cfg = read_config(config)
    results = run_arms(cfg, standard_arms(cfg.model.editor))
    content = {"arms": {name: figures for name, (_, figures) in results.items()}, "meta": meta(cfg)}
    folder = Path(out)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "results.json").write_text(json.dumps(content, indent=2) + "\n")
    _pictures({name: result for name, (result, _) in results.items()}, folder / "pictures")
    console.print(rich_table(content["arms"], "Tree crowns at x1/4, one detector trained on HR"))
    console.print(f"results: {folder / 'results.json'}; pictures: {folder / 'pictures'}")
    return content


def _pictures(results: dict[str, ArmResult], folder: Path) -> None:
    """One strip an image: LR, bicubic, SR with the routing map beside it, HR; found boxes green, annotated white."""
    folder.mkdir(parents=True, exist_ok=True)
    count = len(results["hr"].samples)
    for index in tqdm(range(count), desc="pictures", unit="image"):
        of = {name: result.samples[index] for name, result in results.items()}
        panels = [_panel(title, of[name]) for name, title in TITLES.items()]
        routed = of["instance_sr"]
        panels.insert(
            3, Panel("routing: amber moderate, pink hard", to_uint8(routed.sr.numpy()), routing=routed.routing)
        )
        name = Path(str(routed.img_path)).stem
        strip(panels).save(folder / f"{name}.jpg", quality=88)


TITLES = {"lr": "LR", "bicubic": "bicubic x4", "instance_sr": "InstanceSR x4", "hr": "HR"}


def _panel(title: str, sample: DetDataSample) -> Panel:
    height, width = sample.sr.shape[-2:]
    factor = height / sample.source_shape[0]
    found = sample.pred_instances[sample.pred_instances.scores >= SHOWN_SCORE].bboxes
    truth = sample.gt_instances.bboxes
    text = f"{title} ({width}x{height}): {len(found)} found, {len(truth)} annotated"
    return Panel(text, to_uint8(sample.sr.numpy()), (truth * factor).numpy(), (found * factor).numpy())
