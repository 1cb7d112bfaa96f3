"""Visual information fidelity in the domain of pixels, VIFp, of torchmetrics."""

from __future__ import annotations

import math
from collections.abc import Callable
from importlib.util import find_spec

from torch import Tensor

from mmisr.evaluation.functional.quality.luma import check_luma
from mmisr.ops.boxes import centers, widths_heights
from mmisr.structures.frames import hw_of

SMALLEST = 41
"""Pixels on each side, which its four scales need."""
LEAST_VARIANCE = 1 / 12
"""Of rounding to 8 bits: a reference that varies less shows nothing."""
INSTALL = "pip install torchmetrics==1.9.0"


def has_vif() -> bool:
    """Whether torchmetrics is installed."""
    return find_spec("torchmetrics") is not None


def vif(reference: Tensor, test: Tensor) -> float:
    """Visual information fidelity, VIFp.

    Source: Sheikh and Bovik, "Image information and visual quality", 2006, in the domain of pixels,
    as torchmetrics computes it (variance of the visual noise 2), on images around 0: a constant
    changes nothing, and large squares would lose the small variances of smooth areas.

    Args:
        reference: (H, W) luminance from 0 to 255, 41 pixels or more on each side.
        test: (H, W), alike.

    Returns:
        1 for equal images, 0 where nothing is kept; more than 1 where contrast is raised. NaN for a
        reference whose variance is less than that of rounding to 8 bits.

    Raises:
        ValueError: Shapes differ, or the images are smaller than 41 pixels.
        ImportError: torchmetrics is not installed.
    """
    check_luma(reference, test, SMALLEST, "VIF")
    compute = _torchmetrics()
    exact = reference.double()
    if float(exact.var(correction=0)) < LEAST_VARIANCE:
        return math.nan
    value = compute(_around_zero(test), _around_zero(reference))
    return float(value)


def _around_zero(image: Tensor) -> Tensor:
    """(1, 1, H, W) single precision, its mean taken off before."""
    exact = image.double()
    centred = exact - exact.mean()
    return centred[None, None].float()


def vif_in_boxes(reference: Tensor, test: Tensor, xyxy: Tensor) -> float:
    """The mean of VIFp over windows around boxes.

    Convention: a window has the middle of its box and at least 41 pixels on each side; at the
    border it is moved inside. Windows may share pixels.

    Args:
        reference: (H, W), as for :func:`vif`.
        test: (H, W), alike.
        xyxy: (N, 4) boxes in the image.

    Returns:
        The mean over windows with contrast; NaN without any.

    Raises:
        ValueError: Shapes differ, or the images are smaller than 41 pixels.
        ImportError: torchmetrics is not installed.
    """
    check_luma(reference, test, SMALLEST, "VIF")
    hw = hw_of(reference)
    values = []
    for window in _windows(xyxy, hw):
        inside = reference[window]
        value = vif(inside, test[window])
        if not math.isnan(value):
            values.append(value)
    if not values:
        return math.nan
    total = math.fsum(values)
    return total / len(values)


def _windows(xyxy: Tensor, hw: tuple[int, int]) -> list[tuple[slice, slice]]:
    """Rows and columns of a window for each box."""
    boxes = xyxy.double()
    middles = centers(boxes).tolist()
    sides = widths_heights(boxes).tolist()
    height, width = hw
    windows = []
    for middle, side in zip(middles, sides, strict=True):
        x, y = middle
        box_width, box_height = side
        rows = _around(y, box_height, height)
        columns = _around(x, box_width, width)
        windows.append((rows, columns))
    return windows


def _around(middle: float, length: float, side: int) -> slice:
    wanted = max(math.ceil(length), SMALLEST)
    size = min(wanted, side)
    start = round(middle - size / 2)
    start = max(start, 0)
    start = min(start, side - size)
    return slice(start, start + size)


def _torchmetrics() -> Callable[[Tensor, Tensor], Tensor]:
    if not has_vif():
        raise ImportError(f"VIF is computed by torchmetrics, which is not installed: {INSTALL}")
    from torchmetrics.functional.image import visual_information_fidelity

    return visual_information_fidelity
