"""What mmdet's own inferencers and tools must know of a pair's pipeline and samples.

Those of sahi derive from them. They look for transforms by name, and drop the ground truth from
what they write. Both are taught here, on mmdet's own classes, so that configs need nothing for it.
"""

from __future__ import annotations

import functools
import importlib
from collections.abc import Callable, Sequence
from typing import Any

from mmisr.ops.wrapped import parts_of

PIXELS = ("hr", "sr", "gt_img")
"""Fields of a sample that a file of predictions leaves out."""

TRUTH = ("gt_instances", "ignored_instances")
"""Fields of a pair's sample that it keeps.

An offline evaluation by our metric reads them, in the frame of the predictions.
"""

LOADER, RESIZE = "LoadImageFromFile", "Resize"

MARK = "as_in_the_pair"
"""Key by which an inferencer's loader knows that it stands in for ours."""


def teach_clients() -> None:
    """Teach mmdet's classes, in this process; calling it again changes nothing."""
    inferencer = importlib.import_module("mmdet.apis.det_inferencer").DetInferencer
    if getattr(inferencer._get_transform_idx, "knows_pairs", False):
        return
    inferencer._get_transform_idx = _finding_our_loader(inferencer._get_transform_idx)
    inferencer._load_weights_to_model = _naming_classes(inferencer._load_weights_to_model)
    for name in ("mmdet.apis", "mmdet.apis.inference"):
        module = importlib.import_module(name)
        module.init_detector = _with_classes(module.init_detector)  # type: ignore[attr-defined]
    loader = importlib.import_module("mmdet.datasets.transforms").InferencerLoader
    loader.__init__ = _loading_as_we_do(loader.__init__)
    dump = importlib.import_module("mmdet.evaluation.metrics").DumpDetResults
    dump.process = _with_truth(dump.process)
    repeated = importlib.import_module("mmengine.dataset").RepeatDataset
    repeated.__getitem__ = _ending(repeated.__getitem__)
    utils = importlib.import_module("mmdet.datasets.utils")
    ours = _keeping_our_loader(utils.get_loading_pipeline)
    for module in (utils, importlib.import_module("mmdet.datasets")):
        module.get_loading_pipeline = ours  # type: ignore[attr-defined]


def our_loader(pipeline: Sequence[Any]) -> int:
    """Index of the step of a pipeline that loads images as we do; -1 where there is none.

    Args:
        pipeline: Configs of the transforms, in order.
    """
    from mmisr.registry import TRANSFORMS, find

    for index, step in enumerate(pipeline):
        kind = find(TRANSFORMS, step["type"])
        if getattr(kind, "stands_for", None) == LOADER:
            return index
    return -1


def _name_classes(model: Any, cfg: Any) -> None:
    """Give a pair the classes of its config's test data.

    mmdet takes COCO's where the checkpoint names none, and that of a part seldom does.
    """
    if "editor" not in cfg.model:
        return
    meta = dict(getattr(model, "dataset_meta", None) or {})
    evaluation = importlib.import_module("mmdet.evaluation")
    coco = list(evaluation.get_classes("coco"))
    named = list(meta.get("classes") or coco)
    if named != coco:
        return
    dataset = parts_of(cfg.test_dataloader.dataset)[0]
    classes = (dataset.get("metainfo") or {}).get("classes")
    if classes:
        names = (classes,) if isinstance(classes, str) else tuple(classes)
        model.dataset_meta = {**meta, "classes": names}


def _naming_classes(real: Callable) -> Callable:
    """How mmdet's inferencer loads weights, with the classes of a pair's config."""

    @functools.wraps(real)
    def load(self: Any, model: Any, checkpoint: Any, cfg: Any) -> None:
        real(self, model, checkpoint, cfg)
        _name_classes(model, cfg)

    return load


