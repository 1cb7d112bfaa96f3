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

SCHEMA = 1
"""Of ``results.json``."""

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
    """Time an InstanceSR editor against its dense self.

    On maps that are laid out as the instances of its test set.

    Args:
        config: Config of an InstanceSR editor or of a pair with one.
        checkpoint: Weights of the editor; speed does not depend on them.
        out: Folder of ``results.json`` and ``table.md``. A row that was measured is kept when the
            run is interrupted.
        cases: What to time; the defaults of :class:`Cases` where None.
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
    facts = {
        **meta(cfg),
        "repeats": repeats,
        "maps": "instances of the test set, thinned or dilated",
    }
    content = {"schema": SCHEMA, "rows": rows, "meta": facts}
    folder = Path(out)
    cases = cases or Cases()
    sizes = cases.sizes or [wanted.get("size", "nano")]
    plan = list(itertools.product(sizes, cases.tokens, cases.frames))
    boxes = _lr_boxes(cfg)
    for size, token, frame in tqdm(plan, desc="benchmark", unit="frame"):
        keys = {
            "size": size,
            "token_size": token,
            "checkpoint": checkpoint if size == wanted.get("size") else None,
        }
        editor = _editor({**wanted, **keys}, config).to(device).eval()
        lr = _frame(frame, token, device)
        maps = _maps(_labels(boxes, token), hw_of(lr), token)
        name = f"{size} x{wanted.scale} T{token}"
        for row in frame_rows(editor, maps, lr, repeats):
            rows.append({"config": name, "device": device, **row})
        text = json.dumps(content, indent=2)
        write_text(folder / "results.json", f"{text}\n")
    table = speed_table(rows)
    write_text(folder / "table.md", f"{table}\n")
    return content


def _editor(editor: dict[str, Any], config: str) -> InstanceSR:
    built = MODELS.build(editor)
    if not isinstance(built, InstanceSR):
        raise ValueError(f"{config} has no InstanceSR editor, got type={editor.get('type')!r}")
    return built


def _frame(hw: tuple[int, int], token: int, device: str) -> torch.Tensor:
    """(1, 3, h, w) of noise, padded to whole tokens."""
    rows, cols = grid_hw(hw, token)
    generator = torch.Generator().manual_seed(0)
    lr = torch.rand(1, 3, rows * token, cols * token, generator=generator)
    lr = lr.to(device)
    return lr.to(memory_format=torch.channels_last)


def _maps(labels: Sequence[Labels], hw: tuple[int, int], token: int) -> dict[float, torch.Tensor]:
    grid = grid_hw(hw, token)
    return {share: map_like(labels, grid, share) for share in SHARES}


def _lr_boxes(cfg: Any) -> list[tuple[torch.Tensor, tuple[int, int]]]:
    """Boxes in the lr frame and the LR size of every test image."""
    loader = copy.deepcopy(cfg.test_dataloader)
    loader.update(num_workers=0, persistent_workers=False)
    boxes = []
    for batch in Runner.build_dataloader(loader):
        images = batch["inputs"]
        samples = batch["data_samples"]
        for inputs, sample in zip(images, samples, strict=True):
            hw = hw_of(inputs)
            xyxy = annotated_boxes(sample, "lr", hw)
            if xyxy is None:
                xyxy = torch.zeros((0, 4))
            boxes.append((xyxy, hw))
    return boxes


def _labels(boxes: Sequence[tuple[torch.Tensor, tuple[int, int]]], token: int) -> list[Labels]:
    """The label map of every image, (rows, cols)."""
    rule = LabelRule()
    maps = []
    for xyxy, hw in boxes:
        rows, cols = grid_hw(hw, token)
        height = rows * token
        width = cols * token
        labels = rule(xyxy, (height, width), token)
        maps.append(labels.numpy())
    return maps
