"""Noise: its statistics by level, and its colour."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mmisr.degradation.steps.noise import GaussianNoise, PoissonNoise


def flat(level: float, hw: tuple[int, int] = (200, 200)) -> torch.Tensor:
    return torch.full((3, *hw), float(level), dtype=torch.float64)


def residual(noisy: torch.Tensor, level: float) -> torch.Tensor:
    return noisy - level


@settings(max_examples=20, deadline=None)
@given(st.floats(0.5, 20), st.integers(0, 2**31))
def test_gaussian_noise_has_the_deviation_drawn(sigma, seed):
    noisy = GaussianNoise((sigma, sigma))(flat(127), (1, 1), torch.Generator().manual_seed(seed))
    assert float(residual(noisy, 127).std()) == pytest.approx(sigma, rel=0.03)
    assert float(residual(noisy, 127).mean()) == pytest.approx(0, abs=0.05 * sigma)


@settings(max_examples=20, deadline=None)
@given(st.integers(10, 180), st.floats(200, 5000), st.integers(0, 2**31))
def test_poisson_noise_has_the_variance_of_its_counts(level, photons, seed):
    """A count of mean m has the variance m."""
    step = PoissonNoise((photons, photons))
    noisy = step(flat(level), (1, 1), torch.Generator().manual_seed(seed))
    expected = (255 * level / photons) ** 0.5
    assert float(residual(noisy, level).std()) == pytest.approx(expected, rel=0.04)
    assert float(noisy.mean()) == pytest.approx(level, abs=0.05 * expected + 0.02)


def test_counts_are_whole():
    noisy = PoissonNoise((100, 100))(flat(90), (1, 1), torch.Generator().manual_seed(0))
    counts = noisy / 255 * 100
    assert torch.allclose(counts, counts.round(), atol=1e-9)


def test_without_photons_they_are_a_power_of_two_of_the_levels(levels, alone):
    """As Real-ESRGAN counts them: 3 levels are 4 photons, so values are quarters of 255."""
    image = flat(0, (64, 64))
    image[:, :20] = 100.0
    image[:, 20:40] = 200.0
    noisy = alone(PoissonNoise(), image)
    quarters = noisy / 255 * 4
    assert torch.allclose(quarters, quarters.round(), atol=1e-9)
    assert 128 < len(levels.unique()) <= 256
    parts = alone(PoissonNoise(), levels) / 255 * 256
    is_clamped = parts == 256
    assert torch.allclose(parts, parts.round(), atol=1e-9)
    assert float(is_clamped.double().mean()) < 0.2


def test_scale_multiplies_the_noise(alone):
    image = flat(120, (32, 32))
    once = residual(alone(PoissonNoise((1e4, 1e4)), image), 120)
    twice = residual(alone(PoissonNoise((1e4, 1e4), scale=(2, 2)), image), 120)
    assert torch.allclose(2 * once, twice, atol=1e-9)


@pytest.mark.parametrize("make", [GaussianNoise, PoissonNoise])
def test_grey_noise_is_the_same_in_all_channels(make, alone):
    grey = flat(100, (16, 16))
    span = (8.0, 8.0) if make is GaussianNoise else (500.0, 500.0)
    shares = [0.0, 0.4, 1.0]
    found = []
    for share in shares:
        step = make(span, gray_share=share)
        noisy = [residual(alone(step, grey, seed), 100) for seed in range(200)]
        found.append(sum(bool(torch.equal(n[0], n[1]) and torch.equal(n[1], n[2])) for n in noisy))
    assert found[0] == 0
    assert 55 < found[1] < 105
    assert found[2] == 200


@pytest.mark.parametrize("step", [GaussianNoise((60, 60)), PoissonNoise((2, 2))])
def test_it_is_clamped(step, alone, levels):
    noisy = alone(step, levels)
    assert float(noisy.min()) == 0
    assert float(noisy.max()) == 255


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: GaussianNoise((-1, 2)), "step GaussianNoise: sigma must be .*0 <= low"),
        (lambda: GaussianNoise((1, 2), 1.5), "gray_share must be a share from 0 to 1, got 1.5"),
        (
            lambda: PoissonNoise((0, 2)),
            "step PoissonNoise: photons must be .*0 < low.*got",
        ),
        (lambda: PoissonNoise(scale=(-1, 2)), "step PoissonNoise: scale must be"),
        (lambda: PoissonNoise(gray_share=-0.1), "gray_share must be a share"),
    ],
)
def test_wrong_values(make, text):
    with pytest.raises(ValueError, match=text):
        make()
