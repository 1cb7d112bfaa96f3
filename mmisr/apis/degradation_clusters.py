"""What ``tools/analysis/degradation_clusters.py`` does: clusters of features by degradation."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.config import Config
from mmengine.runner import Runner
from torch import Tensor
from tqdm import tqdm

from mmisr.analysis.clusters import Clusters, find_clusters, need_sklearn
from mmisr.analysis.content_patches import Patch, choose_patches
from mmisr.analysis.facts import meta
from mmisr.analysis.layer_features import Model, Part, choose_subject, layer_features
from mmisr.apis.arms import named_config
from mmisr.apis.checks.config_errors import names_config
from mmisr.apis.checks.data import is_pair
from mmisr.apis.compare import best_device
from mmisr.apis.configs import read_config
from mmisr.apis.models import editor_of, init_model
from mmisr.apis.plain_detector import pair_of
from mmisr.degradation.conditions import CONDITIONS, conditions
from mmisr.degradation.pipeline import Pipeline
from mmisr.degradation.recipes import Degradation
from mmisr.openmmlab.editor import SREditor
from mmisr.openmmlab.samples import hr_pixels
from mmisr.ops.files import write_text
from mmisr.pipeline.sr_detector import SRDetector
from mmisr.pipeline.weights import check_named_weights
from mmisr.registry import MODELS, find
from mmisr.reports.clusters import plot_clusters
from mmisr.structures.frames import hw_of
from mmisr.structures.pixels import to_unit

SCHEMA = 1
"""Of ``clusters.json``; raised when a key changes its meaning."""

PARTS = ("editor", "detector")


@dataclass(frozen=True)
class Protocol:
    """What features are compared on.

    Args:
        part: Whose layer: ``editor``, or ``detector`` for that of a pair, or a detector alone.
        layer: Its name; None for the last convolution before an editor's enlargement, and for
            ``pyramid.0`` of a detector.
        degradations: By name, see :func:`mmisr.degradation.conditions.condition`.
        patches: How many.
        side: Of a patch, in pixels of the image that the model sees.

    Raises:
        ValueError: ``part`` is neither.
    """

    part: Part = "editor"
    layer: str | None = None
    degradations: Sequence[str] = tuple(CONDITIONS)
    patches: int = 100
    side: int = 128

    def __post_init__(self) -> None:
        if self.part not in PARTS:
            raise ValueError(f"part must be one of {', '.join(PARTS)}, got {self.part!r}")


@dataclass(frozen=True)
class ModelClusters:
    """What one model's features do.

    Args:
        name: Of the model.
        layer: Whose features.
        clusters: Both spaces and their indices.
    """

    name: str
    layer: str
    clusters: Clusters


@names_config
def degradation_clusters(
    config: str,
    checkpoint: str | None = None,
    others: Sequence[str] = (),
    protocol: Protocol | None = None,
    out: str | None = None,
    device: str | None = None,
    cfg_options: dict[str, Any] | None = None,
) -> list[ModelClusters]:
    """See whether a network's features lie apart by how their image was degraded.

    Args:
        config: Config of an editor, a pair or a detector; its test images are those of all models,
            reduced anew without any degradation of the config where they have HR images.
        checkpoint: Its weights; None for those that the config names.
        others: Beside it, each ``NAME=CONFIG`` or ``NAME=CONFIG,CHECKPOINT``; of its scale.
        protocol: What is compared; 100 patches of 128 pixels, clean, blurred, noisy and as JPEG.
        out: Folder of ``clusters.json`` and ``clusters.png``;
            ``work_dirs/degradation_clusters/<config name>`` by default.
        device: Where to run; a GPU where there is one by default.
        cfg_options: Overrides of ``config`` by dotted key.

    Returns:
        One entry per model.

    Raises:
        ValueError: A model has no such layer or no weights, models differ in scale, the test images
            hold too few patches, or a degradation is unknown.
        ImportError: scikit-learn is not installed.
    """
    need_sklearn()
    protocol = protocol or Protocol()
    degrade = conditions(protocol.degradations)
    where = device or best_device()
    cfg = read_config(config, cfg_options=cfg_options)
    cfg, weights = _prepared(cfg, checkpoint)
    title = Path(config).stem
    models = {title: _model(cfg, weights, where, protocol.part)}
    for other in others:
        name, model = _other(other, where, protocol.part)
        if name in models:
            raise ValueError(f"--others: every model needs a name of its own, got {name!r} twice")
        models[name] = model
    scale = _common_scale(models)
    images = _images(cfg, scale)
    patches = choose_patches(images, protocol.side, protocol.patches)
    pixels, labels = _degraded(patches, degrade)
    first = pixels[0].to(where)
    found = []
    for name, model in tqdm(models.items(), unit="model"):
        subject = choose_subject(model, protocol.part, protocol.layer, first)
        features = layer_features(subject, pixels)
        clusters = find_clusters(features, labels)
        found.append(ModelClusters(name, subject.layer, clusters))
    folder = Path(out or f"work_dirs/degradation_clusters/{title}")
    facts = {**meta(cfg), "scikit-learn": version("scikit-learn")}
    _write(found, patches, degrade, labels, facts, folder)
    points = {of_model.name: of_model.clusters.points for of_model in found}
    plot_clusters(points, labels, list(degrade), folder / "clusters.png")
    return found


def _prepared(cfg: Config, checkpoint: str | None) -> tuple[Config, str | None]:
    """Config and weights; a detector alone as the pair of nothing and itself."""
    kind = find(MODELS, cfg.model["type"]) if "model" in cfg else None
    is_editor = isinstance(kind, type) and issubclass(kind, SREditor)
    if is_editor or is_pair(cfg):
        return cfg, checkpoint
    pair = pair_of(cfg)
    # A patch is seen at its own size, whatever size whole images are given.
    pair.model.handoff = {}
    weights = checkpoint or cfg.get("load_from")
    if weights:
        pair.model.checkpoints = {"detector": str(weights)}
    return read_config(pair), None


def _model(cfg: Config, checkpoint: str | None, device: str, part: Part) -> Model:
    """An editor or a pair with weights, those of both parts where the detector is looked at."""
    model = init_model(cfg, checkpoint, device)
    if checkpoint is None:
        check_named_weights(model, ("editor", part))
    if isinstance(model, SRDetector):
        return model
    return editor_of(model, cfg.filename)


def _other(text: str, device: str, part: Part) -> tuple[str, Model]:
    """One entry of ``--others``."""
    name, path, checkpoint = named_config(text, "--others")
    cfg = read_config(path)
    cfg, weights = _prepared(cfg, checkpoint)
    return name, _model(cfg, weights, device, part)


def _common_scale(models: dict[str, Model]) -> int:
    """The factor of all models, so that all see the same patches."""
    scales = {}
    for name, model in models.items():
        editor = model.editor if isinstance(model, SRDetector) else model
        scales[name] = editor.info.scale
    first, *others = scales.values()
    if any(scale != first for scale in others):
        raise ValueError(
            f"models must have one scale, so that all see the same patches, got {scales}"
        )
    return first


def _images(cfg: Config, scale: int) -> Iterator[tuple[str, Tensor]]:
    """Name and clean image of the test set, at the size that the models see."""
    cfg.test_dataloader.update(batch_size=1, num_workers=0, persistent_workers=False)
    loader = Runner.build_dataloader(cfg.test_dataloader)
    reduce = Degradation(scale)
    for batch in loader:
        sample = batch["data_samples"][0]
        text = sample.metainfo.get("img_path")
        name = Path(str(text)).name
        hr = hr_pixels(sample)
        if hr is None:
            pixels = batch["inputs"][0]
            yield name, to_unit(pixels)
        else:
            image = to_unit(hr[None])
            clean = reduce(_cropped(image, scale), [0])
            yield name, clean[0]


def _cropped(image: Tensor, multiple: int) -> Tensor:
    """Less the last rows and columns that make no whole multiple."""
    height, width = hw_of(image)
    tall = height - height % multiple
    wide = width - width % multiple
    return image[..., :tall, :wide]


def _degraded(
    patches: Sequence[Patch], degrade: dict[str, Pipeline]
) -> tuple[list[Tensor], dict[str, np.ndarray]]:
    """Every patch under every degradation, and what tells them apart."""
    count = len(patches)
    seeds = list(range(count))
    clean = torch.stack([patch.pixels for patch in patches])
    pixels: list[Tensor] = []
    for change in degrade.values():
        changed = change(clean, seeds)
        pixels += changed.unbind()
    degradations = np.arange(len(degrade))
    labels = {
        "degradation": degradations.repeat(count),
        "content": np.tile(seeds, len(degrade)),
    }
    return pixels, labels


def _write(
    found: Sequence[ModelClusters],
    patches: Sequence[Patch],
    degrade: dict[str, Pipeline],
    labels: dict[str, np.ndarray],
    facts: dict[str, Any],
    folder: Path,
) -> None:
    """All that was found, and what it was found on."""
    models = []
    for of_model in found:
        content = asdict(of_model)
        content["clusters"]["points"] = of_model.clusters.points.tolist()
        models.append(content)
    squares = [{"image": p.image, "top": p.top, "left": p.left} for p in patches]
    content = {
        "schema": SCHEMA,
        "models": models,
        "degradations": {name: change.name for name, change in degrade.items()},
        "labels": {name: groups.tolist() for name, groups in labels.items()},
        "side": hw_of(patches[0].pixels)[0],
        "patches": squares,
        "meta": facts,
    }
    text = json.dumps(content, indent=2)
    write_text(folder / "clusters.json", text + "\n")
