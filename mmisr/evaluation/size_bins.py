"""Object sizes: the one place that owns bin edges and detection caps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

WHOLE = "all"
"""The name of the range that holds every size."""

INFINITE = 1e5**2
"""COCO's own upper end, in px^2."""


@dataclass(frozen=True)
class Protocol:
    """How a benchmark bins and caps.

    Convention: a range holds areas in px^2 and both of its ends, as in COCO's reference code, so
    that an object of exactly 32^2 is small and medium.

    Args:
        name: The name that configs use.
        bins: Area ranges in px^2 by name.
        max_dets: Detections per image and class that count, by score; one number for every figure.
    """

    name: str
    bins: Mapping[str, tuple[float, float]]
    max_dets: int

    def ranges(self) -> dict[str, tuple[float, float]]:
        """Area ranges in px^2 by name, the range of all sizes first."""
        return {WHOLE: (0.0, INFINITE), **self.bins}


def _squares(**sides: tuple[float, float]) -> Mapping[str, tuple[float, float]]:
    """Ranges of area from ranges of side."""
    return MappingProxyType(
        {name: (float(low) ** 2, float(high) ** 2) for name, (low, high) in sides.items()}
    )


PROTOCOLS: Mapping[str, Protocol] = MappingProxyType(
    {
        "coco": Protocol("coco", _squares(small=(0, 32), medium=(32, 96), large=(96, 1e5)), 100),
        "aitod": Protocol(
            "aitod",
            _squares(very_tiny=(0, 8), tiny=(8, 16), small=(16, 32), medium=(32, 1e5)),
            1500,
        ),
    }
)
"""COCO (Lin et al. 2014) and AI-TOD (Wang et al. 2021)."""


def protocol_named(name: str) -> Protocol:
    """Look a protocol up.

    Raises:
        ValueError: There is none of this name.
    """
    if name not in PROTOCOLS:
        raise ValueError(f"protocol must be one of {sorted(PROTOCOLS)}, got {name!r}")
    return PROTOCOLS[name]
