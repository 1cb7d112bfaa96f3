"""Views: what the detector of a pair looks at, and the way back to the frames of the images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from torch import Tensor, nn

from mmisr.openmmlab.detector import DetDataSample, to_source
from mmisr.openmmlab.editor import SREditor
from mmisr.openmmlab.samples import source_hw
from mmisr.pipeline.handoff import DetectorBatch
from mmisr.structures.sr_result import SRResult, images_of

if TYPE_CHECKING:
    from mmisr.pipeline.sr_detector import SRDetector


@dataclass(frozen=True)
class View:
    """Images that the detector sees in one batch.

    Args:
        images: (3, H_i, W_i) RGB in [0, 1].
        samples: One sample per image, which says how large it is in its own source frame.
    """

    images: Sequence[Tensor]
    samples: Sequence[DetDataSample]


class Views(Protocol):
    """All that the detector sees of a batch of LR images."""

    @property
    def batches(self) -> Sequence[View]:
        """What the detector sees, batch by batch."""

    def image(self, index: int) -> Tensor:
        """The whole SR image of one LR image, (3, s*h, s*w) RGB in [0, 1].

        Args:
            index: Which of the LR images.
        """

    def collect(
        self,
        predictions: Sequence[Sequence[DetDataSample]],
        seen: Sequence[DetectorBatch],
    ) -> list[DetDataSample]:
        """The samples of the LR images with ``pred_instances`` in the source frame.

        Args:
            predictions: What the detector found in each batch.
            seen: What it got for each.
        """


class Search(Protocol):
    """Where a pair looks for objects."""

    @property
    def follows_image(self) -> bool:
        """Whether what the detector sees depends on the image, beyond its size."""

    @property
    def own_router(self) -> SREditor | None:
        """Who says where instances are instead of the pair's editor; None for nobody."""

    def follow_video(self, follow: bool) -> None:
        """Begin or end a video, of whose frames one is searched at a time, in order.

        Args:
            follow: Whether one begins.
        """

    def remember(self, sample: DetDataSample) -> None:
        """Keep what the next frame of a video is also searched by.

        Args:
            sample: The predicted sample of this frame.
        """

    def upscale(
        self, pair: SRDetector, lr: Sequence[Tensor], samples: Sequence[DetDataSample]
    ) -> Views:
        """Super-resolve what the detector is to see.

        Args:
            pair: The pair, in evaluation.
            lr: (3, h_i, w_i) RGB in [0, 1].
            samples: One sample per image.
        """


class WholeFrames(nn.Module):
    """The detector sees every image whole."""

    follows_image = False
    own_router: SREditor | None = None

    def follow_video(self, follow: bool) -> None:
        """See :meth:`Search.follow_video`; every frame is searched whole."""

    def remember(self, sample: DetDataSample) -> None:
        """See :meth:`Search.remember`; there is nothing to keep."""

    def upscale(
        self, pair: SRDetector, lr: Sequence[Tensor], samples: Sequence[DetDataSample]
    ) -> FrameViews:
        """Super-resolve the images."""
        results = pair.upscale(lr, samples)
        return FrameViews(results, samples, pair.test_cfg.keep_sr)


class FrameViews:
    """The SR images themselves, in one batch.

    Args:
        results: One per image.
        samples: Theirs.
        keep_sr: Whether they keep SR image and routing map.
    """

    def __init__(
        self, results: Sequence[SRResult], samples: Sequence[DetDataSample], keep_sr: bool
    ) -> None:
        self.results = results
        self.samples = samples
        self.keep_sr = keep_sr
        self.batches = [View(images_of(results), samples)]

    def image(self, index: int) -> Tensor:
        """See :meth:`Views.image`."""
        return self.results[index].image[0]

    def collect(
        self,
        predictions: Sequence[Sequence[DetDataSample]],
        seen: Sequence[DetectorBatch],
    ) -> list[DetDataSample]:
        """See :meth:`Views.collect`."""
        samples = list(self.samples)
        (of_batch,) = predictions
        (batch,) = seen
        maps = batch.source_to_det
        for sample, prediction, to_det in zip(samples, of_batch, maps, strict=True):
            hw = source_hw(sample)
            sample.pred_instances = to_source(prediction, to_det, hw)
        if self.keep_sr:
            for sample, result in zip(samples, self.results, strict=True):
                keep(sample, result)
        return samples


def keep(sample: DetDataSample, result: SRResult) -> None:
    """Put the SR image and the routing map of a result of batch size 1 on its sample."""
    image = result.image[0].detach()
    sample.set_field(image.float().cpu(), "sr")
    if result.routing is not None:
        sample.set_field(result.routing, "routing", field_type="metainfo")
