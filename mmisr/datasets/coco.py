"""COCO-format data, checked before the first image is read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from mmengine import fileio
from mmengine.dist import is_main_process
from mmengine.logging import print_log
from tqdm import tqdm

from mmisr.datasets.coco_boxes import box_in_image
from mmisr.datasets.coco_checks import check_annotations, class_names, first
from mmisr.datasets.coco_file import read_annotations
from mmisr.datasets.coco_shapes import read_shapes
from mmisr.datasets.coco_values import is_ignored, shown
from mmisr.datasets.images import ImageError, check_annotated_size, check_file, check_reducible
from mmisr.datasets.loading import LoadImage
from mmisr.datasets.tiles import Tiles, tiled
from mmisr.datasets.watched import WatchedPipeline
from mmisr.openmmlab.datasets import CocoDataset
from mmisr.registry import DATASETS
from mmisr.structures.marks import marks_of

MANY = 200
"""From this many images on, checking them shows a progress bar."""

CHOICES = {
    "bad_boxes": ("error", "clip", "skip"),
    "unreadable": (None, "error", "skip", "unchecked"),
    "image_check": ("header", "decode"),
}


@DATASETS.register_module()
class SRCocoDataset(CocoDataset):
    """mmdet's ``CocoDataset`` that says what is wrong with its data, before hours are lost.

    Convention: boxes are xyxy in the pixels of the image file (the source frame). Boxes that leave
    their image by at most one pixel are clipped to it. Crowds and boxes with a true ``ignore``
    attribute carry ``ignore_flag`` 1; ``marks`` says more of what an annotation is
    (:class:`mmisr.structures.marks.Mark`), for the protocols of the metric. Boxes narrower than
    a pixel stay, which mmdet drops in silence. The file is read whole by
    :func:`mmisr.datasets.coco_file.read_annotations`, which says what its entries must be.
    An image with a ``frame_index`` is that frame of a clip, counted from 0 (``mmisr.STDO``).
    Instances have a ``mask``, COCO's ``segmentation``, where a step of the pipeline loads masks
    (``LoadAnnotations(with_mask=True)``).

    Args:
        ann_file: COCO JSON.
        bad_boxes: What to do with boxes that lie further outside their image, are not four numbers
            or have no area: ``error``, ``clip`` (and drop what has no area left) or ``skip``.
        unreadable: What to do with images that are missing, truncated, of another size than
            annotated, too small to be reduced, or of another kind: ``error`` (all are named at
            once, before the run), ``skip`` (named in the log), or ``unchecked`` (found when
            loaded). By default ``error`` with ``test_mode`` and ``unchecked`` in training.
        image_check: How thoroughly: ``header`` (and the end of the file) or ``decode``.
        tiles: Fields of :class:`mmisr.datasets.tiles.Tiles`, to train on a grid of tiles, which are
            cut when they are read; None for whole images. Tiles begin and end at multiples of the
            pipeline's ``CropToMultiple``. Images are evaluated whole: with
            ``model.test_cfg.slices`` where they are large.
        need_boxes: Whether training data without a single box is an error; False for editors that
            learn from pixels alone.
        kwargs: As in mmdet's ``CocoDataset``: data_root, data_prefix, metainfo, pipeline,
            filter_cfg, test_mode, ...

    Raises:
        ValueError: The file has no images or no boxes, an entry is not what it must be, the
            categories are not those of ``metainfo['classes']``, boxes are wrong and
            ``bad_boxes='error'``, or ``tiles`` are asked for with ``test_mode``.
        ImageError: Images are unreadable and ``unreadable='error'``.
    """

    def __init__(
        self,
        ann_file: str,
        bad_boxes: Literal["error", "clip", "skip"] = "error",
        unreadable: Literal["error", "skip", "unchecked"] | None = None,
        image_check: Literal["header", "decode"] = "header",
        need_boxes: bool = True,
        tiles: dict[str, Any] | None = None,
        **kwargs: Any,  # mmdet's own dozen; an unknown one fails there, by name
    ) -> None:
        for name, value in (
            ("bad_boxes", bad_boxes),
            ("unreadable", unreadable),
            ("image_check", image_check),
        ):
            if value not in CHOICES[name]:
                raise ValueError(
                    f"SRCocoDataset.{name} must be one of {CHOICES[name]}, got {value!r}"
                )
        self.bad_boxes = bad_boxes
        self.unreadable = unreadable
        self.image_check = image_check
        self.need_boxes = need_boxes
        self.tiles = None if tiles is None else Tiles(**tiles)
        if self.tiles is not None and kwargs.get("test_mode"):
            raise ValueError(
                "SRCocoDataset.tiles are for training, and this data set has test_mode=True: "
                "images are evaluated whole. Where they are large, set model.test_cfg.slices, "
                "whose slices are merged"
            )
        self.wrong_boxes: list[str] = []
        self.without_mask: list[str] = []
        super().__init__(ann_file=ann_file, **kwargs)
        self._check_tiles()
        self.pipeline: WatchedPipeline = WatchedPipeline(self.pipeline.transforms)

    def _check_tiles(self) -> None:
        for step in self.pipeline.transforms:
            if self.tiles is not None and getattr(step, "needs_whole_images", False):
                name = type(step).__name__
                raise ValueError(
                    f"SRCocoDataset.tiles have ids of their own, and {name} in the pipeline looks "
                    f"images up by the file's, got tiles={self.tiles}: leave tiles out, or take "
                    "mmisr.RandomPatch"
                )

    @classmethod
    def _load_metainfo(cls, metainfo: Mapping | None = None) -> dict:
        classes = metainfo.get("classes") if isinstance(metainfo, Mapping) else None
        if isinstance(classes, str) and "://" not in classes:
            metainfo = {**(metainfo or {}), "classes": class_names(classes)}
        return dict(super()._load_metainfo(metainfo))

    def load_data_list(self) -> list[dict]:
        """Read and check annotations and images."""
        content = read_annotations(self.ann_file, self.backend_args)
        check_annotations(
            content,
            self.ann_file,
            self.metainfo["classes"],
            need_boxes=self.need_boxes and not self.test_mode,
        )
        if self._loads_masks():
            sizes = {i["id"]: (i["height"], i["width"]) for i in content["images"]}
            read_shapes(content, sizes, self.ann_file)
        self.wrong_boxes = []
        self.without_mask = []
        data = self._infos(content)
        if self.wrong_boxes and self.bad_boxes == "error":
            raise ValueError(
                f"{self.ann_file}: {len(self.wrong_boxes)} boxes must lie inside their image and "
                f"have area: "
                f"{first(self.wrong_boxes)}. Mend them, or set bad_boxes='clip' or 'skip' in the "
                f"dataset config"
            )
        if self.wrong_boxes:
            print_log(
                f"{self.ann_file}: {self.bad_boxes} {len(self.wrong_boxes)} wrong boxes",
                logger="current",
            )
        if self.without_mask:
            raise ValueError(
                f"{self.ann_file}: {len(self.without_mask)} annotations have no `segmentation`, "
                f"and the pipeline loads masks: {first(self.without_mask)}. Add them, or load "
                f"boxes alone (mmdet.LoadAnnotations without with_mask)"
            )
        policy = self.unreadable or ("error" if self.test_mode else "unchecked")
        if policy != "unchecked":
            data = self._usable(data, policy)
        return data if self.tiles is None else tiled(data, self.tiles, self._multiple())

    def filter_data(self) -> list[dict]:
        """Leave out what ``filter_cfg`` says: tiles without a box, those of small images."""
        if self.tiles is None:
            return list(super().filter_data())
        config = self.filter_cfg or {}
        filtered = config.get("filter_empty_gt", False)
        min_size = config.get("min_size", 0)
        kept = []
        for tile in self.data_list:
            is_empty = not tile["instances"]
            is_small = min(tile["width"], tile["height"]) < min_size
            if not is_small and not (filtered and is_empty):
                kept.append(tile)
        return kept

    def _multiple(self) -> int:
        """What the sides of images are made multiples of."""
        return max((getattr(step, "multiple", 1) for step in self.pipeline.transforms), default=1)

    def _infos(self, content: dict[str, Any]) -> list[dict]:
        """Every image with its boxes, in the order of the file.

        mmdet's own tables of categories are filled beside it.
        """
        classes = set(self.metainfo["classes"])
        self.cat_ids = []
        self.cat_img_map: dict[Any, list] = {}
        for category in content["categories"]:
            self.cat_img_map[category["id"]] = []
            if category["name"] in classes:
                self.cat_ids.append(category["id"])
        self.cat2label = {cat_id: label for label, cat_id in enumerate(self.cat_ids)}
        by_image: dict[Any, list[dict]] = {image["id"]: [] for image in content["images"]}
        for annotation in content["annotations"]:
            image_id = annotation["image_id"]
            if image_id in by_image:
                by_image[image_id].append(annotation)
                self.cat_img_map[annotation["category_id"]].append(image_id)
        data = []
        for image in content["images"]:
            raw = {
                "raw_img_info": {**image, "img_id": image["id"]},
                "raw_ann_info": by_image[image["id"]],
            }
            data.append(self.parse_data_info(raw))
        return data

    def get_data_info(self, idx: int) -> dict:
        """One image with its boxes, and the file's ids of the classes.

        Predictions that are written carry these ids.
        """
        return {**super().get_data_info(idx), "category_ids": tuple(self.cat_ids)}

    def parse_data_info(self, raw_data_info: dict) -> dict:
        """One image with its boxes.

        Ignored ones carry ``ignore_flag`` 1, every box its annotated ``area``.
        """
        image = raw_data_info["raw_img_info"]
        folder = self.data_prefix.get("img", "")
        path = fileio.join_path(folder, image["file_name"], backend_args=self.backend_args)
        instances = []
        for annotation in raw_data_info["raw_ann_info"]:
            instance = self._instance(annotation, image)
            if instance is not None:
                instances.append(instance)
        info = {
            "img_path": path,
            "img_id": image["img_id"],
            "height": image["height"],
            "width": image["width"],
            "instances": instances,
        }
        if image.get("frame_index") is not None:
            info["frame_index"] = image["frame_index"]
        return info

    def _instance(self, annotation: dict, image: dict) -> dict | None:
        label = self.cat2label.get(annotation["category_id"])
        if label is None and annotation.get("ignored_region"):
            label = 0  # nothing counts there, whichever classes are read
        if label is None:
            return None
        box = self._box(annotation, image)
        if box is None:
            return None
        area = float(annotation.get("area") or (box[2] - box[0]) * (box[3] - box[1]))
        instance = {
            "bbox": box,
            "bbox_label": label,
            "ignore_flag": int(is_ignored(annotation)),
            "area": area,
            "marks": marks_of(annotation),
        }
        if self._loads_masks():
            instance["mask"] = annotation.get("segmentation")
            if not instance["mask"]:
                name = f"annotation {annotation.get('id')} of {image['file_name']}"
                self.without_mask.append(name)
        return instance

    def _loads_masks(self) -> bool:
        return any(getattr(step, "with_mask", False) for step in self.pipeline.transforms)

    def _box(self, annotation: dict, image: dict) -> list[float] | None:
        """The box clipped to its image as xyxy, or None where there is none to use.

        Wrong ones are noted.
        """
        width, height = image["width"], image["height"]
        box = box_in_image(annotation.get("bbox"), width, height)
        if box.is_empty or box.is_outside:
            self.wrong_boxes.append(
                f"annotation {annotation.get('id')} of {image['file_name']} "
                f"({width}x{height}): "
                f"bbox {shown(annotation.get('bbox'))}"
            )
        if box.is_empty or (box.is_outside and self.bad_boxes == "skip"):
            return None
        return list(box.xyxy)

    def _usable(self, data: list[dict], policy: str) -> list[dict]:
        usable: list[dict] = []
        wrong: list[str] = []
        quiet = len(data) < MANY or not is_main_process()
        for info in tqdm(data, desc="checking images", unit="image", leave=False, disable=quiet):
            try:
                self._check_image(info)
                usable.append(info)
            except ImageError as error:
                wrong.append(str(error))
            except OSError as error:
                # A name too long for the file system, a folder that may not be read.
                wrong.append(f"{info['img_path']} cannot be read: {error.strerror or error}")
        if wrong and policy == "error":
            raise ImageError(
                f"{self.ann_file}: {len(wrong)} of {len(data)} images cannot be used: "
                f"{first(wrong)}. Mend them, or set "
                "unreadable='skip' in the dataset config (they then count neither as hits nor as "
                "misses)"
            )
        for message in wrong:
            print_log(f"skipped: {message}", logger="current")
        if not usable:
            raise ImageError(
                f"{self.ann_file}: none of its {len(data)} images can be used: {first(wrong)}"
            )
        return usable

    def _check_image(self, info: dict) -> None:
        limits = [t.max_pixels for t in self.pipeline.transforms if isinstance(t, LoadImage)]
        decode = self.image_check == "decode"
        hw = check_file(
            info["img_path"], self.backend_args, decode, max_pixels=max(limits, default=None)
        )
        check_annotated_size(info, hw)
        check_reducible(hw, self._multiple(), info["img_path"])
