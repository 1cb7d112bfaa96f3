"""What a phase of a strategy sees of one iteration: the pair, LR images, their samples."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from mmisr.losses.functional import Losses, scaled
from mmisr.openmmlab.samples import hr_pixels, image_seed
from mmisr.ops.mixing import patch_mix
from mmisr.pipeline.grouping import mean_over_groups, picked, stacked
from mmisr.pipeline.handoff import DetectorBatch
from mmisr.pipeline.hints import ground_truth_hints
from mmisr.structures.frames import hw_of
from mmisr.structures.pixels import to_unit
from mmisr.structures.sr_result import SRResult, images_of

if TYPE_CHECKING:
    from mmisr.openmmlab.detector import BaseDetector, DetDataSample
    from mmisr.pipeline.sr_detector import SRDetector


@dataclass(frozen=True)
class TrainingBatch:
    """One batch, and what the phases of strategies make of it.

    Convention: images are (3, H_i, W_i) RGB in [0, 1], one per sample, of any sizes; ground truth
    is in the source frame.

    Args:
        pair: The pair that is trained.
        lr: (3, h_i, w_i) LR images.
        samples: Their samples, with the HR image where LR was simulated.
        needed_by: Who asks for HR images, for the message where a sample has none.
    """

    pair: SRDetector
    lr: Sequence[Tensor]
    samples: Sequence[DetDataSample]
    needed_by: str = "this strategy"

    @property
    def detector(self) -> BaseDetector:
        """The detector of the pair."""
        return self.pair.detector

    def upscale(self) -> list[SRResult]:
        """One result per image; gradients pass."""
        return self.pair.upscale(self.lr, self.samples)

    def sr_images(self) -> list[Tensor]:
        """The SR images; gradients pass."""
        return images_of(self.upscale())

    def fixed_images(self) -> list[Tensor]:
        """The SR images, made without gradients."""
        with torch.no_grad():
            return self.sr_images()

    def task_images(self, results: Sequence[SRResult]) -> list[Tensor]:
        """SR images through which gradients of a task reach only tokens that were routed deep.

        Args:
            results: Of :meth:`upscale`.
        """
        scale = self.pair.editor.info.scale
        return [task_image(result, scale) for result in results]

    def hr_images(self) -> list[Tensor]:
        """The HR images, on the device of the LR images.

        Raises:
            ValueError: A sample has none.
        """
        images = []
        for sample in self.samples:
            pixels = hr_pixels(sample)
            if pixels is None:
                raise ValueError(
                    f"{self.needed_by} needs the HR image, and {sample.metainfo.get('img_path')} "
                    "has none; simulate LR from HR (mmisr.SimulateLR), read HR that was taken "
                    "separately (mmisr.PairedLR), or train with strategy Frozen, which needs none"
                )
            image = to_unit(pixels).to(self.lr[0])
            images.append(image)
        return images

    def detection_losses(self, images: Sequence[Tensor]) -> Losses:
        """The detector's own losses.

        Args:
            images: SR, or any others of the pair's frame.
        """
        return self.pair.detection_losses(images, self.samples)

    def losses_on(self, versions: Mapping[str, Sequence[Tensor]], weight: float) -> Losses:
        """The detector's own losses on several versions of the images.

        Args:
            versions: SR, HR, a mix, ... by name; all are resized and padded alike.
            weight: Of each version.

        Returns:
            Losses by ``VERSION_loss_...``.
        """
        losses: Losses = {}
        images = versions.values()
        parts = self.versions(*images)
        for name, part in zip(versions, parts, strict=True):
            terms = self.detector.loss(part.inputs, part.samples)
            weighted = scaled(terms, weight)
            for term, value in weighted.items():
                full_name = f"{name}_{term}"
                losses[full_name] = value
        return losses

    def patch_mixes(
        self, sr: Sequence[Tensor], hr: Sequence[Tensor], grid: int = 8
    ) -> list[Tensor]:
        """A patchwork of SR and HR per image, each patch of either by chance.

        What is drawn depends on the image and the iteration alone.

        Args:
            sr: SR images.
            hr: HR images.
            grid: Rows and columns of patches.
        """
        iteration = self.pair.strategy.progress.iteration
        shape = (grid, grid)
        mixes = []
        for ours, theirs, sample in zip(sr, hr, self.samples, strict=True):
            img_id = sample.get("img_id")
            seed = image_seed(img_id) + iteration
            generator = torch.Generator().manual_seed(seed)
            draws = torch.rand(shape, generator=generator)
            from_sr = draws < 0.5
            mix = patch_mix(ours, theirs, from_sr)
            mixes.append(mix)
        return mixes

    def versions(self, *versions: Sequence[Tensor]) -> list[DetectorBatch]:
        """The detector's batches of several versions of the images, resized and padded alike.

        Args:
            versions: SR, HR, a mix, ...; gradients pass.

        Returns:
            One batch per version.
        """
        flat = [image for version in versions for image in version]
        whole = self.pair.detector_batch(flat, self.samples)
        count = len(self.samples)
        return [whole.part(count, number) for number in range(len(versions))]

    def pixel_loss(self, loss: nn.Module, images: Sequence[Tensor]) -> Tensor:
        """Mean over the images of a loss between SR and HR.

        Args:
            loss: Of ``(sr, hr, hints)``, see :class:`mmisr.losses.base.SRLoss`.
            images: SR images; gradients pass.

        Returns:
            A scalar.

        Raises:
            ValueError: A sample has no HR image.
        """
        hr = self.hr_images()
        hints = ground_truth_hints(self.lr, self.samples) or []
        terms = []
        for image, target, known in zip(images, hr, hints, strict=True):
            sr = image[None]
            term = loss(sr, target[None], [known])
            terms.append(term)
        total = torch.stack(terms)
        return total.mean()

    def router_losses(self, exits: Sequence[Tensor]) -> Losses:
        """The losses of the editor's router, where the right exits are known.

        Args:
            exits: (rows, cols) int64 per image, the exit that each token should leave by.

        Raises:
            ValueError: The editor routes nothing, or a sample lacks what its router learns from.
        """
        hints = ground_truth_hints(self.lr, self.samples) or []
        editor = self.pair.editor

        def of_group(indices: list[int]) -> dict[str, Tensor]:
            images = stacked(self.lr, indices)
            right = stacked(exits, indices)
            known = picked(hints, indices)
            return editor.router_losses(images, right, known)

        losses = mean_over_groups(self.lr, of_group)
        return dict(losses)

    def editor_losses(self) -> Losses:
        """The editor's own losses, such as those of a router.

        An editor with a prior is told what a first look at the images found, as in :meth:`upscale`.
        Images of one size form a batch, and batches count by their images.

        Raises:
            ValueError: A sample has no HR image, or the editor has no losses.
        """
        hr = self.hr_images()
        hints = self.pair.hints(self.lr, self.samples) or []

        def of_group(indices: list[int]) -> dict[str, Tensor]:
            images = stacked(self.lr, indices)
            targets = stacked(hr, indices)
            known = picked(hints, indices)
            return self.pair.editor.losses(images, targets, known)

        losses = mean_over_groups(self.lr, of_group)
        return dict(losses)


def task_image(result: SRResult, scale: int) -> Tensor:
    """The SR image of one result, through which gradients of a task reach only deep tokens.

    What routing left to the first exit is to stay cheap and plain; the task must not shape it.

    Args:
        result: Of one LR image.
        scale: Factor of the editor.

    Returns:
        (3, H, W), the image as it is; its gradient is 0 in tokens of the first exit.
    """
    image = result.image[0]
    routing = result.routing
    if routing is None:
        return image
    side = routing.token_size * scale
    deep = routing.exits[0] > 0
    rows = deep.repeat_interleave(side, 0)
    pixels = rows.repeat_interleave(side, 1)
    height, width = hw_of(image)
    inside = pixels[:height, :width].to(image.device)
    return torch.where(inside, image, image.detach())
