"""What ``make demo`` does.

The five arms on tree crowns at x1/4, a table, a JSON file, pictures and a report.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.console import Console
from tqdm import tqdm

from mmisr.analysis.comparison.result import ArmRun, Comparison
from mmisr.apis.compare import compare
from mmisr.apis.console import TABLE_WIDTH, show
from mmisr.apis.data import tree_crowns
from mmisr.apis.report import report
from mmisr.ops.files import fitting_name, write_image
from mmisr.reports.pictures import Panel, kept_picture, strip
from mmisr.structures.sr_result import RoutingMap

CONFIG = "configs/instance_sr/instance-sr-nano-x4_gfl_mobilenet-v2_frozen_tree-crowns.py"
TITLES = {"lr": "LR", "bicubic": "bicubic x4", "instance_sr": "InstanceSR x4", "hr": "HR"}
TITLE = "Tree crowns at x1/4, one detector trained on HR"

SHOWN_SCORE = 0.5
"""Boxes of at least this score are drawn; AP counts all."""


def demo(out: str = "work_dirs/demo", config: str = CONFIG) -> dict[str, Any]:
    """Run the demo.

    Args:
        out: Folder of ``results.json``, ``report.html``, ``pictures/`` and the arms, which a second
            demo does not run again.
        config: Config of a pair with an InstanceSR editor.

    Returns:
        What was written to ``results.json``.
    """
    console = Console(width=max(Console().width, TABLE_WIDTH))
    for line in tree_crowns(Path("data/tree_crowns"), Path("data/wheels")):
        console.print(line)
    found = compare(config, out=out, device="cpu")
    folder = Path(out)
    pictures(found, folder / "pictures")
    show(found, TITLE)
    console.print(f"results: {folder / 'results.json'}; pictures: {folder / 'pictures'}")
    console.print(f"report: {report(folder, TITLE)}", soft_wrap=True)
    return found.to_json()


def pictures(found: Comparison, folder: Path) -> None:
    """One strip an image: LR, bicubic, SR with the routing map beside it, HR.

    Found boxes green, annotated white.

    Args:
        found: A comparison of the standard arms.
        folder: Where to.

    Raises:
        FileNotFoundError: An arm's pictures are gone.
    """
    for index, row in enumerate(tqdm(found.images, desc="pictures", unit="image")):
        panels = [_panel(title, found.runs[name], index) for name, title in TITLES.items()]
        panels.insert(3, _routing(found.runs["instance_sr"], index))
        name = fitting_name(Path(row.file_name).stem, len(".jpg"))
        write_image(folder / f"{name}.jpg", strip(panels), quality=88)


def _panel(title: str, run: ArmRun, index: int) -> Panel:
    image, record = np.asarray(kept_picture(run, index)), run.records[index]
    height, width = image.shape[:2]
    factor = height / run.rows[index].source_hw[0]
    found = record.det_xyxy[record.det_scores >= SHOWN_SCORE]
    truth = record.gt_xyxy[~record.gt_ignore]
    text = f"{title} ({width}x{height}): {len(found)} found, {len(truth)} annotated"
    return Panel(text, image, truth * factor, found * factor)


def _routing(run: ArmRun, index: int) -> Panel:
    exits, token = run.exits(index), run.images[index].token_size
    routing = (
        None if exits is None or token is None else RoutingMap(torch.from_numpy(exits)[None], token)
    )
    return Panel(
        "routing: amber moderate, pink hard", np.asarray(kept_picture(run, index)), routing=routing
    )
