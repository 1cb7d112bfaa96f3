"""Coefficients of correlation under many weightings at once, as a bootstrap needs them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from mmisr.evaluation.functional.coco_records import Floats

Coefficient = Callable[[Floats, Floats, Floats], Floats]


def pearson(x: Floats, y: Floats, weights: Floats) -> Floats:
    """Pearson's correlation of weighted points.

    Convention: B rows of n points, or one row for all; a point of weight w counts as w points.

    Args:
        x: (B, n) or (1, n), finite.
        y: (B, n) or (1, n), finite.
        weights: (B, n) or (1, n), 0 or more.

    Returns:
        (B,); NaN where x or y is the same for all.

    Example:
        >>> pearson(np.array([[1.0, 2, 4]]), np.array([[1.0, 2, 4]]), np.ones((1, 3))).round(6)
        array([1.])
    """
    total = weights.sum(1, keepdims=True)
    shares = weights / total
    dx = _centred(x, shares)
    dy = _centred(y, shares)
    covariance = _summed(shares, dx * dy)
    variance_x = _summed(shares, dx**2)
    variance_y = _summed(shares, dy**2)
    x_is_constant = _is_constant(x, weights)
    y_is_constant = _is_constant(y, weights)
    is_constant = x_is_constant | y_is_constant
    product = variance_x * variance_y
    return _ratio(
        covariance,
        product,
        is_constant,
    )


def spearman(x: Floats, y: Floats, weights: Floats) -> Floats:
    """Spearman's rank correlation, ties at their mean rank; as :func:`pearson`."""
    return pearson(_ranks(x, weights), _ranks(y, weights), weights)


def kendall(x: Floats, y: Floats, weights: Floats) -> Floats:
    """Kendall's tau-b; as :func:`pearson`."""
    signs_x = _signs(x)
    signs_y = _signs(y)
    both = signs_x * signs_y
    agreement = _over_pairs(both, weights)
    untied_x = _over_pairs(signs_x**2, weights)
    untied_y = _over_pairs(signs_y**2, weights)
    product = untied_x * untied_y
    is_constant = product == 0
    return _ratio(agreement, product, is_constant)


COEFFICIENTS: dict[str, Coefficient] = {
    "pearson": pearson,
    "spearman": spearman,
    "kendall": kendall,
}


def _centred(values: Floats, shares: Floats) -> Floats:
    return values - (shares * values).sum(1, keepdims=True)


def _is_constant(values: Floats, weights: Floats) -> NDArray[np.bool_]:
    """Whether all points that count have one value."""
    high = np.where(weights > 0, values, -np.inf).max(1)
    low = np.where(weights > 0, values, np.inf).min(1)
    return high == low


def _summed(shares: Floats, values: Floats) -> Floats:
    """(B,) the weighted sum over points."""
    return (shares * values).sum(1)


def _ratio(numerator: Floats, product: Floats, is_absent: NDArray[np.bool_]) -> Floats:
    """Over the root of a product; NaN where there is none."""
    is_zero = product == 0
    root = np.sqrt(product)
    safe = np.where(is_zero, 1.0, root)
    ratio = numerator / safe
    bounded = ratio.clip(-1, 1)
    return np.where(is_absent, np.nan, bounded)


def _ranks(values: Floats, weights: Floats) -> Floats:
    """Mean ranks, from 0, of points among points of these weights."""
    signs = _signs(values)
    below = (signs > 0) + (signs == 0) / 2
    return np.matmul(below, weights[:, :, None])[..., 0]


def _signs(values: Floats) -> Floats:
    """(B, n, n): 1 where a point is above another, -1 where it is below, 0 for a tie."""
    return np.sign(values[:, :, None] - values[:, None, :])


def _over_pairs(pairs: Floats, weights: Floats) -> Floats:
    """(B,) sum over pairs of points."""
    of_points = np.matmul(pairs, weights[:, :, None])[..., 0]
    return (weights * of_points).sum(1)
