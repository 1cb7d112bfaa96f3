"""What ``tools/analysis/benchmark.py`` and ``make bench`` do."""

from __future__ import annotations

import copy
import itertools
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from mmengine.runner import Runner
from rich.console import Console
from tqdm import tqdm

from mmisr.analysis.benchmark import Labels, frame_rows, map_like
from mmisr.analysis.facts import meta
from mmisr.apis.checks.config_errors import names_config
from mmisr.apis.configs import read_config
from mmisr.editors.instance_sr.editor import InstanceSR
from mmisr.editors.instance_sr.labels import LabelRule
from mmisr.openmmlab.samples import annotated_boxes
from mmisr.ops.files import write_text
from mmisr.ops.tokens import grid_hw
from mmisr.registry import MODELS
from mmisr.reports.speed import speed_table
from mmisr.structures.frames import hw_of

FRAMES = ((180, 320), (360, 640))
SHARES = (0.1, 0.2, 0.3, 0.5)


@dataclass(frozen=True)
class Cases:
    """What to time.

    Args:
        frames: Heights and widths of LR frames; padded to whole tokens.
        tokens: Token sizes.
        sizes: ``nano``, ``base``; the config's own by default.
    """

    frames: Sequence[tuple[int, int]] = FRAMES
    tokens: Sequence[int] = (8, 16)
    sizes: Sequence[str] | None = None


@names_config
def benchmark(
    config: str,
    checkpoint: str | None = None,
    out: str = "work_dirs/bench",
    cases: Cases | None = None,
    repeats: int = 5,
    device: str = "cpu",
    cfg_options: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Time an InstanceSR editor against its dense self, on maps laid out as the instances of its test set.

    Args:
        config: Config of an InstanceSR editor or of a pair with one.
        checkpoint: Weights of the editor; speed does not depend on them.
        out: Folder of ``results.json`` and ``table.md``. A row that was measured is kept when the run is interrupted.
        cases: What to time.
        repeats: Timed rounds; ways alternate within a round.
        device: Where to run.
        cfg_options: Overrides by dotted key.

    Returns:
        ``rows`` and ``meta``, as written.

    Raises:
        ValueError: The config has no InstanceSR editor, or its test set no instances.
    """
    cfg = read_config(config, cfg_options=cfg_options)
    wanted = cfg.model.get("editor", cfg.model)
    rows: list[dict[str, Any]] = []
    content = {
        "rows": rows,
        "meta": {
            **meta(cfg),
            "repeats": repeats,
            "maps": "instances of the test set, thinned or dilated",
        },
    }
    folder = Path(out)
    cases = cases or Cases()
    sizes = cases.sizes or [wanted.get("size", "nano")]
    plan = list(itertools.product(sizes, cases.tokens, cases.frames))
    boxes = _lr_boxes(cfg)
    for size, token, frame in tqdm(plan, desc="benchmark", unit="frame"):
        own = {
            **wanted,
            "size": size,
            "token_size": token,
            "checkpoint": checkpoint if size == wanted.get("size") else None,
        }
        editor = MODELS.build(own).to(device).eval()
        if not isinstance(editor, InstanceSR):
            raise ValueError(f"{config} has no InstanceSR editor, got type={wanted.get('type')!r}")
        height, width = (-(-side // token) * token for side in frame)
        labels = _labels(boxes, token)
        maps = {share: map_like(labels, grid_hw((height, width), token), share) for share in SHARES}
        lr = torch.rand(1, 3, height, width, generator=torch.Generator().manual_seed(0)).to(device)
        found = frame_rows(editor, maps, lr.to(memory_format=torch.channels_last), repeats)
        rows += [
            {"config": f"{size} x{wanted.scale} T{token}", "device": device, **row} for row in found
        ]
        write_text(folder / "results.json", json.dumps(content, indent=2) + "\n")
    table = speed_table(rows)
    write_text(folder / "table.md", table + "\n")
    Console(width=160).print(table, markup=False)
    return content


def _lr_boxes(cfg: Any) -> list[tuple[torch.Tensor, tuple[int, int]]]:
    """Boxes in the lr frame and the LR size of every test image."""
    loader = Runner.build_dataloader(
        {**copy.deepcopy(cfg.test_dataloader), "num_workers": 0, "persistent_workers": False}
    )
    found = []
    for batch in loader:
        for inputs, sample in zip(batch["inputs"], batch["data_samples"], strict=True):
            hw = hw_of(inputs)
            boxes = annotated_boxes(sample, "lr", hw)
            found.append((torch.zeros((0, 4)) if boxes is None else boxes, hw))
    return found


def _labels(boxes: Sequence[tuple[torch.Tensor, tuple[int, int]]], token: int) -> list[Labels]:
    rule, maps = LabelRule(), []
    for xyxy, hw in boxes:
        rows, cols = grid_hw(hw, token)
        maps.append(rule(xyxy, (rows * token, cols * token), token).numpy())
    return maps
