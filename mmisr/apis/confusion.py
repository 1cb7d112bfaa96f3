"""What ``tools/analysis/confusion_matrix.py`` does: count which class was taken for which."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmisr.analysis.confusion import PredictionFile, Thresholds, count_confusions
from mmisr.apis.checks.config_errors import names_config
from mmisr.apis.configs import read_config
from mmisr.registry import DATASETS
from mmisr.reports.plots import check_theme, plot_confusion

__all__ = ["ConfusionMatrix", "Thresholds", "confusion_matrix"]


@dataclass(frozen=True)
class ConfusionMatrix:
    """How often each class was taken for each.

    Args:
        title: On what and from which thresholds on it was counted.
        names: Names of the classes; the last one is ``background``.
        counts: Numbers of boxes; rows are annotated, columns predicted.
    """

    title: str
    names: tuple[str, ...]
    counts: list[list[int]]


@names_config
def confusion_matrix(
    config: str,
    predictions: str,
    out: str,
    thresholds: Thresholds | None = None,
    theme: str = "Blues",
    cfg_options: Any = None,
) -> ConfusionMatrix:
    """Count which class was taken for which.

    Args:
        config: The config that was tested; its test set, through its pipeline, is the ground truth.
        predictions: What ``tools/test.py --out`` wrote. It is a pickle, which can run code: only
            one you made yourself.
        out: The picture to write: png, pdf or svg.
        thresholds: What counts; score 0.3 and overlap 0.5 by default.
        theme: Colour map of the picture, by matplotlib's name.
        cfg_options: Overrides by dotted key.

    Returns:
        The matrix.

    Raises:
        FileNotFoundError: Config or predictions do not exist.
        ValueError: The predictions are not those of this test set, or the theme is unknown.
    """
    check_theme(theme)
    thresholds = thresholds or Thresholds()
    cfg = read_config(config, cfg_options=cfg_options)
    file = PredictionFile.read(predictions)
    dataset = DATASETS.build(cfg.test_dataloader.dataset)
    num_images = len(dataset)
    num_predicted = len(file.samples)
    if num_images != num_predicted:
        raise ValueError(
            f"{predictions} must cover the test set of {config}, {num_images} images, found "
            f"{num_predicted}; test again with it"
        )
    counts = count_confusions(dataset, file, thresholds)
    score, iou = thresholds.score, thresholds.iou
    title = f"{num_images} images, score >= {score:g}, IoU >= {iou:g}"
    classes = tuple(dataset.metainfo["classes"])
    matrix = ConfusionMatrix(
        title=title,
        names=(*classes, "background"),
        counts=counts.tolist(),
    )
    plot_confusion(counts.numpy(), matrix.names, title, Path(out), theme)
    return matrix
