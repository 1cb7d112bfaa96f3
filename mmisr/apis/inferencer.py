"""``SRDetInferencer``: mmdet's inferencer for a pair, on LR images as they come from the camera."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.config import Config
from mmengine.dataset import Compose, pseudo_collate
from numpy.typing import NDArray
from torch import Tensor

from mmisr.apis.checks import test_pipeline
from mmisr.apis.config_errors import names_config
from mmisr.apis.configs import published_weights, read_config
from mmisr.apis.known_ids import Ids, known_ids
from mmisr.apis.models import init_model
from mmisr.apis.outputs import ResultFiles
from mmisr.apis.own_resize import say_dropped_resize
from mmisr.apis.routing import PRIOR_ROUTER, route_by
from mmisr.apis.sources import Feed, Source, Video, open_inputs
from mmisr.datasets.images import MAX_PIXELS
from mmisr.datasets.loading import LoadImage
from mmisr.datasets.packing import PackSRDetInputs
from mmisr.degradation.transform import NativeLR
from mmisr.openmmlab.detector import DetDataSample
from mmisr.openmmlab.inferencer import DetInferencer, DetLocalVisualizer, get_palette
from mmisr.pipeline.hints import PriorPass
from mmisr.pipeline.sr_detector import SRDetector
from mmisr.pipeline.weights import check_named_weights
from mmisr.registry import TRANSFORMS, find
from mmisr.reports.annotate import annotate, enlarged
from mmisr.reports.pictures import to_uint8
from mmisr.structures.frames import FrameMap

Found = list[DetDataSample]
GROUNDS = ("sr", "lr")
LARGEST_PICTURE = 4096
"""Longest side, in pixels, of an SR image that is drawn on; JPEG and mp4 end not far beyond."""


class SRDetInferencer(DetInferencer):
    """Detect in LR images with a pair; called as mmdet's ``DetInferencer`` is.

    Convention: the image given **is** the LR image, whatever the config's test pipeline does to
    make one. Boxes come back in its own pixels. Arrays are BGR; pictures that are returned are RGB,
    as mmdet's, and show the SR image. Image and category ids of results are those of the config's
    test annotations, where they name the images and the classes.

    Differs from mmdet's: local files are checked before the work begins; no two results share a
    file name; pictures are returned only with ``return_vis``; with ``out_dir``, predictions are
    written unless ``no_save_pred``; videos.

    Args:
        model: Config file, config, or the name of one of the project's own configs, from any
            folder.
        weights: Weights of the whole pair; None for those that the config names.
        device: Where to run; None for a GPU where there is one.
        scope: Scope that names of models are looked up in.
        palette: Colours of the classes, ``none`` for the model's own.
        show_progress: Show a bar.
        router: Who routes the tokens (``learned``, ``detector_prior``, ``edge``, ``all-hard``,
            ...); None for the config's.
        budget: One of ``hard_share``, ``target_macs`` and ``target_ms``; see :func:`route_by`.

    Raises:
        FileNotFoundError: Config or weights do not exist.
        ValueError: The config is not that of a pair, or as :func:`init_model` and :func:`route_by`.

    Example:
        >>> from mmisr.apis import SRDetInferencer                                            # doctest: +SKIP
        >>> infer = SRDetInferencer("configs/instance_sr/instance-sr-nano-x4_....py")         # doctest: +SKIP
        >>> infer("photos/", batch_size=4, out_dir="found")["predictions"][0]["scores"]       # doctest: +SKIP
    """

    @names_config
    def __init__(
        self,
        model: str | Path | Config,
        weights: str | Path | None = None,
        device: str | None = None,
        scope: str = "mmisr",
        palette: str = "none",
        show_progress: bool = True,
        router: str | dict[str, Any] | None = None,
        budget: dict[str, Any] | None = None,
    ) -> None:
        if isinstance(model, (str, Path)):
            weights = weights or published_weights(model)
            model = read_config(model)
        super().__init__(
            model, None if weights is None else str(weights), device, scope, palette, show_progress
        )
        self._files: ResultFiles | None = None
        self._save_sr = self._keep_sr = False
        self._ground = GROUNDS[0]
        self.router: str | None = None
        self.route_by(router, budget)

    def route_by(
        self, router: str | dict[str, Any] | None = None, budget: dict[str, Any] | None = None
    ) -> None:
        """Change who routes the tokens, and within what budget.

        See :func:`mmisr.apis.routing.route_by`.
        """
        self.router = route_by(self.model, router, budget) or self.router

    def __call__(self, inputs: Any, batch_size: int = 1, **options: Any) -> dict[str, list]:
        """Detect.

        Args:
            inputs: Path of an image, a folder or a video, address of an image, (H, W, 3) uint8 BGR
                array, or a list.
            batch_size: Images a batch; frames of a video that route by the frame before run one by
                one.
            **options: As mmdet's: ``return_vis``, ``show``, ``wait_time``, ``no_save_vis``,
                ``draw_pred``, ``pred_score_thr`` (what is drawn; predictions hold all),
                ``return_datasamples``, ``print_result``, ``no_save_pred``, ``out_dir``. And
                ``save_sr``: also write the SR images; ``draw_on``: what pictures show, ``sr``
                    (enlarged where it is small; LR where SR has more than 4096 pixels a side) or
                    ``lr`` as it came.

        Returns:
            ``predictions``, one dict an image (``bboxes`` xyxy, ``scores``, ``labels``) or data
            samples, and ``visualization``, the pictures where ``return_vis`` asks for them.

        Raises:
            ValueError: An input cannot be used, or an option needs what is not there.
        """
        save_sr = self._save_sr = options.pop("save_sr", False)
        self._ground = options.pop("draw_on", GROUNDS[0])
        options.setdefault("no_save_pred", False)
        out_dir = str(options.get("out_dir", ""))
        feed = open_inputs(inputs, self.num_predicted_imgs, self.max_pixels)
        self._check(feed, out_dir, save_sr, options.get("return_vis", False))
        self.num_predicted_imgs += len(feed)
        video = feed if isinstance(feed, Video) else None
        follow = video is not None and self.router == PRIOR_ROUTER
        before = self.model.test_cfg, self.model.prior
        self._keep_sr = save_sr or self.model.test_cfg.keep_sr
        draws_sr = self._ground == "sr" and self._draws(options, out_dir)
        self.model.test_cfg = replace(self.model.test_cfg, keep_sr=self._keep_sr or draws_sr)
        if follow:
            self.model.prior = PreviousFrame(self.model.prior.score_thr, self.model.prior.dilate_px)
        self._files = (
            self._open_files(Path(out_dir), feed, options["no_save_pred"]) if out_dir else None
        )
        try:
            return super().__call__(
                feed, 1 if follow else batch_size, **{**options, "out_dir": out_dir}
            )
        finally:
            self.model.test_cfg, self.model.prior = before
            if self._files is not None:
                self._files.close()

    def _open_files(self, folder: Path, feed: Feed, no_save_pred: bool) -> ResultFiles:
        classes = self.model.dataset_meta["classes"]
        video = feed if isinstance(feed, Video) else None
        ids = (
            Ids()
            if no_save_pred
            else known_ids(self.model.cfg, classes, () if video else list(feed))
        )
        return ResultFiles(folder, classes, video, ids)

    @staticmethod
    def _draws(options: dict[str, Any], out_dir: str) -> bool:
        """Whether pictures are made."""
        saved = bool(out_dir) and not options.get("no_save_vis", False)
        return bool(saved or options.get("return_vis") or options.get("show"))

    def _check(self, feed: Feed, out_dir: str, save_sr: bool, return_vis: bool) -> None:
        if self._ground not in GROUNDS:
            raise ValueError(f"draw_on must be one of {GROUNDS}, got {self._ground!r}")
        if save_sr and not out_dir:
            raise ValueError("save_sr writes SR images and needs out_dir=, the folder to write to")
        if return_vis and isinstance(feed, Video):
            raise ValueError(
                f"return_vis would hold all {len(feed)} frames of {feed.path} in memory; give "
                f"out_dir= for an annotated video"
            )

    def preprocess(self, inputs: Feed, batch_size: int = 1) -> Batches:
        """Batches of (sources, data for the model), read as they are asked for."""
        if batch_size < 1:
            raise ValueError(f"batch_size must be at least 1, got {batch_size}")
        return Batches(inputs, batch_size, self.pipeline, self.collate_fn)

    @torch.no_grad()
    def forward(self, inputs: dict) -> Found:
        """Predict one batch."""
        found: Found = self.model.test_step(inputs)
        if isinstance(self.model.prior, PreviousFrame):
            self.model.prior.remember(found[-1])
        return found

    def visualize(
        self, inputs: Sequence[Source], preds: Found, **options: Any
    ) -> list[NDArray[np.uint8]] | None:
        """Draw boxes on the images, write and show the pictures as the options of :meth:`__call__` say.

        Returns:
            (H, W, 3) RGB pictures of the SR images, or of the LR images, or None where nobody asked for them.
        """
        if not self._draws(options, "" if self._files is None else str(self._files.folder)):
            return None
        saved = self._files is not None and not options.get("no_save_vis", False)
        drawn = []
        for source, sample in zip(inputs, preds, strict=True):
            picture = self._draw(source, sample, options)
            if saved and self._files is not None:
                self._files.picture(source, picture)
            if options.get("return_vis"):
                drawn.append(picture)
        return drawn if options.get("return_vis") else None

    def postprocess(
        self, preds: Found, visualization: list[NDArray[np.uint8]] | None = None, **options: Any
    ) -> dict[str, Any]:
        """Write, print and return predictions as the options of :meth:`__call__` say."""
        found = [self.pred2dict(sample) for sample in preds]
        for sample, prediction in zip(preds, found, strict=True):
            source = Source(sample.img_id, sample.img_path)
            if self._files is not None and not options.get("no_save_pred", False):
                self._files.prediction(source, prediction, sample.metainfo["source_shape"])
            if self._files is not None and self._save_sr:
                self._files.sr(source, to_uint8(sample.sr.numpy()))
            if not self._keep_sr:
                sample.pop("sr", None)  # it was for the picture; many of them fill the memory
        result = {"predictions": preds if options.get("return_datasamples") else found}
        if options.get("print_result"):
            print(result)
        return {**result, "visualization": visualization}

    def _draw(
        self, source: Source, sample: DetDataSample, options: dict[str, Any]
    ) -> NDArray[np.uint8]:
        lr = source.read()[..., ::-1]
        rgb = self._canvas(lr, sample)
        to_canvas = FrameMap.between(lr.shape[:2], rgb.shape[:2])
        found = sample.pred_instances.cpu().numpy()
        found = found[found.scores >= options.get("pred_score_thr", 0.3)]
        if options.get("draw_pred", True):
            classes = dict(enumerate(self.model.dataset_meta["classes"]))
            texts = [
                f"{classes.get(int(k), k)} {s:.2f}"
                for k, s in zip(found.labels, found.scores, strict=True)
            ]
            boxes = to_canvas.boxes(found.bboxes)
            rgb = annotate(rgb, boxes, found.labels, texts, self._colours(found.labels))
        if options.get("show"):
            self.visualizer.show(rgb, win_name=source.name, wait_time=options.get("wait_time", 0))
        return np.ascontiguousarray(rgb)

    def _canvas(self, lr: NDArray[np.uint8], sample: DetDataSample) -> NDArray[np.uint8]:
        """What boxes are drawn on: SR, so that objects of a few LR pixels can be seen."""
        if self._ground == "lr" or max(sample.sr.shape[-2:]) > LARGEST_PICTURE:
            return lr
        return enlarged(to_uint8(sample.sr.numpy()))

    def _colours(self, labels: Sequence[int]) -> list[tuple[int, int, int]]:
        """RGB by class; a model that names no classes has as many as it finds."""
        palette = self.model.dataset_meta["palette"]
        count = max([len(self.model.dataset_meta["classes"]), *(int(k) + 1 for k in labels)])
        return get_palette(palette if isinstance(palette, str) else list(palette), count)

    def _inputs_to_list(self, inputs: Any) -> Feed:
        known = isinstance(inputs, Video) or _are_sources(inputs)
        return inputs if known else open_inputs(inputs, max_pixels=self.max_pixels)

    def _init_model(self, cfg: Config, weights: str | None, device: str = "cpu") -> SRDetector:
        """Build the pair, with weights read safely and checked."""
        model = init_model(Config(cfg) if not isinstance(cfg, Config) else cfg, weights, device)
        if not isinstance(model, SRDetector):
            raise ValueError(
                f"SRDetInferencer needs the config of a pair (mmisr.SRDetector), got one of "
                f"{type(model).__name__}; for a plain "
                "detector use mmdet's DetInferencer"
            )
        if weights is None:
            check_named_weights(model)
        say_dropped_resize(model.cfg)
        if self.palette != "none":
            model.dataset_meta["palette"] = self.palette
        return model

    def _init_pipeline(self, cfg: Config) -> Compose:
        """The image is LR already.

        Whatever the config's own pipeline does to make LR images is left out.
        """
        loaders = [
            step for step in test_pipeline(cfg) if find(TRANSFORMS, step["type"]) is LoadImage
        ]
        self.max_pixels: int = max(
            (step.get("max_pixels", MAX_PIXELS) for step in loaders), default=MAX_PIXELS
        )
        return Compose([LoadImage(), NativeLR(), PackSRDetInputs()])

    def _init_collate(self, cfg: Config) -> Any:
        """A list of images of any sizes, as the pair takes it."""
        return pseudo_collate

    def _init_visualizer(self, cfg: Config) -> DetLocalVisualizer:
        """A visualizer for windows alone: this class draws and writes."""
        visualizer = DetLocalVisualizer()
        visualizer.dataset_meta = self.model.dataset_meta
        return visualizer


@dataclass(frozen=True)
class Batches:
    """Batches of a feed; their number is known, so that a progress bar can show it.

    Args:
        feed: The images, or a video.
        size: Images a batch.
        pipeline: From ``img``, ``img_path`` and ``img_id`` to packed data.
        collate: From a list of packed data to a batch.
    """

    feed: Feed
    size: int
    pipeline: Compose
    collate: Any

    def __len__(self) -> int:
        """Batches."""
        return -(-len(self.feed) // self.size)

    def __iter__(self) -> Iterator[tuple[list[Source], dict]]:
        """Read and pack."""
        feed = iter(self.feed)
        while sources := [
            replace(source, pixels=source.read()) for source in islice(feed, self.size)
        ]:
            yield sources, self.collate([self._pack(source) for source in sources])

    def _pack(self, source: Source) -> dict:
        packed: dict = self.pipeline(
            {"img": source.pixels, "img_path": source.path, "img_id": source.name}
        )
        return packed


@dataclass(frozen=True)
class PreviousFrame(PriorPass):
    """Routes a frame of a video by the boxes found in the frame before.

    The first frame, and one after a frame without boxes, has a detector pass of its own. Fields as
    in :class:`PriorPass`.
    """

    last: list[Tensor] = field(default_factory=list)

    def boxes(self, lr: Sequence[Tensor], samples: Any, scale: int, detector: Any) -> list[Tensor]:
        """Boxes of the frame before, in the lr frame, one (N, 4) tensor for the one image."""
        return list(self.last) or super().boxes(lr, samples, scale, detector)

    def remember(self, sample: DetDataSample) -> None:
        """Keep what was found; LR is native, so its boxes are in the lr frame."""
        instances = sample.pred_instances
        kept = instances.bboxes[instances.scores >= self.score_thr]
        grow = kept.new_tensor([-1, -1, 1, 1]) * self.dilate_px
        self.last[:] = [kept + grow] if len(kept) else []


def _are_sources(inputs: Any) -> bool:
    return (
        isinstance(inputs, list)
        and bool(inputs)
        and all(isinstance(item, Source) for item in inputs)
    )