def _with_classes(real: Callable) -> Callable:
    """As mmdet's ``init_detector``, with the classes of a pair's config."""

    @functools.wraps(real)
    def init_detector(*args: Any, **options: Any) -> Any:
        model = real(*args, **options)
        _name_classes(model, model.cfg)
        return model

    return init_detector


def _finding_our_loader(real: Callable) -> Callable:
    """Where mmdet's inferencer puts its own loader, and sahi's its ``image_size``.

    A pair has no ``Resize`` for the latter.
    """

    @functools.wraps(real)
    def index(self: Any, pipeline_cfg: Any, name: Any) -> int:
        number = _marked_loader(pipeline_cfg)
        names = [name] if isinstance(name, str) else list(name)
        asks_for_it = LOADER in names or RESIZE in names
        if number < 0 or not asks_for_it:
            return int(real(self, pipeline_cfg, name))
        pipeline_cfg[number][MARK] = True
        return number

    index.knows_pairs = True  # type: ignore[attr-defined]
    return index


def _marked_loader(pipeline: Sequence[Any]) -> int:
    """As :func:`our_loader`, also where the step has been marked, whose type is another then."""
    for number, step in enumerate(pipeline):
        if MARK in step:
            return number
    return our_loader(pipeline)


def _loading_as_we_do(real: Callable) -> Callable:
    """The loader of mmdet's inferencer; in a pair it reads files and arrays by our rules."""

    @functools.wraps(real)
    def start(self: Any, **options: Any) -> None:
        if not options.pop(MARK, False):
            real(self, **options)
            return
        if "scale" in options:
            raise ValueError(
                f"image_size={options['scale'][0]} would resize the image before super-resolution, "
                f"and the boxes would come back "
                "in other pixels than the image's: leave image_size out; "
                "handoff=dict(resize=dict(scale=(w, h))) in the model "
                "resizes for the detector alone"
            )
        from mmisr.registry import TRANSFORMS

        self.from_file = self.from_ndarray = TRANSFORMS.build(
            {"type": "mmisr.LoadImage", **options}
        )

    return start


def _keeping_our_loader(real: Callable) -> Callable:
    """What is left of a pipeline when it only loads: ours counts as mmdet's loader."""

    @functools.wraps(real)
    def loading(pipeline: Sequence[Any]) -> list[Any]:
        number = our_loader(pipeline)
        if number < 0:
            return list(real(pipeline))
        ours = pipeline[number]
        stand_in = {"type": LOADER}
        as_mmdets = [stand_in if step is ours else step for step in pipeline]
        loading_steps = real(as_mmdets)
        return [ours if step is stand_in else step for step in loading_steps]

    return loading


def _ending(real: Callable) -> Callable:
    """A repeated data set has an end.

    Mmdet's ``browse_dataset`` iterates until an index fails, and mmengine's never does.
    """

    @functools.wraps(real)
    def item(self: Any, idx: int) -> Any:
        if idx >= len(self):
            raise IndexError(f"index {idx} of a data set with {len(self)} samples")
        return real(self, idx)

    return item


def _with_truth(real: Callable) -> Callable:
    """A dump without the pixels that samples of a pair carry, and with their ground truth."""

    @functools.wraps(real)
    def process(self: Any, data_batch: Any, data_samples: Sequence[dict]) -> None:
        light = [_without_pixels(sample) for sample in data_samples]
        real(self, data_batch, light)
        results = self.results[-len(light) :]
        for result, sample in zip(results, data_samples, strict=True):
            if "source_shape" in sample:
                result.update(_truth(sample))

    return process


def _without_pixels(sample: dict) -> dict:
    return {name: value for name, value in sample.items() if name not in PIXELS}


def _truth(sample: dict) -> dict[str, dict[str, Any]]:
    return {name: _on_cpu(sample[name]) for name in TRUTH if name in sample}


def _on_cpu(instances: Any) -> dict[str, Any]:
    return {
        name: value.cpu() if hasattr(value, "cpu") else value for name, value in instances.items()
    }
