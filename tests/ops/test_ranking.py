"""Exits by rank."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage

from mmisr.ops.ranking import by_rank, check_shares, counts_of, draws, edges


@given(st.integers(1, 300), st.lists(st.integers(0, 50), min_size=2, max_size=5).filter(any))
def test_counts_use_every_token_once(num_tokens, weights):
    shares = [weight / sum(weights) for weight in weights]
    counts = counts_of(shares, num_tokens)
    assert sum(counts) == num_tokens
    assert min(counts) >= 0
    for count, share in zip(counts, shares, strict=True):
        assert abs(count - share * num_tokens) <= 1


@given(st.integers(1, 6), st.integers(1, 6), st.integers(2, 4), st.integers(0, 999))
def test_the_strongest_go_deepest_and_as_many_as_said(rows, cols, num_exits, seed):
    torch.manual_seed(seed)
    strength = torch.rand(2, rows, cols)
    counts = torch.tensor([counts_of([1 / num_exits] * num_exits, rows * cols)] * 2)
    exits = by_rank(strength, counts)
    assert torch.equal(_histogram(exits, num_exits), counts)
    order = strength.flatten(1).argsort(dim=1)
    assert (exits.flatten(1).gather(1, order).diff(dim=1) >= 0).all()


def _histogram(exits, num_exits):
    return torch.stack([(exits == n).sum((1, 2)) for n in range(num_exits)], 1)


def test_ties_go_to_the_first():
    assert by_rank(torch.ones(1, 1, 3), torch.tensor([[1, 1, 1]])).tolist() == [[[2, 1, 0]]]


def test_edges_are_the_laplacian_of_the_grey_values():
    lr = torch.rand(1, 3, 9, 7, dtype=torch.float64)
    expected = abs(ndimage.laplace(lr[0].mean(0).numpy(), mode="nearest"))
    torch.testing.assert_close(edges(lr)[0, 0], torch.from_numpy(expected))


def test_draws_depend_on_the_seed_alone():
    both = draws((2, 3), [4, 7])
    assert torch.equal(both[1:], draws((2, 3), [7]))
    assert not torch.equal(both[0], both[1])


@pytest.mark.parametrize("shares", [(0.5, 0.5), (0.5, 0.6, -0.1), (0.5, 0.5, 0.5)])
def test_shares_that_are_none_are_named(shares):
    with pytest.raises(ValueError, match=r"shares must be 3 numbers >= 0.*sum to 1, got"):
        check_shares(shares, 3)
