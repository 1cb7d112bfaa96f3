"""The ``windows`` of a pair's ``test_cfg``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, get_args

from mmisr.pipeline.windows.laying import Kind
from mmisr.structures.checks import check_fields

KINDS = get_args(Kind)
COSTS = ("default", "measured")


@dataclass(frozen=True)
class Overview:
    """A look at the whole LR image for objects that are large already.

    Args:
        min_side: Objects of at least this many LR pixels (the root of their area) are the
            overview's, smaller ones the windows'.
        factor: The LR image is enlarged so many times for it, bicubic.

    Raises:
        ValueError: A value is not positive.
    """

    min_side: float = 32.0
    factor: float = 1.0

    def __post_init__(self) -> None:
        check_fields(self, "test_cfg.windows.overview")
        if not (self.min_side > 0 and self.factor > 0):
            raise ValueError(
                "test_cfg.windows.overview needs min_side > 0 and factor > 0, got "
                f"{self.min_side} and {self.factor}"
            )


@dataclass(frozen=True)
class Windows:
    """What is super-resolved and searched instead of the whole image.

    Args:
        margin: LR pixels that a window shows around what it answers for; 8 by default. 32 pixels of
            the detector's frame are enough for objects of about that size.
        layout: ``canvas`` packs the windows of an image side by side; ``batches`` runs each by
            itself, those of one shape together.
        costs: ``default`` compares areas, so that the same image is searched alike everywhere;
            ``measured`` asks what the pair takes on this device, measured once and cached.
        router: Config of an editor whose routing says where instances are, weights included
            (``dict(type='mmisr.InstanceRouter', checkpoint=...)``); how deep tokens go in the
            windows is then for the pair's editor to say. None where that editor does both.
        overview: Fields of :class:`Overview`; None for no overview.

    Raises:
        ValueError: A value is out of range.
    """

    margin: int = 8
    layout: Kind = "canvas"
    costs: str = "default"
    router: dict[str, Any] | None = None
    overview: dict[str, Any] | None = None

    def __post_init__(self) -> None:
        check_fields(self, "test_cfg.windows")
        if self.margin < 0:
            raise ValueError(f"test_cfg.windows.margin must be >= 0, got {self.margin}")
        for key, known in (("layout", KINDS), ("costs", COSTS)):
            value = getattr(self, key)
            if value not in known:
                raise ValueError(f"test_cfg.windows.{key} must be one of {known}, got {value!r}")
