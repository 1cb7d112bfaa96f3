"""``SRDetector``: an SR editor in front of any mmdet detector, as one mmdet model."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from mmengine.optim import OptimWrapper
from torch import Tensor, nn

from mmisr.openmmlab.detector import BaseDetector, DetDataSample, build_detector
from mmisr.openmmlab.distributed import PhasedModel
from mmisr.openmmlab.editor import SREditor
from mmisr.openmmlab.loading import TRAINING_ONLY, drop_other_training
from mmisr.ops.held_out import HoldsOut
from mmisr.ops.timing import NULL_TIMER
from mmisr.pipeline.found_masks import finish_masks
from mmisr.pipeline.grouping import group_by_shape, picked, stacked
from mmisr.pipeline.handoff import DetectorBatch, Handoff
from mmisr.pipeline.hints import PriorPass, ground_truth_hints
from mmisr.pipeline.loading import known_parts, load_parts
from mmisr.pipeline.settings import TestConfig
from mmisr.pipeline.slices import Slicer, Slices
from mmisr.pipeline.strategy import PARTS, Losses, Phase, Strategy, rest_for_good, train_phases
from mmisr.pipeline.teacher import loaded_copy
from mmisr.pipeline.training_batch import TrainingBatch
from mmisr.pipeline.views import Search, Views, WholeFrames
from mmisr.pipeline.windows.search import WindowSearch
from mmisr.pipeline.windows.settings import Windows
from mmisr.registry import MODELS, STRATEGIES
from mmisr.structures.frames import hw_of
from mmisr.structures.hints import BatchHints
from mmisr.structures.sr_result import SRResult, images_of

DETECTOR_PARTS = (
    "backbone",
    "neck",
    "bbox_head",
    "rpn_head",
    "roi_head",
    "mask_head",
    "query_head",
)
"""Attributes that mmdet's hooks and tools reach for on a model.

