"""What can be wrong with an LR image, in five severities."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from mmisr.degradation.pipeline import Pipeline
from mmisr.degradation.steps.base import Step
from mmisr.degradation.steps.blur import Blur, Defocus, MotionBlur
from mmisr.degradation.steps.codecs import H264, JPEG, WebP
from mmisr.degradation.steps.noise import GaussianNoise, PoissonNoise
from mmisr.degradation.steps.resize import Resize

SEVERITIES = (1, 2, 3, 4, 5)
MIDDLE = 3
"""The severity that a picture shows."""


@dataclass(frozen=True)
class Corruption:
    """One kind of fault.

    Args:
        version: Raised by every change of pixels.
        unit: What the values are.
        values: One per severity, from 1 on.
        make: From a value to the steps.
    """

    version: int
    unit: str
    values: tuple[float, float, float, float, float]
    make: Callable[[float], tuple[Step, ...]]


def _gaussian_noise(sigma: float) -> tuple[Step, ...]:
    return (GaussianNoise((sigma, sigma)),)


def _poisson_noise(photons: float) -> tuple[Step, ...]:
    return (PoissonNoise((photons, photons)),)


def _gaussian_blur(sigma: float) -> tuple[Step, ...]:
    return (Blur((sigma, sigma), "iso"),)


def _defocus(radius: float) -> tuple[Step, ...]:
    return (Defocus((radius, radius)),)


def _motion_blur(length: float) -> tuple[Step, ...]:
    return (MotionBlur((length, length)),)


def _jpeg(quality: float) -> tuple[Step, ...]:
    span = (int(quality), int(quality))
    return (JPEG(span),)


def _webp(quality: float) -> tuple[Step, ...]:
    span = (int(quality), int(quality))
    return (WebP(span),)


def _h264(crf: float) -> tuple[Step, ...]:
    span = (int(crf), int(crf))
    return (H264(span),)


def _low_resolution(factor: float) -> tuple[Step, ...]:
    return (Resize(factor=(factor, factor)), Resize())


CORRUPTIONS: dict[str, Corruption] = {
    "gaussian_noise": Corruption(1, "sigma of 255", (4, 8, 14, 22, 32), _gaussian_noise),
    "poisson_noise": Corruption(1, "photons at white", (1000, 400, 150, 60, 25), _poisson_noise),
    "gaussian_blur": Corruption(1, "sigma in pixels", (0.5, 0.8, 1.2, 1.8, 2.6), _gaussian_blur),
    "defocus": Corruption(1, "radius in pixels", (1.0, 1.5, 2.0, 3.0, 4.0), _defocus),
    "motion_blur": Corruption(1, "length in pixels", (2, 3, 5, 8, 12), _motion_blur),
    "jpeg": Corruption(1, "quality", (60, 40, 25, 15, 8), _jpeg),
    "webp": Corruption(1, "quality", (60, 40, 20, 10, 3), _webp),
    "h264": Corruption(1, "crf", (18, 23, 28, 33, 38), _h264),
    "low_resolution": Corruption(1, "factor", (0.8, 0.65, 0.5, 0.4, 0.3), _low_resolution),
}
"""The corruptions by name, for LR pixels; the values are ours.

They are no protocol of a paper's: those of common benchmarks are made for photos of 224 pixels, and
an LR frame whose objects have a dozen pixels knows nothing of a blur of ten.
"""


def corruption(name: str, severity: int) -> Pipeline:
    """A corruption of one severity; the size of the image stays.

    Args:
        name: A name of :data:`CORRUPTIONS`.
        severity: 1 to 5; 0 leaves the image as it is.

    Raises:
        ValueError: There is no such corruption, or no such severity.
        ImportError: What it needs is not installed.

    Example:
        >>> corruption("jpeg", 5).name
        'jpeg@1:5+x1+JPEG@1(quality=8-8,subsampling=4:2:0,shift=0)'
    """
    check_corruptions([name])
    check_severities([severity])
    kind = CORRUPTIONS[name]
    label = f"{name}@{kind.version}:{severity}"
    if severity == 0:
        return Pipeline(1, (), label)
    value = kind.values[severity - 1]
    steps = kind.make(value)
    return Pipeline(1, steps, label)


def check_corruptions(names: Sequence[str]) -> None:
    """See that there are such corruptions, before work begins.

    Args:
        names: Names.

    Raises:
        ValueError: One is none of :data:`CORRUPTIONS`.
    """
    for name in names:
        if name not in CORRUPTIONS:
            raise ValueError(f"corruption must be one of {', '.join(CORRUPTIONS)}, got {name!r}")


def check_severities(severities: Sequence[int]) -> None:
    """See that there are such severities, before work begins.

    Args:
        severities: Numbers.

    Raises:
        ValueError: One is not 0 to 5.
    """
    for severity in severities:
        if severity not in (0, *SEVERITIES):
            raise ValueError(f"severity must be a whole number from 0 to 5, got {severity!r}")
