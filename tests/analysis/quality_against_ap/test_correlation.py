"""Coefficients against scipy's, and what intervals of them cover."""

import numpy as np
import pytest
from scipy import stats

from mmisr.analysis.comparison.resample import draw, interval
from mmisr.analysis.quality_against_ap.correlation import COEFFICIENTS, pearson

OF_SCIPY = {
    "pearson": stats.pearsonr,
    "spearman": stats.spearmanr,
    "kendall": stats.kendalltau,
}


@pytest.mark.parametrize("name", COEFFICIENTS)
def test_weighted_points_are_repeated_points(name):
    rng = np.random.default_rng(0)
    x = rng.integers(0, 6, 15).astype(float)  # with ties
    y = x + rng.normal(0, 2, 15).round()
    weights = draw(15, 20, 1).astype(float)
    found = COEFFICIENTS[name](x[None], y[None], weights)
    for value, row in zip(found, weights.astype(int), strict=True):
        expected = OF_SCIPY[name](np.repeat(x, row), np.repeat(y, row))[0]
        assert value == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("name", COEFFICIENTS)
def test_each_row_has_values_of_its_own(name):
    rng = np.random.default_rng(1)
    x = rng.normal(size=(5, 8))
    y = rng.normal(size=(5, 8))
    found = COEFFICIENTS[name](x, y, np.ones((1, 8)))
    expected = [OF_SCIPY[name](a, b)[0] for a, b in zip(x, y, strict=True)]
    assert found == pytest.approx(expected)


@pytest.mark.parametrize("name", COEFFICIENTS)
def test_what_is_constant_has_none_and_order_has_all(name):
    x = np.array([[1.0, 2, 3, 5]])
    once = np.ones((1, 4))
    flat = np.full_like(x, 0.1 + 0.2)
    assert np.isnan(COEFFICIENTS[name](x, flat, once)).all()
    assert np.isnan(COEFFICIENTS[name](flat, x, once)).all()
    assert COEFFICIENTS[name](x, -2 * x, once) == pytest.approx([-1.0])
    # A draw of one point alone is constant too.
    assert np.isnan(COEFFICIENTS[name](x, x, np.array([[0.0, 4, 0, 0]]))).all()


def test_intervals_cover_the_truth_about_as_often_as_they_say():
    rng = np.random.default_rng(2)
    truth = 0.6
    weights = draw(40, 200, 3).astype(float)
    covered = 0
    for _ in range(100):
        x = rng.normal(size=40)
        y = truth * x + np.sqrt(1 - truth**2) * rng.normal(size=40)
        low, high = interval(pearson(x[None], y[None], weights)[1:])
        covered += low <= truth <= high
    assert 84 <= covered <= 100
