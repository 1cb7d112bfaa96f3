"""The spatial feature transform."""

import torch

from mmisr.ops.sft import SFT


def test_at_rest_it_is_the_identity():
    layer = SFT(6, 4)
    x = torch.rand(2, 6, 5, 7)
    assert not torch.equal(layer(x, torch.rand(2, 4, 5, 7)), x)
    layer.rest()
    assert torch.equal(layer(x, torch.rand(2, 4, 5, 7)), x)


def test_gamma_scales_by_one_more_and_beta_shifts():
    layer = SFT(2, 3)
    layer.rest()
    with torch.no_grad():
        layer.gamma[-1].bias.copy_(torch.tensor([0.5, -1.0]))
        layer.beta[-1].bias.copy_(torch.tensor([0.25, 2.0]))
    x = torch.ones(1, 2, 1, 1)
    assert layer(x, torch.rand(1, 3, 1, 1)).flatten().tolist() == [1.75, 2.0]


def test_a_place_is_changed_by_its_own_conditions_alone():
    torch.manual_seed(0)
    layer = SFT(6, 4)
    x = torch.rand(1, 6, 5, 7)
    conditions = torch.rand(1, 4, 5, 7)
    moved = conditions.clone()
    moved[..., 2, 3] += 1
    changed = (layer(x, conditions) != layer(x, moved)).any(1)[0]
    assert changed.nonzero().tolist() == [[2, 3]]


def test_the_paper_s_layer_has_its_number_of_weights():
    """Two 1x1 convolutions 32-32 and two 32-64, with biases."""
    weights = sum(weight.numel() for weight in SFT(64, 32).parameters())
    assert weights == 2 * (32 * 32 + 32) + 2 * (32 * 64 + 64)
