"""What an export reads: the images of one split, and what decides the pixels of the result."""

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
from mmisr.export.coco import target_names
from mmisr.export.masks import Hw
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
        dataset: The data set, which gives packed samples.
        content: Content of the COCO file.
        annotations_sha256: The hash of that file.
        ids: Ids of the images.
        names: Names of the files to write, under the image folder.
        paths: Paths of the files to read.
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
        file_h, file_w = self.file_hw[index]
        cut_h, cut_w = file_h - height, file_w - width
        # The crop that makes a size divisible takes less than the scale.
        limit = max(height // lr_h, width // lr_w, 2)
        is_crop = 0 <= cut_h < limit and 0 <= cut_w < limit
        if not is_crop or meta.get("flip", False):
            raise ValueError(
                f"the test pipeline may crop {self.paths[index]} at its bottom and right to a "
                f"multiple of the scale, it made {width}x{height} of {file_w}x{file_h}: leave "
                "resizing and flips out of it"
            )
        return packed, (int(height), int(width))


def open_source(
    parts: Sequence[dict], pipeline: Sequence[dict], split: str, ending: str
) -> ExportSource:
    """Find the images of a split.

    Args:
        parts: Configs of the split's data sets, one unless they are concatenated.
        pipeline: Configs of the transforms, those of the test.
        split: ``train``, ``val`` or ``test``, for messages.
        ending: Ending of the files to write.

    Raises:
        ValueError: The split is none of one COCO file, the test pipeline draws other LR images
            every time, images are unreadable, names collide, or an annotation cannot be moved with
            its image.
        FileNotFoundError: There is no annotation file.
    """
    config = {**parts[0], "pipeline": list(pipeline), "test_mode": True}
    config.pop("filter_cfg", None)
    if len(parts) > 1 or not config.get("ann_file"):
        given = f"its {config.get('type')} has no ann_file"
        if len(parts) > 1:
            given = f"it has {len(parts)}"
        raise ValueError(
            f"{split}_dataloader must read one COCO file to be exported, {given}; export the parts "
            "of a concatenation one by one"
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
    by_id = {image["id"]: image for image in content["images"]}
    ids = [info["img_id"] for info in infos]
    images = [by_id[image_id] for image_id in ids]
    sizes = {image["id"]: (image["height"], image["width"]) for image in images}
    read_shapes(content, sizes, dataset.ann_file)
    try:
        names = target_names(images, ending)
    except ValueError as error:
        raise ValueError(f"{dataset.ann_file}: {error}") from error
    return ExportSource(
        dataset=dataset,
        content=content,
        annotations_sha256=_sha256(fileio.get(dataset.ann_file, backend_args=dataset.backend_args)),
        ids=ids,
        names=[names[image_id] for image_id in ids],
        paths=[info["img_path"] for info in infos],
        file_hw=[sizes[image_id] for image_id in ids],
    )


def settings_of(
    dataset: dict, pipeline: Sequence[dict], source: ExportSource, upscaler: Upscaler
) -> dict[str, Any]:
    """Everything that decides the bytes of the images, but for the file format.

    Args:
        dataset: Config of the test data set.
        pipeline: Configs of the transforms, those of the test.
        source: The images that are read.
        upscaler: What makes of them the images that are written.
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
