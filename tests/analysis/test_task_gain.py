"""Thresholds, ranks, and whether the gain of a token is what it saves alone."""

import numpy as np
import pytest
import torch

from mmisr.analysis.task_gain import rank_correlation, thresholds_of


def test_thresholds_give_the_shares_that_were_asked_for():
    gains = np.random.default_rng(0).normal(size=2000)
    moderate, hard = thresholds_of(gains, [0.2, 0.1])
    assert (gains >= hard).mean() == pytest.approx(0.1, abs=1e-3)
    assert ((gains >= moderate) & (gains < hard)).mean() == pytest.approx(0.2, abs=1e-3)


def test_thresholds_are_above_0_where_fewer_tokens_gain():
    gains = np.array([-3.0, -2.0, -1.0, 0.0, 5.0])
    moderate, hard = thresholds_of(gains, [0.4, 0.2])
    assert hard == 5
    assert 0 < moderate < 1e-30


@pytest.mark.parametrize("shares", [[], [0.0, 0.1], [0.6, 0.6]])
def test_impossible_shares_are_named(shares):
    with pytest.raises(ValueError, match="shares of the deeper exits must be above 0"):
        thresholds_of(np.ones(3), shares)


def test_ranks_alone_count():
    first = np.random.default_rng(0).normal(size=50)
    assert rank_correlation(first, np.exp(first)) == pytest.approx(1)
    assert rank_correlation(first, -(first**3)) == pytest.approx(-1)
    assert rank_correlation([1, 2], [1, 2]) is None


def test_a_tie_free_case_equals_the_textbook_formula():
    generator = torch.Generator().manual_seed(1)
    first, second = torch.randperm(20, generator=generator), torch.randperm(20, generator=generator)
    gap = (first - second).float().square().sum()
    expected = 1 - 6 * float(gap) / (20 * (20**2 - 1))
    assert rank_correlation(first.tolist(), second.tolist()) == pytest.approx(expected, abs=1e-5)
