"""Losses by hand and by finite differences."""

import pytest
import torch

from mmisr.editors.instance_sr.losses import (
    LossWeights,
    localisation_loss,
    reconstruction_loss,
    token_loss,
)
from mmisr.losses.functional import box_weights
from mmisr.ops.psnr import psnr_of_unit


def test_weights_are_w_inside_dilated_boxes():
    weights = box_weights([torch.tensor([[1.0, 1, 2, 2]]), torch.zeros((0, 4))], (4, 4), 3.0, 1.0)
    assert weights.shape == (2, 1, 4, 4)
    assert weights[0, 0].tolist() == [[3, 3, 3, 1], [3, 3, 3, 1], [3, 3, 3, 1], [1, 1, 1, 1]]
    assert (weights[1] == 1).all()


def test_reconstruction_is_the_weighted_mean():
    sr, hr = torch.tensor([0.0, 1.0]).view(1, 1, 1, 2).expand(1, 3, 1, 2), torch.zeros(1, 3, 1, 2)
    assert reconstruction_loss(sr, hr, torch.tensor([1.0, 3.0]).view(1, 1, 1, 2)) == pytest.approx(
        3 / 4
    )
    assert reconstruction_loss(sr, hr, torch.ones(1, 1, 1, 2)) == pytest.approx(1 / 2)


def test_missing_an_instance_costs_more_than_a_token_too_many():
    sure_easy = torch.tensor([4.0, 0.0, 0.0]).view(1, 3, 1, 1)
    sure_hard = torch.tensor([0.0, 0.0, 4.0]).view(1, 3, 1, 1)
    both = torch.cat([sure_easy, sure_hard], 3)
    missed = token_loss(both, torch.tensor([[[2, 2]]]), 3.0)
    added = token_loss(both, torch.tensor([[[0, 0]]]), 3.0)
    torch.testing.assert_close(missed, added)  # one class alone: the weight cancels
    mixed = torch.cat([both, torch.zeros(1, 3, 1, 2)], 3)
    missed = token_loss(mixed, torch.tensor([[[2, 2, 0, 0]]]), 3.0)
    added = token_loss(mixed, torch.tensor([[[0, 0, 0, 0]]]), 3.0)
    assert missed > added
    assert token_loss(mixed, torch.tensor([[[2, 2, 0, 0]]]), 6.0) > missed


def test_localisation_counts_deep_tokens_alone():
    boxes = torch.zeros(1, 4, 1, 2)
    targets = torch.full((1, 4, 1, 2), 3.0)
    assert localisation_loss(boxes, targets, torch.tensor([[[0, 1]]])) == pytest.approx(2.5)
    assert localisation_loss(boxes, targets, torch.tensor([[[2, 1]]])) == pytest.approx(2.5)
    assert localisation_loss(boxes, targets, torch.tensor([[[0, 0]]])) == 0


def test_gradients():
    torch.manual_seed(0)
    hr = torch.rand(2, 3, 4, 4, dtype=torch.float64)
    weights = 1 + torch.rand(2, 1, 4, 4, dtype=torch.float64)
    labels = torch.randint(0, 3, (2, 2, 2))
    targets = torch.rand(2, 4, 2, 2, dtype=torch.float64)
    image = torch.rand_like(hr).requires_grad_()
    logits = torch.randn(2, 3, 2, 2, dtype=torch.float64, requires_grad=True)
    boxes = torch.randn(2, 4, 2, 2, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: reconstruction_loss(x, hr, weights), (image,))
    assert torch.autograd.gradcheck(lambda x: token_loss(x, labels, 3.0), (logits,))
    assert torch.autograd.gradcheck(lambda x: localisation_loss(x, targets, labels), (boxes,))


def test_psnr():
    assert psnr_of_unit(torch.full((1, 3, 2, 2), 0.1), torch.zeros(1, 3, 2, 2)) == pytest.approx(
        20.0, abs=1e-4
    )
    assert psnr_of_unit(torch.full((1, 3, 2, 2), 9.0), torch.ones(1, 3, 2, 2)) == pytest.approx(
        120.0, abs=1e-3
    )  # clamped


@pytest.mark.parametrize(
    ("keys", "text"),
    [
        ({"enc": -1}, "loss.enc must be >= 0, got -1"),
        ({"box": 0}, "loss.box must be > 0, got 0"),
        ({"every_exit": 2}, r"every_exit must be in \[0, 1\], got 2"),
    ],
)
def test_weights_out_of_range(keys, text):
    with pytest.raises(ValueError, match=text):
        LossWeights(**keys)
