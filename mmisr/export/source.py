"""What an export reads: the images of one split through the test pipeline, and what decides its pixels."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

from mmengine import fileio

from mmisr.datasets.coco_file import read_annotations
from mmisr.datasets.coco_shapes import read_shapes
from mmisr.degradation.transform import SimulateLR
from mmisr.export.coco import Hw, target_names
from mmisr.export.upscaler import Upscaler
from mmisr.registry import DATASETS
from mmisr.version import __version__

HOW_IMAGES_ARE_CHECKED = (
    "unreadable",
    "image_check",
    "bad_boxes",
    "indices",
    "lazy_init",
    "serialize_data",
)
"""Keys of a dataset config that change no pixel: a run may be resumed with others."""


@dataclass(frozen=True)
class ExportSource:
    """The images to be exported, in the order of the data set.

    Args:
        dataset: Gives packed samples.
        content: The COCO file.
        annotations_sha256: Of that file.
        ids: Image ids.
        names: Files to write, under the image folder.
        paths: Files to read.
        file_hw: Their heights and widths.
    """

    dataset: Any
    content: dict[str, Any]
    annotations_sha256: str
    ids: list[Any]
    names: list[str]
    paths: list[str]
    file_hw: list[Hw]

    def read(self, index: int) -> tuple[dict, Hw]:
        """One packed sample, and the frame of its annotations as the pipeline left it.

        Raises:
            ValueError: The image cannot be used, or the pipeline does more than crop it at its
                bottom and right.
            OSError: The file cannot be read.
        """
        packed: dict = self.dataset[index]
        meta = packed["data_samples"].metainfo
        height, width = meta["source_shape"]
        lr_h, lr_w = packed["inputs"].shape[-2:]
        cut = [read - left for read, left in zip(self.file_hw[index], (height, width), strict=True)]
        limit = max(height // lr_h, width // lr_w, 2)
        if not all(0 <= n < limit for n in cut) or meta.get("flip", False):
            raise ValueError(
                f"the test pipeline may crop {self.paths[index]} at its bottom and right to a "
                f"multiple of the scale, it made "
                f"{width}x{height} of {self.file_hw[index][1]}x{self.file_hw[index][0]}: leave "
                f"resizing and flips out of it"
            )
        return packed, (int(height), int(width))


def open_source(
    parts: Sequence[dict], pipeline: Sequence[dict], split: str, ending: str
) -> ExportSource:
    """Find the images of a split.

    Args:
        parts: Configs of the split's data sets, one unless they are concatenated.
        pipeline: The test pipeline.
        split: ``train``, ``val`` or ``test``, for messages.
        ending: Of the files to write.

    Raises:
        ValueError: The split is none of one COCO file, the test pipeline draws other LR images
            every time, images are unreadable, names collide, or an annotation cannot be moved with
            its image.
        FileNotFoundError: There is no annotation file.
    """
    config = {**parts[0], "pipeline": list(pipeline), "test_mode": True}
    config.pop("filter_cfg", None)
    if len(parts) > 1 or not config.get("ann_file"):
        found = (
            f"it has {len(parts)}"
            if len(parts) > 1
            else f"its {config.get('type')} has no ann_file"
        )
        raise ValueError(
            f"{split}_dataloader must read one COCO file to be exported, {found}; export the parts "
            f"of a concatenation one by one"
        )
    dataset = DATASETS.build(config)
    for step in dataset.pipeline.transforms:
        if isinstance(step, SimulateLR) and step.seed is None:
            raise ValueError(
                "mmisr.SimulateLR with seed=None makes other LR images every time: set a seed in "
                "test_pipeline"
            )
    content = read_annotations(dataset.ann_file, dataset.backend_args)
    infos = [dataset.get_data_info(i) for i in range(len(dataset))]
    ids = [info["img_id"] for info in infos]
    by_id = {image["id"]: image for image in content["images"]}
    read_shapes(
        content, {i: (by_id[i]["height"], by_id[i]["width"]) for i in ids}, dataset.ann_file
    )
    try:
        names = target_names([by_id[i] for i in ids], ending)
    except ValueError as error:
        raise ValueError(f"{dataset.ann_file}: {error}") from error
    return ExportSource(
        dataset=dataset,
        content=content,
        annotations_sha256=_sha256(fileio.get(dataset.ann_file, backend_args=dataset.backend_args)),
        ids=ids,
        names=[names[i] for i in ids],
        paths=[info["img_path"] for info in infos],
        file_hw=[(by_id[i]["height"], by_id[i]["width"]) for i in ids],
    )


def settings_of(
    dataset: dict, pipeline: Sequence[dict], source: ExportSource, upscaler: Upscaler
) -> dict[str, Any]:
    """Everything that decides the bytes of the images, but for the file format.

    Args:
        dataset: Config of the test data set.
        pipeline: The test pipeline.
        source: What is read.
        upscaler: What is done to it.
    """
    data = {k: v for k, v in dataset.items() if k not in HOW_IMAGES_ARE_CHECKED}
    data["pipeline"] = list(pipeline)
    return {
        **upscaler.settings(),
        "config_sha256": _sha256(
            json.dumps([upscaler.config, data], sort_keys=True, default=str).encode()
        ),
        "annotations_sha256": source.annotations_sha256,
        "mmisr": __version__,
        "torch": version("torch"),
        "pillow": version("pillow"),
    }


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
