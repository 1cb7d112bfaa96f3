"""Draws: their ends and their shares."""

import torch

from mmisr.degradation.chance import choice, happens, uniform, whole, within


def draw() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def test_ends():
    generator = draw()
    assert {whole(generator, 3, 5) for _ in range(60)} == {3, 4, 5}
    assert whole(generator, 4, 4) == 4
    assert all(-1 <= uniform(generator, -1, 2) < 2 for _ in range(60))
    assert uniform(generator, 2, 2) == 2
    assert {choice(generator, "ab") for _ in range(30)} == {"a", "b"}
    assert (within((2, 6), 0), within((2, 6), 1)) == (2, 6)


def test_a_share_of_none_draws_nothing():
    untouched, asked = draw(), draw()
    assert not happens(asked, 0.0)
    assert torch.rand(1, generator=untouched) == torch.rand(1, generator=asked)
    generator = draw()
    count = sum(happens(generator, 0.3) for _ in range(2000))
    assert 520 < count < 680
    assert all(happens(generator, 1.0) for _ in range(50))
