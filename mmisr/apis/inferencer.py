"""``SRDetInferencer``: mmdet's inferencer for a pair, on LR images as they come from the camera."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.config import Config
from mmengine.dataset import Compose, pseudo_collate
from numpy.typing import NDArray

from mmisr.apis.checks.config_errors import names_config
from mmisr.apis.checks.data import inner_dataset, test_pipeline
from mmisr.apis.checks.own_resize import say_dropped_resize
from mmisr.apis.configs import published_weights, read_config
from mmisr.apis.models import init_model
from mmisr.datasets.images import MAX_PIXELS
from mmisr.datasets.inputs import Batches, Feed, InputImage, Video, open_inputs
from mmisr.datasets.known_ids import Ids, known_ids
from mmisr.datasets.loading import LoadImage
from mmisr.datasets.packing import PackSRDetInputs
from mmisr.degradation.transform import NativeLR
from mmisr.editors.stdo.editor import STDO
from mmisr.openmmlab.detector import DetDataSample
from mmisr.openmmlab.inferencer import DetInferencer, DetLocalVisualizer, get_palette
from mmisr.pipeline.previous_frame import PreviousFrame
from mmisr.pipeline.routing import PRIOR_ROUTER, route_by, search_windows
from mmisr.pipeline.sr_detector import SRDetector
from mmisr.pipeline.weights import check_named_weights
from mmisr.registry import TRANSFORMS, find
from mmisr.reports.annotate import annotate, box_texts, enlarged, outlined, tinted
from mmisr.reports.pictures import to_uint8
from mmisr.reports.result_files import ResultFiles
from mmisr.structures.frames import FrameMap

Predictions = list[DetDataSample]
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
        scope: Scope of the registry that names of models are looked up in.
        palette: Colours of the classes, ``none`` for the model's own.
        show_progress: Whether a bar is shown.
        router: Who routes the tokens (``learned``, ``detector_prior``, ``edge``, ``all-hard``,
            ...); None for the config's.
        budget: One of ``hard_share``, ``target_macs`` and ``target_ms``; see :func:`route_by`.

    Raises:
        FileNotFoundError: Config or weights do not exist.
        ValueError: The config is not that of a pair, or as :func:`init_model` and :func:`route_by`.

    Example:
        >>> from mmisr.apis import SRDetInferencer  # doctest: +SKIP
        >>> infer = SRDetInferencer("my_pair.py")  # doctest: +SKIP
        >>> results = infer("photos/", batch_size=4, out_dir="outputs")  # doctest: +SKIP
        >>> results["predictions"][0]["scores"]  # doctest: +SKIP
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
        checkpoint = None if weights is None else str(weights)
        super().__init__(model, checkpoint, device, scope, palette, show_progress)
        self._files: ResultFiles | None = None
        self._save_sr = False
        self._keep_sr = False
        self._ground = GROUNDS[0]
        self.router: str | None = None
        self.route_by(router, budget)

    def route_by(
        self, router: str | dict[str, Any] | None = None, budget: dict[str, Any] | None = None
    ) -> None:
        """Change who routes the tokens, and within what budget.

        See :func:`mmisr.pipeline.routing.route_by`.
        """
        self.router = route_by(self.model, router, budget) or self.router

    def search_windows(self, windows: dict[str, Any] | None) -> None:
        """Change where the pair looks for objects.

        See :func:`mmisr.pipeline.routing.search_windows`.
        """
        search_windows(self.model, windows)

    def play_clip(self, checkpoint: str) -> None:
        """Take networks that were overfitted to a clip for the editor, for LR videos of that clip.

        Args:
            checkpoint: The model, as ``tools/overfit_video.py`` makes it.

        Raises:
            FileNotFoundError: There is no such model.
            ValueError: It is no model of a clip, or of another scale.
        """
        pair = self.model
        info = pair.editor.info
        parameter = next(pair.parameters())
        editor = STDO(checkpoint, info.scale)
        editor.to(parameter.device)
        editor.eval()
        pair.editor = editor

    def __call__(self, inputs: Any, batch_size: int = 1, **options: Any) -> dict[str, list]:
        """Detect.

        Args:
            inputs: Path of an image, a folder or a video, address of an image, (H, W, 3) uint8 BGR
                array, or a list.
            batch_size: Images per batch; frames of a video that route by the frame before run
                one by one.
            **options: As mmdet's: ``return_vis``, ``show``, ``wait_time``, ``no_save_vis``,
                ``draw_pred``, ``pred_score_thr`` (what is drawn; predictions hold all),
                ``return_datasamples``, ``print_result``, ``no_save_pred``, ``out_dir``. And
                ``save_sr``: also write the SR images; ``draw_on``: what pictures show, ``sr``
                    (enlarged where it is small; LR where SR has more than 4096 pixels a side) or
                    ``lr`` as it came.

        Returns:
            ``predictions``, one dict per image (``bboxes`` xyxy, ``scores``, ``labels``) or data
            samples, and ``visualization``, the pictures where ``return_vis`` asks for them.

        Raises:
            ValueError: An input cannot be used, or an option needs what is not there.
        """
        self._save_sr = options.pop("save_sr", False)
        self._ground = options.pop("draw_on", GROUNDS[0])
        options.setdefault("no_save_pred", False)
        out_dir = str(options.get("out_dir", ""))
        options["out_dir"] = out_dir
        feed = open_inputs(inputs, self.num_predicted_imgs, self.max_pixels)
        self._check(feed, out_dir, options.get("return_vis", False))
        self.num_predicted_imgs += len(feed)
        if out_dir:
            self._files = self._open_files(Path(out_dir), feed, options["no_save_pred"])
        if self._follows(feed):
            batch_size = 1  # each frame waits for the boxes of the one before
        pair = self.model
        test_cfg, prior = pair.test_cfg, pair.prior
        self._set_up(feed, self._draws(options, out_dir))
        try:
            return super().__call__(feed, batch_size, **options)
        finally:
            pair.test_cfg, pair.prior = test_cfg, prior
            pair.search.follow_video(False)
            if self._files is not None:
                self._files.close()
            self._files = None

    def _follows(self, feed: Feed) -> bool:
        """Whether frames are routed or searched by what was found in the frame before."""
        # Slices look by themselves: the boxes of a frame are in none of theirs.
        by_boxes = self.router == PRIOR_ROUTER and self.model.slicer is None
        return isinstance(feed, Video) and (by_boxes or self.model.search.follows_image)

    def _set_up(self, feed: Feed, draws: bool) -> None:
        """Let the pair keep SR images and follow a video, for one call."""
        pair = self.model
        self._keep_sr = self._save_sr or pair.test_cfg.keep_sr
        needs_sr = self._keep_sr or (draws and self._ground == "sr")
        pair.test_cfg = replace(pair.test_cfg, keep_sr=needs_sr)
        pair.search.follow_video(self._follows(feed))
        if self._follows(feed) and pair.prior is not None:
            prior = pair.prior
            pair.prior = PreviousFrame(prior.score_thr, prior.dilate_px)

    def _open_files(self, folder: Path, feed: Feed, no_save_pred: bool) -> ResultFiles:
        pair = self.model
        classes = pair.dataset_meta["classes"]
        video = feed if isinstance(feed, Video) else None
        ids = Ids()
        if not no_save_pred:
            images = () if video else list(feed)
            dataset = inner_dataset(pair.cfg)
            ids = known_ids(dataset, classes, images)
        return ResultFiles(folder, classes, video, ids)

    @staticmethod
    def _draws(options: dict[str, Any], out_dir: str) -> bool:
        """Whether pictures are made."""
        saved = bool(out_dir) and not options.get("no_save_vis", False)
        return bool(saved or options.get("return_vis") or options.get("show"))

    def _check(self, feed: Feed, out_dir: str, return_vis: bool) -> None:
        if self._ground not in GROUNDS:
            raise ValueError(f"draw_on must be one of {GROUNDS}, got {self._ground!r}")
        if self._save_sr and not out_dir:
            raise ValueError("save_sr writes SR images and needs out_dir=, the folder to write to")
        if return_vis and isinstance(feed, Video):
            raise ValueError(
                f"return_vis would hold all {len(feed)} frames of {feed.path} in memory; give "
                "out_dir= for an annotated video"
            )

    def preprocess(self, inputs: Feed, batch_size: int = 1) -> Batches:
        """Batches of (images, data for the model), read as they are asked for."""
        if batch_size < 1:
            raise ValueError(f"batch_size must be at least 1, got {batch_size}")
        return Batches(inputs, batch_size, self.pipeline, self.collate_fn)

    @torch.no_grad()
    def forward(self, inputs: dict) -> Predictions:
        """Predict one batch."""
        predictions: Predictions = self.model.test_step(inputs)
        if isinstance(self.model.prior, PreviousFrame):
            self.model.prior.remember(predictions[-1])
        self.model.search.remember(predictions[-1])
        return predictions

    def visualize(
        self, inputs: Sequence[InputImage], preds: Predictions, **options: Any
    ) -> list[NDArray[np.uint8]] | None:
        """Draw boxes on the images; the options are those of :meth:`__call__`.

        Returns:
            (H, W, 3) RGB pictures of the SR images, or of the LR images, or None where nobody asked
            for them.
        """
        files = self._files
        if not self._draws(options, "" if files is None else str(files.folder)):
            return None
        saved = not options.get("no_save_vis", False)
        returned = options.get("return_vis", False)
        pictures = []
        for image, sample in zip(inputs, preds, strict=True):
            picture = self._draw(image, sample, options)
            if files is not None and saved:
                files.picture(image, picture)
            if returned:
                pictures.append(picture)
        return pictures if returned else None

    def postprocess(
        self,
        preds: Predictions,
        visualization: list[NDArray[np.uint8]] | None = None,
        **options: Any,
    ) -> dict[str, Any]:
        """Write, print and return predictions; the options are those of :meth:`__call__`."""
        written = not options.get("no_save_pred", False)
        predictions = []
        for sample in preds:
            prediction = self.pred2dict(sample)
            predictions.append(prediction)
            self._write(sample, prediction if written else None)
            if not self._keep_sr:
                sample.pop("sr", None)  # it was for the picture; many of them fill the memory
        returned = preds if options.get("return_datasamples") else predictions
        result = {"predictions": returned}
        if options.get("print_result"):
            print(result)  # as mmdet's inferencer does
        return {**result, "visualization": visualization}

    def _write(self, sample: DetDataSample, prediction: dict[str, Any] | None) -> None:
        """Write a prediction, where there is one to write, and the SR image, where it is wanted."""
        files = self._files
        if files is None:
            return
        image = InputImage(sample.img_id, sample.img_path)
        if prediction is not None:
            hw = sample.metainfo["source_shape"]
            files.prediction(image, prediction, hw)
        if self._save_sr:
            sr = to_uint8(sample.sr.numpy())
            files.sr(image, sr)

    def _draw(
        self, image: InputImage, sample: DetDataSample, options: dict[str, Any]
    ) -> NDArray[np.uint8]:
        bgr = image.read()
        lr = bgr[..., ::-1]
        rgb = self._canvas(lr, sample)
        to_picture = FrameMap.between(lr.shape[:2], rgb.shape[:2])
        searched = sample.metainfo.get("searched")
        if searched is not None:
            rgb = outlined(rgb, to_picture.boxes(searched).numpy())
        if options.get("draw_pred", True):
            score_thr = options.get("pred_score_thr", 0.3)
            instances = sample.pred_instances.cpu().numpy()
            shown = instances[instances.scores >= score_thr]
            rgb = self._with_boxes(rgb, to_picture, shown)
        if options.get("show"):
            seconds = options.get("wait_time", 0)
            self.visualizer.show(rgb, win_name=image.name, wait_time=seconds)
        return np.ascontiguousarray(rgb)

    def _with_boxes(
        self, rgb: NDArray[np.uint8], to_picture: FrameMap, instances: Any
    ) -> NDArray[np.uint8]:
        """A picture with boxes and masks that are in pixels of the LR image."""
        boxes = to_picture.boxes(instances.bboxes)
        labels = instances.labels
        meta = self.model.dataset_meta
        texts = box_texts(meta["classes"], labels, instances.scores)
        colours = self._colours(labels)
        picture = tinted(rgb, instances.get("masks"), labels, colours)
        return annotate(picture, boxes, labels, texts, colours)

    def _canvas(self, lr: NDArray[np.uint8], sample: DetDataSample) -> NDArray[np.uint8]:
        """What boxes are drawn on: SR, so that objects of a few LR pixels can be seen."""
        if self._ground == "lr":
            return lr
        sr = sample.sr
        if max(sr.shape[-2:]) > LARGEST_PICTURE:
            return lr
        return enlarged(to_uint8(sr.numpy()))

    def _colours(self, labels: Sequence[int]) -> list[tuple[int, int, int]]:
        """RGB by class; a model that names no classes has as many as it finds."""
        meta = self.model.dataset_meta
        num_classes = len(meta["classes"])
        for label in labels:
            num_classes = max(num_classes, int(label) + 1)
        palette = meta["palette"]
        if not isinstance(palette, str):
            palette = list(palette)
        return get_palette(palette, num_classes)

    def _inputs_to_list(self, inputs: Any) -> Feed:
        known = isinstance(inputs, Video) or _are_inputs(inputs)
        return inputs if known else open_inputs(inputs, max_pixels=self.max_pixels)

    def _init_model(self, cfg: Config, weights: str | None, device: str = "cpu") -> SRDetector:
        """Build the pair, with weights read safely and checked."""
        model = init_model(Config(cfg) if not isinstance(cfg, Config) else cfg, weights, device)
        if not isinstance(model, SRDetector):
            raise ValueError(
                "SRDetInferencer needs the config of a pair (mmisr.SRDetector), got one of "
                f"{type(model).__name__}; for a plain detector use mmdet's DetInferencer"
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
        limits = []
        for step in test_pipeline(cfg):
            kind = find(TRANSFORMS, step["type"])
            if kind is LoadImage:
                limits.append(step.get("max_pixels", MAX_PIXELS))
        self.max_pixels: int = max(limits, default=MAX_PIXELS)
        return Compose([LoadImage(), NativeLR(), PackSRDetInputs()])

    def _init_collate(self, cfg: Config) -> Any:
        """A list of images of any sizes, as the pair takes it."""
        return pseudo_collate

    def _init_visualizer(self, cfg: Config) -> DetLocalVisualizer:
        """A visualizer for windows alone: this class draws and writes."""
        visualizer = DetLocalVisualizer()
        visualizer.dataset_meta = self.model.dataset_meta
        return visualizer


def _are_inputs(inputs: Any) -> bool:
    if not isinstance(inputs, list) or not inputs:
        return False
    return all(isinstance(item, InputImage) for item in inputs)
