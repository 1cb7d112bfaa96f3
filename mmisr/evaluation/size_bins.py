"""Object sizes: the one place that owns bin edges and detection caps."""

from __future__ import annotations

from dataclasses import dataclass

INFINITE = 1e10
"""COCO's own upper end, in px^2."""


@dataclass(frozen=True)
class Protocol:
    """How a benchmark bins and caps.

    Args:
        name: The name that configs use.
        bins: Area ranges in px^2 by name, both ends inclusive as in COCO.
        max_dets: Detections an image that count, by score; used for every AP.
    """

    name: str
    bins: dict[str, tuple[float, float]]
    max_dets: int


def _squares(**sides: tuple[float, float]) -> dict[str, tuple[float, float]]:
    """Ranges of area from ranges of side."""
    return {name: (low**2, min(high**2, INFINITE)) for name, (low, high) in sides.items()}


PROTOCOLS = {
    "coco": Protocol("coco", _squares(small=(0, 32), medium=(32, 96), large=(96, 1e5)), 100),
    "aitod": Protocol("aitod", _squares(very_tiny=(0, 8), tiny=(8, 16), small=(16, 32), medium=(32, 1e5)), 1500),
}
"""COCO (Lin et al. 2014) and AI-TOD (Wang et al. 2021)."""


def protocol_named(name: str) -> Protocol:
    """Look a protocol up.

    Raises:
        ValueError: There is none of this name.
    """
    if name not in PROTOCOLS:
        raise ValueError(f"protocol must be one of {sorted(PROTOCOLS)}, got {name!r}")
    return PROTOCOLS[name]