``YOLOXModeSwitchHook``, say, sets ``bbox_head.use_l1``.
"""


@MODELS.register_module()
class SRDetector(HoldsOut, BaseDetector, PhasedModel):
    """LR image -> SR editor -> handoff -> detector -> boxes in the frame of the annotations.

    Trains, tests and resumes with mmengine's Runner, mmdet's hooks, visualizer, TTA and AMP, like
    any mmdet detector.

    Convention: inputs are LR images, (3, h, w) RGB in [0, 1]; ground truth and predictions are xyxy
    in the source frame, which is the HR image where LR is simulated and the LR image itself where
    it is native.

    Args:
        editor: Config of an SR editor.
        detector: The ``model`` of an mmdet config.
        handoff: Arguments of :class:`Handoff`; by default the detector gets the SR image at its own
            size.
        strategy: How the pair is trained; ``Frozen`` by default.
        data_preprocessor: :class:`SRDetDataPreprocessor` unless given.
        checkpoints: Files to load the parts from, any of ``{'editor': path, 'detector': path}``.
        test_cfg: Fields of :class:`TestConfig`.
        init_cfg: As in mmengine.

    Raises:
        TypeError: A part is of the wrong kind, or a nested dict has an unknown key.
        ValueError: ``checkpoints`` names an unknown part.

    Example:
        >>> _base_ = "mmdet::yolox/yolox_tiny_8xb8-300e_coco.py"  # doctest: +SKIP
        >>> editor = dict(type="mmisr.Resample", mode="bicubic", scale=4)
        >>> model = dict(type="mmisr.SRDetector", detector=_base_.model)  # doctest: +SKIP
        >>> model.update(_delete_=True, editor=editor)  # doctest: +SKIP
    """

    def __init__(
        self,
        editor: dict,
        detector: dict,
        handoff: dict | None = None,
        strategy: dict | None = None,
        data_preprocessor: dict | None = None,
        checkpoints: dict[str, str] | None = None,
        test_cfg: dict | None = None,
        init_cfg: dict | list | None = None,
    ) -> None:
        if not data_preprocessor:
            data_preprocessor = {"type": "mmisr.SRDetDataPreprocessor"}
        super().__init__(data_preprocessor, init_cfg)
        self.editor: SREditor = MODELS.build(editor)
        if not isinstance(self.editor, SREditor):
            raise TypeError(
                f"editor must build an mmisr SREditor, type={editor.get('type')!r} is none"
            )
        self.detector = build_detector(detector)
        self.handoff = Handoff(**(handoff or {}))
        self.strategy: Strategy = STRATEGIES.build(strategy or {"type": "Frozen"})
        self.phase: Phase | None = None
        self.test_cfg = TestConfig(**(test_cfg or {}))
        self.prior: PriorPass | None = None
        prior = self.test_cfg.prior
        if prior is not None:
            self.prior = PriorPass(**prior)
            if self.prior.checkpoint is not None:
                first = loaded_copy(self.detector, self.prior.checkpoint)
                self.hold_out("prior_detector", first)
        self.search: Search = WholeFrames()
        windows = self.test_cfg.windows
        if windows is not None:
            settings = Windows(**windows)
            self.search = WindowSearch(settings, self.editor)
        self.slicer: Slicer | None = None
        if self.test_cfg.slices is not None:
            slices = Slices(**self.test_cfg.slices)
            self.slicer = Slicer(slices, self.detector)
        self.timer = NULL_TIMER
        self.checkpoints = known_parts(checkpoints or {})
        load_parts(self, self.checkpoints)
        self.strategy.attach(self)
        for part in rest_for_good(self):
            part.requires_grad_(False)

    def predict(
        self, batch_inputs: Sequence[Tensor], batch_data_samples: list[DetDataSample]
    ) -> list[DetDataSample]:
        """Detect.

        Args:
            batch_inputs: (3, h_i, w_i) LR images, RGB in [0, 1]; sizes may differ.
            batch_data_samples: One sample per image.

        Returns:
            The same samples with ``pred_instances``: boxes in the source frame, scores, labels.
        """
        if self.slicer is None:
            predicted = self.predict_at_once(batch_inputs, batch_data_samples)
        else:
            predicted = self.slicer.predict(self, batch_inputs, batch_data_samples)
        for sample in predicted:
            finish_masks(sample, self.test_cfg.masks)
        return predicted

    def predict_at_once(
        self, batch_inputs: Sequence[Tensor], batch_data_samples: Sequence[DetDataSample]
    ) -> list[DetDataSample]:
        """The same, whatever the size of the images; masks as the search left them."""
        with self.timer.stage("upscale"):
            views = self.search.upscale(self, batch_inputs, batch_data_samples)
        with self.timer.stage("handoff"):
            seen = self.handed(views)
        with self.timer.stage("detector"):
            predictions = [self.detector.predict(batch.inputs, batch.samples) for batch in seen]
        with self.timer.stage("to_source"):
            return views.collect(predictions, seen)

    def portions(
        self, lr: Sequence[Tensor], samples: Sequence[DetDataSample]
    ) -> Iterator[tuple[Sequence[Tensor], Sequence[DetDataSample]]]:
        """What the pair sees at once of a batch: all of it, or some slices of an image.

        Args:
            lr: (3, h_i, w_i) RGB in [0, 1].
            samples: One sample per image.
        """
        if self.slicer is None:
            yield lr, samples
            return
        for image, sample in zip(lr, samples, strict=True):
            yield from self.slicer.inputs(image, sample)

    def handed(self, views: Views) -> list[DetectorBatch]:
        """What the detector gets of its views, one batch after the other.

        Args:
            views: What it is to see.
        """
        detector = self.detector
        return [
            self.handoff(view.images, view.samples, detector, training=False)
            for view in views.batches
        ]

    def loss(
        self, batch_inputs: Sequence[Tensor], batch_data_samples: list[DetDataSample]
    ) -> Losses:
        """The losses of the phase that the pair is in, or of the strategy's only one.

        Shapes as in :meth:`predict`.

        Raises:
            RuntimeError: The strategy has several phases, and whoever trains the pair does not run
                them.
        """
        phases = self.strategy.phases
        if self.phase is None and len(phases) > 1:
            raise RuntimeError(
                f"strategy {type(self.strategy).__name__} has {len(phases)} phases, and this "
                f"training step knows of none. "
                "With several processes set "
                "model_wrapper_cfg=dict(type='mmisr.PhasedDistributedDataParallel', "
                "broadcast_buffers=False); mmisr's own train.py does"
            )
        phase = self.phase or phases[0]
        batch = TrainingBatch(self, batch_inputs, batch_data_samples, self.strategy.title)
        return phase.losses(batch)

    def upscale(
        self, lr: Sequence[Tensor], samples: Sequence[DetDataSample] | None = None
    ) -> list[SRResult]:
        """Super-resolve images of any sizes.

        Images of equal size run as one batch, none is padded for another.

        Args:
            lr: (3, h_i, w_i) RGB in [0, 1].
            samples: Their samples, which routing hints are read from.

        Returns:
            One result per image, each of batch size 1.
        """
        return self.upscale_each(lr, self.hints(lr, samples))

    @property
    def router(self) -> SREditor:
        """Who says where instances are: the windows' own router, or the editor."""
        return self.search.own_router or self.editor

    def upscale_each(self, lr: Sequence[Tensor], hints: BatchHints | None) -> list[SRResult]:
        """The same, with hints instead of samples.

        Args:
            lr: (3, h_i, w_i) RGB in [0, 1].
            hints: One record per image, or None for none.
        """
        results: dict[int, SRResult] = {}
        for indices in group_by_shape(lr):
            batch = stacked(lr, indices)
            known = hints and picked(hints, indices)
            result = self.editor.upscale(batch, known)
            of_each = zip(indices, result.split(), strict=True)
            results.update(of_each)
        return [results[index] for index in sorted(results)]

    def detection_losses(
        self, images: Sequence[Tensor], samples: Sequence[DetDataSample]
    ) -> Losses:
        """The detector's own losses on SR (or any) images of the pair's frame.

        Args:
            images: (3, H_i, W_i) RGB in [0, 1], one per image.
            samples: Ground truth in the source frame.
        """
        batch = self.detector_batch(images, samples)
        return self.detector.loss(batch.inputs, batch.samples)

    def detector_batch(
        self, images: Sequence[Tensor], samples: Sequence[DetDataSample]
    ) -> DetectorBatch:
        """What the detector gets in training.

        Several versions of each image (SR, HR, a mix) must go through one call, one version after
        the other: they then get the same resize, the same padding and the same batch augmentation.
            ``batch.part(n, k)`` is version k.

        Args:
            images: (3, H_i, W_i) RGB in [0, 1], a multiple of the samples in number.
            samples: Ground truth in the source frame.

        Raises:
            ValueError: The number of images is no multiple of that of the samples.
        """
        versions, rest = divmod(len(images), len(samples))
        if rest:
            raise ValueError(
                f"detector_batch takes whole versions of {len(samples)} images, got {len(images)}"
            )
        repeated = list(samples) * versions
        return self.handoff(images, repeated, self.detector, training=True)

    def parts(self) -> dict[str, nn.Module]:
        """What can learn, by the names that a phase and an optimiser use."""
        return {name: getattr(self, name) for name in PARTS}

    def learning(self) -> list[tuple[str, ...]]:
        """The parts that learn in each phase of the strategy."""
        return [phase.learns for phase in self.strategy.phases]

    def train_step(self, data: dict, optim_wrapper: OptimWrapper) -> dict[str, Tensor]:
        """One iteration in one process: the phases of the strategy, in order."""
        return self.train_phases(data, optim_wrapper, self)

    def train_phases(
        self, data: dict, optim_wrapper: OptimWrapper, forward: Any
    ) -> dict[str, Tensor]:
        """The same, each phase run through ``forward``, which averages gradients over processes."""
        return train_phases(self, data, optim_wrapper, forward)

    def train(self, mode: bool = True) -> SRDetector:
        """Set the mode; parts that no phase teaches stay in evaluation."""
        super().train(mode)
        for part in rest_for_good(self):
            part.eval()
        return self

    def init_weights(self) -> None:
        """Initialise both parts, then load the checkpoints that the config names for them."""
        super().init_weights()
        load_parts(self, self.checkpoints)
        self.strategy.start(self)

    def extract_feat(self, batch_inputs: Sequence[Tensor]) -> Any:
        """Features of the detector on the SR images; shapes as in :meth:`predict`."""
        return self.detector.extract_feat(self._detector_batch(batch_inputs, None).inputs)

    def _forward(
        self, batch_inputs: Sequence[Tensor], batch_data_samples: list[DetDataSample] | None = None
    ) -> Any:
        """The raw forward pass of both parts, as ``get_flops`` calls it."""
        batch = self._detector_batch(batch_inputs, batch_data_samples)
        return self.detector._forward(batch.inputs, batch.samples)

    def _detector_batch(
        self, lr: Sequence[Tensor], samples: list[DetDataSample] | None
    ) -> DetectorBatch:
        images = images_of(self.upscale(lr, samples))
        if samples is None:
            samples = [_bare_sample(image) for image in images]
        return self.handoff(images, samples, self.detector, training=False)

    def hints(
        self, lr: Sequence[Tensor], samples: Sequence[DetDataSample] | None
    ) -> BatchHints | None:
        """What is known of images beside their pixels; what a first pass finds where one is asked.

        Args:
            lr: (3, h_i, w_i) RGB in [0, 1].
            samples: Their samples, or None for none.
        """
        hints = ground_truth_hints(lr, samples)
        if self.prior is None or samples is None or hints is None:
            return hints
        scale = self.editor.info.scale
        found = self.prior.find(lr, samples, scale, self.first_detector)
        return [
            replace(known, found=of_image) for known, of_image in zip(hints, found, strict=True)
        ]

    @property
    def first_networks(self) -> list[nn.Module]:
        """Networks that run before SR and are no part of the pair's own weights."""
        networks: list[nn.Module] = []
        router = self.search.own_router
        if router is not None:
            networks.append(router)
        looks_first = self.__dict__.get("prior_detector")
        if looks_first is not None:
            networks.append(looks_first)
        return networks

    @property
    def first_detector(self) -> BaseDetector:
        """Who looks at the image before SR: a detector for that alone, or the pair's own."""
        own: BaseDetector = self.__dict__.get("prior_detector", self.detector)
        return own

    def _load_from_state_dict(
        self, state_dict: dict[str, Tensor], prefix: str, *args: Any, **kwargs: Any
    ) -> None:
        drop_other_training(state_dict, self.state_dict(), prefix + TRAINING_ONLY, len(prefix))
        super()._load_from_state_dict(state_dict, prefix, *args, **kwargs)

    def __getattr__(self, name: str) -> Any:
        if name in DETECTOR_PARTS:
            return getattr(super().__getattr__("detector"), name)
        return super().__getattr__(name)


def _bare_sample(image: Tensor) -> DetDataSample:
    """A sample that says no more than the size of a (3, H, W) image."""
    return DetDataSample(metainfo={"source_shape": hw_of(image)})
