"""What ``tools/analysis/quality_against_ap.py`` does: is SR helpful, and does quality tell?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmengine.config import Config

from mmisr.analysis.comparison.arms import Arm
from mmisr.analysis.comparison.named_arms import standard_arms
from mmisr.analysis.comparison.resample import BASELINE
from mmisr.analysis.comparison.result import Comparison
from mmisr.analysis.comparison.run import SEED, Setup, run_arms
from mmisr.analysis.quality_against_ap.result import FILE, QualityAgainstAP
from mmisr.analysis.quality_against_ap.run import SMALL_SIDE
from mmisr.analysis.quality_against_ap.run import quality_against_ap as correlate
from mmisr.analysis.what_helps import ORACLE
from mmisr.apis.arms import read_arms
from mmisr.apis.checks.config_errors import names_config
from mmisr.apis.compare import REPLICATES, best_device, finish, results_folder, test_loader
from mmisr.apis.configs import read_config
from mmisr.apis.report import report
from mmisr.ops.files import write_text
from mmisr.reports.quality_against_ap import (
    ACROSS,
    CORRELATION_HEADER,
    SCORE_TITLES,
    conclusion,
    correlation_rows,
    markdown_page,
    method_header,
    method_rows,
    plot_quality,
    remarks,
)

__all__ = [
    "ACROSS",
    "CORRELATION_HEADER",
    "SCORE_TITLES",
    "SMALL_SIDE",
    "Draws",
    "conclusion",
    "correlation_rows",
    "method_header",
    "method_rows",
    "quality_against_ap",
    "remarks",
    "run_quality_arms",
]

PAGE = "quality_against_ap.md"
CRITERIA = "quality"
"""The folder in a comparison's that keeps the criteria of its arms."""


@dataclass(frozen=True)
class Draws:
    """How intervals are made.

    Args:
        replicates: How often the images are drawn anew.
        seed: Of these draws.
    """

    replicates: int = REPLICATES
    seed: int = SEED


def quality_against_ap(
    folder: str | Path, small_side: float = SMALL_SIDE, draws: Draws | None = None
) -> QualityAgainstAP:
    """Correlate image quality with the task score, on a comparison that was run before.

    The folder gets ``quality_against_ap.json``, ``.md``, ``quality_across_methods.png`` and
    ``quality_across_images.png``, and its ``report.html`` a section. Criteria of an arm that were
    computed before are read.

    Args:
        folder: What ``tools/compare.py --out`` wrote, or :func:`run_quality_arms`.
        small_side: An object is small up to this side, in the frame of the size bins.
        draws: How intervals are made; 1000 draws of seed 0 by default.

    Returns:
        Criteria, scores and coefficients.

    Raises:
        FileNotFoundError: There is no finished comparison in the folder.
        ValueError: It has no arm ``bicubic`` or ``hr``, or kept no pictures.

    Example:
        >>> from mmisr.apis.quality_against_ap import quality_against_ap
        >>> found = quality_against_ap("work_dirs/compare/my_pair")  # doctest: +SKIP
        >>> [entry.value for entry in found.correlations][:3]  # doctest: +SKIP
    """
    folder = Path(folder)
    draws = draws or Draws()
    comparison = Comparison.load(folder)
    found = correlate(
        comparison,
        folder / CRITERIA,
        draws.replicates,
        draws.seed,
        small_side,
    )
    config = Path(comparison.meta.config or "comparison")
    page = markdown_page(found, f"Quality against AP: {config.stem}")
    as_json = found.to_json()
    write_text(folder / FILE, as_json)
    write_text(folder / PAGE, page)
    for across in ACROSS:
        picture = folder / f"quality_across_{across}.png"
        plot_quality(found, across, picture)
    report(folder)
    return found


@names_config
def run_quality_arms(
    config: str | Path | Config,
    arms: Sequence[str | dict[str, Any] | Arm] | None = None,
    out: str | Path | None = None,
    checkpoint: str | None = None,
    device: str | None = None,
    draws: Draws | None = None,
    cfg_options: dict[str, Any] | None = None,
) -> Path:
    """Run arms without timing them, bicubic and HR always among them.

    Args:
        config: Config of a pair, as for :func:`mmisr.apis.compare.compare`.
        arms: As for :func:`mmisr.apis.arms.read_arms`; those that every comparison has by
            default.
        out: Folder for results; ``work_dirs/compare/<config name>`` by default.
        checkpoint: Weights of the whole pair; None for those that the config names.
        device: Where to run; a GPU where there is one by default.
        draws: How intervals are made.
        cfg_options: Overrides by dotted key.

    Returns:
        The folder of the comparison.

    Raises:
        FileNotFoundError: A file does not exist.
        ValueError: The config is no pair's, an arm cannot be read, or LR is not simulated from HR.
    """
    draws = draws or Draws()
    cfg = read_config(config, cfg_options=cfg_options)
    folder = results_folder(cfg, out)
    setup = Setup(
        cfg=cfg,
        folder=folder,
        checkpoint=checkpoint,
        device=device or best_device(),
    )
    loader = test_loader(cfg)
    chosen = _arms(cfg, arms)
    runs = run_arms(setup, chosen, loader)
    finish(
        setup,
        runs,
        loader,
        draws.replicates,
        draws.seed,
    )
    return folder


def _arms(cfg: Config, wanted: Sequence[str | dict[str, Any] | Arm] | None) -> list[Arm]:
    """The arms that are wanted, and bicubic and HR."""
    editor = cfg.model.editor.to_dict()
    test_cfg = cfg.model.get("test_cfg") or {}
    windows = test_cfg.get("windows")
    slices = test_cfg.get("slices")
    if wanted is None:
        wanted = standard_arms(editor, windows, slices)
    chosen = read_arms(wanted, editor, windows, slices)
    names = [arm.name for arm in chosen]
    for name in (BASELINE, ORACLE):
        if name not in names:
            chosen += read_arms([name], editor, windows, slices)
    return chosen
