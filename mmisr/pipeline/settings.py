"""The ``test_cfg`` of a pair."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, get_args

from mmisr.pipeline.found_masks import Kind
from mmisr.structures.checks import check_fields


@dataclass(frozen=True)
class TestConfig:
    """What ``SRDetector.predict`` does beside predicting.

    Args:
        keep_sr: Put the SR image ((3, H, W) RGB in [0, 1], on the CPU) and the routing map on every
            sample, for ``mmisr.RegionQuality`` and pictures. It costs memory, so it is off.
        prior: Arguments of :class:`mmisr.pipeline.hints.PriorPass`, by whose first look at the
            image tokens are routed or an editor with a prior knows what is where; None for none.
            In slices the look is at each slice.
        windows: Fields of :class:`mmisr.pipeline.windows.settings.Windows`, to super-resolve and
            search only where instances may be; None for whole frames.
        slices: Fields of :class:`mmisr.pipeline.slices.Slices`, to see large images piece by piece;
            None for whole frames.
        masks: ``pixels`` for (N, H, W) bool ``masks``; ``runs`` for COCO's run lengths, which
            metrics read and which stay small where images are large.

    Raises:
        ValueError: ``masks`` is unknown, or slices are to be searched in windows.
    """

    __test__ = False  # not a test, whatever pytest makes of the name

    keep_sr: bool = False
    prior: dict[str, Any] | None = None
    windows: dict[str, Any] | None = None
    slices: dict[str, Any] | None = None
    masks: Kind = "pixels"

    def __post_init__(self) -> None:
        if self.masks not in get_args(Kind):
            raise ValueError(
                f"SRDetector.test_cfg.masks must be one of {get_args(Kind)}, got {self.masks!r}"
            )
        check_fields(self, "SRDetector.test_cfg")
        if self.slices is not None and self.windows is not None:
            raise ValueError(
                "SRDetector.test_cfg.slices sees each slice as an image of its own, found "
                "windows beside it, which are laid over whole images: set one of the two to None"
            )
