"""The few degradations under which the features of a network are compared."""

from __future__ import annotations

from collections.abc import Sequence

from mmisr.degradation.corruptions import CORRUPTIONS, corruption
from mmisr.degradation.pipeline import Pipeline
from mmisr.degradation.steps.base import Step
from mmisr.degradation.steps.blur import Blur
from mmisr.degradation.steps.codecs import JPEG
from mmisr.degradation.steps.noise import GaussianNoise

CONDITIONS: dict[str, tuple[Step, ...]] = {
    "clean": (),
    "blur": (Blur((2.0, 2.0), "iso"),),
    "noise": (GaussianNoise((20.0, 20.0)),),
    "jpeg": (JPEG((10, 10)),),
}
"""By name: nothing, a Gaussian blur of sigma 2, Gaussian noise of 20, a JPEG of quality 10."""


def condition(name: str) -> Pipeline:
    """A degradation by name; the size of the image stays.

    Args:
        name: A name of :data:`CONDITIONS`, or a corruption and its severity, ``defocus:3``.

    Raises:
        ValueError: There is none of this name, or no such severity.
        ImportError: What it needs is not installed.

    Example:
        >>> condition("jpeg").name
        'jpeg+x1+JPEG@1(quality=10-10,subsampling=4:2:0,shift=0)'
    """
    if name in CONDITIONS:
        return Pipeline(1, CONDITIONS[name], name)
    kind, _, severity = name.partition(":")
    if kind in CORRUPTIONS and severity.isdigit():
        return corruption(kind, int(severity))
    raise ValueError(
        f"a degradation must be one of {', '.join(CONDITIONS)}, or CORRUPTION:SEVERITY with one of "
        f"{', '.join(CORRUPTIONS)} and 1 to 5, got {name!r}"
    )


def conditions(names: Sequence[str]) -> dict[str, Pipeline]:
    """Several degradations by name, at least two and each once.

    Args:
        names: See :func:`condition`.

    Raises:
        ValueError: There are fewer than two, one is there twice, or one is unknown.
        ImportError: What one needs is not installed.
    """
    if len(names) < 2 or len(set(names)) < len(names):
        raise ValueError(
            f"clusters by degradation need at least two degradations, each once, got {list(names)}"
        )
    return {name: condition(name) for name in names}
