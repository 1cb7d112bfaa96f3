"""The order of training data: tiles of one image near each other, so that it is read once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import torch
from mmengine.dataset import DefaultSampler

from mmisr.registry import SAMPLERS


@SAMPLERS.register_module()
class ImageSampler(DefaultSampler):
    """Shuffles images, and then the tiles of a few images at a time.

    A worker that keeps these in memory (``mmisr.LoadImage(keep=images_at_once)``) reads an image
    once an epoch, however many tiles it has. Every process of a distributed training has its own
    part of this order.

    Args:
        dataset: Tells where an item was read, by ``get_data_info(index)["img_path"]``.
        images_at_once: Images whose tiles are mixed.
        seed: Of the order; drawn, the same for all processes, where it is None.

    Raises:
        ValueError: ``images_at_once`` is below 1.
    """

    def __init__(self, dataset: Any, images_at_once: int = 4, seed: int | None = None) -> None:
        if images_at_once < 1:
            raise ValueError(f"ImageSampler.images_at_once must be >= 1, got {images_at_once}")
        super().__init__(dataset, shuffle=True, seed=seed)
        self.images_at_once = images_at_once
        by_path: dict[str, list[int]] = defaultdict(list)
        count = len(dataset)
        for index in range(count):
            info = dataset.get_data_info(index)
            path = info["img_path"]
            of_image = by_path[path]
            of_image.append(index)
        images = by_path.values()
        self.images = list(images)

    def __iter__(self) -> Iterator[int]:
        """The indices of this process, in the order of this epoch."""
        generator = torch.Generator()
        seed = self.seed + self.epoch
        generator.manual_seed(seed)
        count = len(self.images)
        images = torch.randperm(count, generator=generator)
        order: list[int] = []
        for few in images.split(self.images_at_once):
            numbers = few.tolist()
            mixed = self._mixed(numbers, generator)
            order.extend(mixed)
        # As mmengine does: the first ones again, until every process has as many.
        count = max(len(order), 1)
        times = self.total_size // count + 1
        order = (order * times)[: self.total_size]
        first = self.rank * self.num_samples
        last = first + self.num_samples
        own = order[first:last]
        return iter(own)

    def _mixed(self, images: list[int], generator: torch.Generator) -> list[int]:
        """The tiles of some images, shuffled."""
        tiles: list[int] = []
        for image in images:
            tiles.extend(self.images[image])
        count = len(tiles)
        places = torch.randperm(count, generator=generator)
        mixed = []
        for place in places.tolist():
            mixed.append(tiles[place])
        return mixed
