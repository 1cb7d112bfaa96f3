"""COCO-format data, checked before the first image is read."""

from __future__ import annotations

from typing import Any, Literal

from mmengine import fileio
from mmengine.logging import print_log
from tqdm import tqdm

from mmisr.datasets.images import ImageError, check_file
from mmisr.openmmlab.datasets import CocoDataset
from mmisr.registry import DATASETS

OVERSHOOT = 1.0
"""Pixels by which a box may leave its image before it counts as wrong: annotation tools round."""

SHOWN = 5


@DATASETS.register_module()
class SRCocoDataset(CocoDataset):
    """mmdet's ``CocoDataset`` that says what is wrong with its data, before hours are lost.

    Convention: boxes are xyxy in the pixels of the image file (the source frame).

    Args:
        ann_file: COCO JSON.
        bad_boxes: What to do with boxes outside their image or without area: ``error``, ``clip`` (and drop what has no
            area left) or ``skip``.
        unreadable: What to do with images that are missing, truncated or of another kind: ``error`` (all are named at
            once, before the run), ``skip`` (named in the log), or ``unchecked``.
        kwargs: As in mmdet's ``CocoDataset``: data_root, data_prefix, metainfo, pipeline, filter_cfg, test_mode, ...

    Raises:
        ValueError: The file has no images or no boxes, its categories are not those of ``metainfo['classes']``, or boxes
            are wrong and ``bad_boxes='error'``.
        ImageError: Images are unreadable and ``unreadable='error'``.
    """

    def __init__(
        self,
        ann_file: str,
        bad_boxes: Literal["error", "clip", "skip"] = "error",
        unreadable: Literal["error", "skip", "unchecked"] = "unchecked",
        **kwargs: Any,
    ) -> None:
        _check_choice("bad_boxes", bad_boxes, ("error", "clip", "skip"))
        _check_choice("unreadable", unreadable, ("error", "skip", "unchecked"))
        self.bad_boxes = bad_boxes
        self.unreadable = unreadable
        self.wrong_boxes: list[str] = []
        super().__init__(ann_file=ann_file, **kwargs)

    def load_data_list(self) -> list[dict]:
        """Read and check annotations and images."""
        self._check_annotations(fileio.load(self.ann_file, backend_args=self.backend_args))
        self.wrong_boxes = []
        data = super().load_data_list()
        if self.wrong_boxes and self.bad_boxes == "error":
            raise ValueError(
                f"{self.ann_file}: {len(self.wrong_boxes)} boxes must lie inside their image and have area: "
                f"{_first(self.wrong_boxes)}. Mend them, or set bad_boxes='clip' or 'skip' in the dataset config"
            )
        if self.wrong_boxes:
            print_log(f"{self.ann_file}: {self.bad_boxes} {len(self.wrong_boxes)} wrong boxes", logger="current")
        return data if self.unreadable == "unchecked" else self._readable(data)

    def parse_data_info(self, raw_data_info: dict) -> dict:
        """One image with its boxes; crowds carry ``ignore_flag`` 1, every box its annotated ``area``."""
        image = raw_data_info["raw_img_info"]
        folder = self.data_prefix.get("img", "")
        return {
            "img_path": fileio.join_path(folder, image["file_name"], backend_args=self.backend_args),
            "img_id": image["img_id"],
            "height": image["height"],
            "width": image["width"],
            "instances": [i for a in raw_data_info["raw_ann_info"] if (i := self._instance(a, image)) is not None],
        }

    def _instance(self, annotation: dict, image: dict) -> dict | None:
        if annotation["category_id"] not in self.cat_ids:
            return None
        x, y, w, h = annotation["bbox"]
        box = [max(x, 0), max(y, 0), min(x + w, image["width"]), min(y + h, image["height"])]
        empty = box[2] <= box[0] or box[3] <= box[1]
        outside = max(-x, -y, x + w - image["width"], y + h - image["height"]) > OVERSHOOT
        if empty or outside:
            self.wrong_boxes.append(
                f"annotation {annotation.get('id')} of {image['file_name']} ({image['width']}x{image['height']}): "
                f"bbox {annotation['bbox']}"
            )
        if empty or (outside and self.bad_boxes == "skip"):
            return None
        return {
            "bbox": box,
            "bbox_label": self.cat2label[annotation["category_id"]],
            "ignore_flag": int(bool(annotation.get("iscrowd", 0))),
            "area": float(annotation.get("area", (box[2] - box[0]) * (box[3] - box[1]))),
        }

    def _check_annotations(self, content: Any) -> None:
        if not isinstance(content, dict) or not content.get("images"):
            raise ValueError(f"{self.ann_file} has no images: a COCO file needs a non-empty list `images`")
        if not content.get("annotations") and not self.test_mode:
            raise ValueError(
                f"{self.ann_file} has {len(content['images'])} images and no boxes (`annotations` is empty): "
                "nothing can be learned from it; set test_mode=True to predict only"
            )
        if not content.get("annotations"):
            print_log(f"{self.ann_file} has no boxes: predictions can be made, AP cannot be computed", logger="current")
        named = [c["name"] for c in content.get("categories", [])]
        wanted = list(self.metainfo["classes"])
        absent = [c for c in wanted if c not in named]
        if absent:
            raise ValueError(
                f"{self.ann_file} does not have the categories {absent[:SHOWN]} of metainfo['classes']; it has "
                f"{named[:SHOWN]}{'...' if len(named) > SHOWN else ''}. Set metainfo=dict(classes=(...)) in the dataset config"
            )

    def _readable(self, data: list[dict]) -> list[dict]:
        kept, wrong = [], []
        for info in tqdm(data, desc="checking images", unit="image", leave=False, disable=len(data) < 200):
            try:
                found = check_file(info["img_path"], self.backend_args)
                if found != (info["height"], info["width"]):
                    raise ImageError(
                        f"{info['img_path']} is {found[1]}x{found[0]}, its annotation says {info['width']}x{info['height']}"
                    )
                kept.append(info)
            except ImageError as error:
                wrong.append(str(error))
        if wrong and self.unreadable == "error":
            raise ImageError(
                f"{len(wrong)} of {len(data)} images cannot be used: {_first(wrong)}. Mend them, or set "
                "unreadable='skip' in the dataset config (they then count neither as hits nor as misses)"
            )
        for message in wrong:
            print_log(f"skipped: {message}", logger="current")
        return kept


def _check_choice(name: str, value: str, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise ValueError(f"SRCocoDataset.{name} must be one of {allowed}, got {value!r}")


def _first(messages: list[str]) -> str:
    more = f" and {len(messages) - SHOWN} more" if len(messages) > SHOWN else ""
    return "; ".join(messages[:SHOWN]) + more
