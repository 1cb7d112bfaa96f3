"""What ``tools/analysis/jpeg_quality.py`` does: PSNR of editors by JPEG quality."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from mmengine.config import Config

from mmisr.analysis.facts import meta
from mmisr.analysis.jpeg_quality import Compression, QualityFigures, psnr_by_quality
from mmisr.apis.arms import named_config
from mmisr.apis.checks.config_errors import names_config
from mmisr.apis.checks.data import inner_datasets
from mmisr.apis.compare import best_device
from mmisr.apis.configs import read_config
from mmisr.apis.depth import seen_images
from mmisr.apis.models import editor_of, init_model
from mmisr.degradation.transform import SimulateLR
from mmisr.openmmlab.editor import SREditor
from mmisr.ops.files import write_text
from mmisr.pipeline.weights import check_named_weights
from mmisr.registry import TRANSFORMS, bare_name, find

SCHEMA = 1
"""Of the file of figures."""

QUALITIES = (10, 20, 40)


@names_config
def jpeg_quality(
    config: str,
    checkpoint: str | None = None,
    others: Sequence[str] = (),
    quality: Sequence[int] = QUALITIES,
    before: int | None = None,
    out: str | None = None,
    device: str | None = None,
    cfg_options: dict[str, Any] | None = None,
) -> list[QualityFigures]:
    """Measure an editor, and others beside it, on LR images of given JPEG qualities.

    Args:
        config: Config of an editor, alone or in a pair; its test data is that of all editors. The
            JPEG quality of its ``mmisr.SimulateLR`` is left out.
        checkpoint: Its weights; None for those that the config names.
        others: Each ``NAME=CONFIG`` or ``NAME=CONFIG,CHECKPOINT``.
        quality: JPEG qualities, 1 to 100.
        before: Quality of an earlier compression, its blocks half a block away, that all are
            measured behind too; None for none.
        out: The JSON file; ``work_dirs/jpeg_quality/<config name>.json`` by default.
        device: Where to run; a GPU where there is one by default.
        cfg_options: Overrides of ``config`` by dotted key.

    Returns:
        A row per compression and editor; gains are over the editor of ``config``.

    Raises:
        ValueError: A quality is none, a config is of no editor, or names no weights and none were
            given, an entry of ``others`` cannot be read, or the data has no LR images made from HR.
    """
    cfg = read_config(config, cfg_options=cfg_options)
    _uncompressed(cfg)
    where = device or best_device()
    compressions = [Compression(value) for value in quality]
    if before is not None:
        compressions += [Compression(value, before) for value in quality]
    own = _editor(cfg, checkpoint, where)
    editors = {own.info.name: own}
    for other in others:
        name, editor = _other(other, where)
        if name in editors:
            raise ValueError(f"--others: every editor needs a name of its own, got {name!r} twice")
        editors[name] = editor
    seen = seen_images(cfg, None, where)
    rows = psnr_by_quality(editors, seen, compressions)
    stem = Path(config).stem
    path = out or f"work_dirs/jpeg_quality/{stem}.json"
    facts = {**meta(cfg), "images": len(seen)}
    _write(rows, facts, Path(path))
    return rows


def _write(rows: Sequence[QualityFigures], facts: dict[str, Any], path: Path) -> None:
    """The figures, and what they were measured with."""
    figures = [asdict(row) for row in rows]
    content = {"schema": SCHEMA, "rows": figures, "meta": facts}
    text = json.dumps(content, indent=2)
    write_text(path, text + "\n")


def _uncompressed(cfg: Config) -> None:
    """Let the test data's LR images be as they are before their JPEG compression."""
    for dataset in inner_datasets(cfg):
        pipeline = dataset["pipeline"]
        steps = [step for step in pipeline if find(TRANSFORMS, step["type"]) is SimulateLR]
        if not steps:
            names = [bare_name(step["type"]) for step in pipeline]
            raise ValueError(
                f"the test pipeline must make LR images from HR by mmisr.SimulateLR, got {names}"
            )
        for step in steps:
            step["jpeg_quality"] = None


def _other(text: str, device: str) -> tuple[str, SREditor]:
    """One entry of ``--others``."""
    name, config, weights = named_config(text, "--others")
    cfg = read_config(config)
    editor = _editor(cfg, weights, device)
    return name, editor


def _editor(cfg: Config, checkpoint: str | None, device: str) -> SREditor:
    """The editor of a config, with weights."""
    model = init_model(cfg, checkpoint, device)
    editor = editor_of(model, cfg.filename)
    if checkpoint is None:
        check_named_weights(model, ("editor",))
    return editor
