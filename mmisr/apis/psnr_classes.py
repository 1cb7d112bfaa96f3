"""What ``tools/data/psnr_classes.py`` does."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mmengine.registry import DATASETS
from tqdm import tqdm

from mmisr.analysis.facts import meta
from mmisr.analysis.psnr_classes import (
    Scored,
    classify_patches,
    equal_thresholds,
    score_patches,
    values_of,
)
from mmisr.apis.checks.config_errors import names_config
from mmisr.apis.checks.data import whole_images
from mmisr.apis.compare import best_device
from mmisr.apis.configs import read_config
from mmisr.apis.models import editor_of, init_model
from mmisr.datasets.patch_classes import PatchClasses
from mmisr.openmmlab.editor import SREditor


@names_config
def psnr_classes(
    config: str,
    out: str,
    checkpoint: str | None = None,
    classes: int = 3,
    thresholds: Sequence[float] | None = None,
    tiling: tuple[int, int] = (32, 16),
    device: str | None = None,
    cfg_options: dict[str, Any] | None = None,
) -> PatchClasses:
    """Sort the training patches of a config's data by how well its editor recovers them.

    Args:
        config: Config of an editor, the scoring network, or of a pair; its training data is sorted.
        out: The JSON file to write, which ``mmisr.ClassPatch`` reads.
        checkpoint: Weights of the scoring network; None for those that the config names.
        classes: How many classes of equal size, where no thresholds are given.
        thresholds: PSNR in dB from which a patch belongs to the next easier class; None for
            classes of equal size.
        tiling: Side of a patch, and LR pixels from one to the next.
        device: Where to run; a GPU where there is one by default.
        cfg_options: Overrides by dotted key.

    Returns:
        The classes.

    Raises:
        ValueError: The thresholds do not ascend, a class is empty, the data has no HR, or the
            config is of no editor.
    """
    wanted = list(thresholds or [])
    if sorted(wanted) != wanted:
        raise ValueError(f"--thresholds must ascend, got {wanted}")
    cfg = read_config(config, cfg_options=cfg_options)
    model = init_model(cfg, checkpoint, device or best_device())
    editor = editor_of(model, config)
    images = whole_images(cfg, "train")
    scored = _score(editor, images, tiling)
    if not wanted:
        values = values_of(scored)
        wanted = equal_thresholds(values, classes)
    info = editor.info
    size, stride = tiling
    found = classify_patches(scored, wanted, info.scale, size)
    found.check_filled(out)
    facts = meta(cfg)
    found.meta.update(facts, editor=info.name, stride=stride)
    path = Path(out)
    found.write(path)
    return found


def _score(editor: SREditor, config: dict[str, Any], tiling: tuple[int, int]) -> Scored:
    """PSNR of the patches of a data set, with a bar."""
    dataset = DATASETS.build(config)
    count = len(dataset)
    numbers = range(count)
    bar = tqdm(numbers, unit="image")
    samples = map(dataset.__getitem__, bar)
    size, stride = tiling
    return score_patches(editor, samples, size, stride)
