"""How well LR and HR images that were taken separately lie over each other."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

import cv2
import numpy as np
from mmengine import fileio
from numpy.typing import NDArray
from tqdm import tqdm

from mmisr.analysis.set_check.findings import Finding, SetSource, found
from mmisr.datasets.images import read_rgb
from mmisr.datasets.paired import PairedFiles, check_paired_sizes

FAR = 0.5
"""LR pixels from which on a pair counts as misaligned: SR learns to shift, or to blur."""

SMALLEST = 8
"""LR pixels along a side, below which a shift cannot be measured."""


@dataclass(frozen=True)
class Shift:
    """By how much the LR image of a pair is moved against its HR image.

    Convention: in LR pixels; positive where what both show lies further right, or further down, in
    LR.

    Args:
        name: File of the set.
        x: To the right.
        y: Down.
        response: How clear the peak of the correlation is, from 0 to 1.
    """

    name: str
    x: float
    y: float
    response: float

    @property
    def length(self) -> float:
        """Both axes together, in LR pixels."""
        return math.hypot(self.x, self.y)


@dataclass(frozen=True)
class Alignment:
    """The shifts of a set.

    Args:
        shifts: One per image that could be measured.
        median_x: LR pixels to the right.
        median_y: LR pixels down.
        median_length: LR pixels.
        faults: Images of which one half is missing, or of another size.
    """

    shifts: tuple[Shift, ...]
    median_x: float
    median_y: float
    median_length: float
    faults: tuple[str, ...] = ()


def shift_between(lr: NDArray[np.uint8], hr: NDArray[np.uint8]) -> tuple[float, float, float]:
    """The shift of an LR image against its HR image, by phase correlation.

    Source: OpenCV's ``phaseCorrelate``, which refines the peak below a pixel; HR is reduced by
    area first, and both are tapered, or their borders would correlate.

    Args:
        lr: (h, w, 3) RGB.
        hr: (H, W, 3) RGB of the same scene.

    Returns:
        LR pixels to the right, LR pixels down, and how clear the peak is.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> hr = rng.integers(0, 256, (64, 64, 3), dtype=np.uint8)
        >>> lr = cv2.resize(hr, (32, 32), interpolation=cv2.INTER_AREA)
        >>> [round(abs(value), 2) for value in shift_between(lr, hr)]
        [0.0, 0.0, 1.0]
    """
    height, width = lr.shape[:2]
    size = (width, height)
    reduced = cv2.resize(
        hr,
        size,
        interpolation=cv2.INTER_AREA,
    )
    ours = _grey(lr)
    theirs = _grey(reduced)
    taper = cv2.createHanningWindow(size, cv2.CV_64F)
    shift, response = cv2.phaseCorrelate(theirs, ours, taper)
    x, y = shift
    return float(x), float(y), float(response)


def _grey(rgb: NDArray[Any]) -> NDArray[np.float64]:
    """(H, W) brightness around 0."""
    grey = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)
    levels = np.asarray(grey, dtype=np.float64)
    mean = levels.mean()
    return levels - mean


def measure_alignment(
    source: SetSource, names: Sequence[str], pairs: PairedFiles
) -> Alignment | None:
    """Measure every pair of a set, with a progress bar.

    Args:
        source: The set.
        names: Files of its images.
        pairs: Where their partners lie.

    Returns:
        The shifts; None where not one pair could be measured and none is at fault.
    """
    shifts = []
    faults = []
    for name in tqdm(names, desc=f"aligning {source.name}", unit="image", leave=False):
        try:
            shift = _measured(source, name, pairs)
        except (ValueError, OSError) as error:
            faults.append(str(error))
            continue
        if shift is not None:
            shifts.append(shift)
    if not shifts and not faults:
        return None
    x = [shift.x for shift in shifts]
    y = [shift.y for shift in shifts]
    lengths = [shift.length for shift in shifts]
    return Alignment(
        shifts=tuple(shifts),
        median_x=_median(x),
        median_y=_median(y),
        median_length=_median(lengths),
        faults=tuple(faults),
    )


def _measured(source: SetSource, name: str, pairs: PairedFiles) -> Shift | None:
    """One pair; None where it is too small to tell."""
    own_path = fileio.join_path(source.folder, name)
    own = read_rgb(own_path)
    partner_path = pairs.partner_of(own_path)
    partner = read_rgb(partner_path)
    lr, hr = (partner, own) if pairs.holds == "lr" else (own, partner)
    lr_hw = lr.shape[:2]
    check_paired_sizes(own_path, partner_path, lr_hw, hr.shape[:2], pairs.scale)
    if min(lr_hw) < SMALLEST:
        return None
    height, width = (side * pairs.scale for side in lr_hw)
    covered = hr[:height, :width]
    x, y, response = shift_between(lr, covered)
    return Shift(name, x, y, response)


def _median(values: Sequence[float]) -> float:
    return median(values) if values else 0.0


def alignment_findings(source: SetSource, alignment: Alignment | None) -> list[Finding]:
    """Pairs that are incomplete, and pairs that do not lie over each other.

    Args:
        source: The set.
        alignment: Of :func:`measure_alignment`.
    """
    if alignment is None:
        return []
    far = [shift for shift in alignment.shifts if shift.length > FAR]
    far.sort(key=lambda shift: -shift.length)
    texts = [f"{shift.name}: {shift.x:+.2f}, {shift.y:+.2f}" for shift in far]
    middle = f"{alignment.median_x:+.2f}, {alignment.median_y:+.2f}"
    return [
        *found(
            "error",
            source.name,
            "pairs",
            "images without an LR or HR partner of the right size",
            list(alignment.faults),
            "both halves must be there, under one name, HR scale times as large as LR",
        ),
        *found(
            "warning",
            source.name,
            "misaligned",
            f"pairs that are off by more than {FAR:g} LR pixels (of {len(alignment.shifts)}; "
            f"median {middle})",
            texts,
            "register them anew: an editor would learn to shift, or to blur",
        ),
    ]
