"""Mean and deviation of feature maps."""

import torch

from mmisr.ops.statistics import moments, rescaled_to, standardised


def features(seed: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(2, 3, 5, 7, generator=generator)


def test_standardised_has_mean_0_and_variance_1():
    result = standardised(7 * features(3) + 5)
    mean, deviation = moments(result)
    torch.testing.assert_close(mean, torch.zeros(2, 3, 1, 1), atol=1e-5, rtol=0)
    torch.testing.assert_close(deviation, torch.ones(2, 3, 1, 1), atol=1e-4, rtol=0)


def test_a_channel_without_variation_is_no_division_by_zero():
    flat = torch.full((1, 2, 4, 4), 3.0)
    assert float(standardised(flat).abs().max()) == 0


def test_rescaled_features_have_the_moments_of_the_target():
    target = 4 * features(1) - 2
    result = rescaled_to(features(2), target)
    for ours, theirs in zip(moments(result), moments(target), strict=True):
        torch.testing.assert_close(ours, theirs, atol=1e-4, rtol=1e-4)


def test_no_gradient_reaches_the_target():
    source = features(1).requires_grad_()
    target = features(2).requires_grad_()
    rescaled_to(source, target).square().sum().backward()
    assert target.grad is None
    assert source.grad is not None
