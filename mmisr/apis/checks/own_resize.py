"""The ``Resize`` of a detector's own test pipeline: a pair applies it where its handoff says so."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmengine.logging import print_log
from mmengine.utils import get_installed_path, is_installed

from mmisr.apis.checks.data import inner_datasets, is_pair
from mmisr.openmmlab.testing import DETECTORS, ImageResize
from mmisr.registry import TRANSFORMS, bare_name, find


def say_dropped_resize(cfg: Config) -> None:
    """Warn, once per process, of what :func:`dropped_resize` finds.

    Args:
        cfg: A config of any model.
    """
    text = dropped_resize(cfg)
    if text is not None:
        _once(text)


def dropped_resize(cfg: Config) -> str | None:
    """Whether the detector of a pair would see images of another size than its own config feeds it.

    A pair's config brings its own test pipeline, and the ``Resize`` of the one that it inherits is
    gone without a trace in the merged config: what the inherited files say by themselves is read
    again. Nothing is said where ``handoff.resize`` is given, whatever it is, or where the pair's
    own pipeline resizes.

    Args:
        cfg: A config of any model.

    Returns:
        What to say, with the line to write; None where all is well.
    """
    if not is_pair(cfg) or _says_size(cfg.model.get("handoff")):
        return None
    detector = cfg.model.get("detector")
    if not isinstance(detector, dict) or "type" not in detector:
        return None
    if _pair_resizes(cfg):
        return None
    for name, pipeline in own_pipelines(cfg):
        resize = wanted_resize(pipeline)
        if resize is not None:
            return _told(name, resize)
    return None


def _pair_resizes(cfg: Config) -> bool:
    """Whether the pair's own pipeline for the test, else for the validation, resizes."""
    for side in ("test", "val"):
        if cfg.get(f"{side}_dataloader"):
            pipelines = [dataset.get("pipeline") for dataset in inner_datasets(cfg, side)]
            return any(wanted_resize(pipeline) for pipeline in pipelines)
    return False


def own_pipelines(cfg: Config) -> Iterator[tuple[str, Any]]:
    """The test pipelines that a pair's detector has in the configs that the pair inherits.

    Args:
        cfg: Config of a pair.

    Yields:
        Name of a config, as ``_base_`` has it, and its pipeline. Of a config without bases (a dump,
        or one of ``read_base``) its own variable ``test_pipeline``, which is the detector's unless
        the pair took the name.
    """
    bases = list(_bases(cfg.filename))
    if not bases and cfg.get("test_pipeline"):
        yield "the config", cfg.test_pipeline
    for name, path in bases:
        yield from _of_detector(name, path, bare_name(cfg.model.detector["type"]))


def wanted_resize(pipeline: Any) -> dict[str, Any] | None:
    """What ``handoff.resize`` would have to be for the size that a pipeline gives.

    Args:
        pipeline: Transforms of a plain mmdet config, or None.

    Returns:
        Arguments of :class:`mmisr.pipeline.handoff.Resize`; None where nothing is resized.
    """
    for step in pipeline or ():
        resize = _image_resize(step)
        if resize is None:
            continue
        if resize.scale is not None:
            return {"scale": tuple(resize.scale)}
        factor = resize.scale_factor
        factors = factor if isinstance(factor, tuple) else (factor,)
        if set(factors) != {1}:
            return {"factor": float(factors[0])}
    return None


def _image_resize(step: Any) -> ImageResize | None:
    """The transform of a step, where it resizes.

    A step that cannot be built is for those to name who run it.
    """
    name = step.get("type") if isinstance(step, dict) else None
    if not name:
        return None
    if isinstance(name, str) and "." not in name:
        name = f"{DETECTORS}.{name}"  # a plain mmdet config names its transforms without a scope
    kind = find(TRANSFORMS, name)
    if kind is None or not issubclass(kind, ImageResize):
        return None
    try:
        return TRANSFORMS.build({**step, "type": kind})
    except (TypeError, AssertionError):
        return None


@cache
def _once(text: str) -> None:
    print_log(text, logger="current", level=logging.WARNING)


def _told(name: str, wanted: dict[str, Any]) -> str:
    (key, value), *_ = wanted.items()
    return (
        f"the detector's own test pipeline ({name}) resizes images ({key}={value}), and the pair "
        "does not: the detector gets SR images at their own size. For the size that it knows write "
        f"model=dict(handoff=dict(resize=dict({key}={value}))); where SR's own size is meant, "
        "handoff=dict(resize=dict(factor=1.0)) says so. See docs/howto/handoff.md"
    )


def _of_detector(name: str, path: str, detector: str) -> Iterator[tuple[str, Any]]:
    """Pipelines of the detector in a config, or in those that it inherits in turn."""
    cfg = Config.fromfile(path, import_custom_modules=False)
    has_model = "model" in cfg and "type" in cfg.model
    if has_model and bare_name(cfg.model["type"]) == detector and cfg.get("test_dataloader"):
        for dataset in inner_datasets(cfg):
            yield name, dataset.get("pipeline")
        return
    for inner, inner_path in _bases(path):
        yield from _of_detector(inner, inner_path, detector)


def _bases(filename: str | None) -> Iterator[tuple[str, str]]:
    """Name and path of what a config file inherits directly."""
    if filename is None or not Path(filename).is_file():
        return
    for name in Config._get_base_files(filename):
        path = _path_of(name, filename)
        if Path(path).is_file():
            yield name, path


def _path_of(name: str, filename: str) -> str:
    """Where a base lies."""
    # mmengine finds a base of another package through its metafiles, which takes seconds.
    package, _, inside = name.rpartition("::")
    if package and is_installed(package):
        known = Path(get_installed_path(package)) / ".mim" / "configs" / inside
        if known.is_file():
            return str(known)
    return Config._get_cfg_path(name, filename)[0]


def _says_size(handoff: Any) -> bool:
    return isinstance(handoff, dict) and handoff.get("resize") is not None
