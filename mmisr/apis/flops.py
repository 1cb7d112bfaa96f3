"""What ``tools/analysis/get_flops.py`` does: count what a pair and its parts cost per image."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import Any

from mmengine.runner import Runner

from mmisr.analysis.flops import PartCost, mean_costs, part_costs
from mmisr.apis.checks.config_errors import names_config
from mmisr.apis.configs import read_config
from mmisr.openmmlab.editor import SREditor
from mmisr.ops.resample import resize
from mmisr.pipeline.sr_detector import SRDetector
from mmisr.registry import MODELS
from mmisr.structures.pixels import to_unit


@dataclass(frozen=True)
class Flops:
    """What a model costs per image.

    Args:
        costs: The parts, with means over the images.
        lr_sizes: Width and height of each LR image that was counted on.
    """

    costs: list[PartCost]
    lr_sizes: list[tuple[int, int]]

    @property
    def title(self) -> str:
        """On what it was counted."""
        sizes = sorted(set(self.lr_sizes))
        size = _size(sizes[0])
        if len(sizes) > 1:
            largest = _size(sizes[-1])
            size = f"{size} to {largest}"
        num_images = len(self.lr_sizes)
        if num_images == 1:
            return f"one LR image of {size} pixels"
        return f"mean of {num_images} LR images of {size} pixels"


def _size(wh: tuple[int, int]) -> str:
    width, height = wh
    return f"{width}x{height}"


@names_config
def get_flops(
    config: str,
    lr_hw: tuple[int, int] | None = None,
    cfg_options: dict[str, Any] | None = None,
    num_images: int = 1,
) -> Flops:
    """Count what one image costs, on the first images of the test set.

    What an adaptive editor does depends on the pixels.

    Args:
        config: Config of a pair or of an editor.
        lr_hw: Height and width that the LR image is resized to; its own size by default.
        cfg_options: Overrides by dotted key.
        num_images: The mean is over so many images, or over all where there are fewer.

    Returns:
        GMACs and parameters; counting is that of :func:`mmisr.ops.macs.count_macs`.

    Raises:
        ValueError: The model is neither a pair nor an editor, or there is no image to count on.
    """
    if num_images < 1:
        raise ValueError(f"num_images must be at least 1, got {num_images}")
    cfg = read_config(config, cfg_options=cfg_options)
    model = MODELS.build(cfg.model).eval()
    if not isinstance(model, (SRDetector, SREditor)):
        raise ValueError(
            f"get_flops counts pairs and editors, got {type(model).__name__}; for plain detectors "
            "use mmdet's tool"
        )
    # One image at a time, as it is: images differ in size, and no worker is worth its start.
    cfg.test_dataloader.update(batch_size=1, num_workers=0, persistent_workers=False)
    loader = Runner.build_dataloader(cfg.test_dataloader)
    sizes = []
    counted = []
    for batch in islice(loader, num_images):
        lr = to_unit(batch["inputs"][0][None])
        if lr_hw is not None:
            lr = resize(lr, lr_hw, "bicubic").clamp(0, 1)
        height, width = lr.shape[-2:]
        sizes.append((width, height))
        counted.append(part_costs(model, lr))
    if not counted:
        raise ValueError(f"the test set of {config} has no image to count on")
    return Flops(mean_costs(counted), sizes)
