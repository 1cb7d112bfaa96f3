"""Learning by heart: schedule, orders, and a learner that stops and goes on."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from mmisr.editors.stdo.chunks import patch_hw
from mmisr.editors.stdo.training import Learner, Patches, Schedule, joint_order, shuffled
from mmisr.ops.patches import split

SIZES = {"scale": 2, "blocks": 1, "width": 4}


@pytest.fixture
def patches() -> Patches:
    draw = np.random.default_rng(0)
    lr = draw.integers(0, 256, (10, 3, 4, 4), dtype=np.uint8)
    return Patches(lr, lr.repeat(2, 2).repeat(2, 3))


def test_the_rate_falls_by_a_cosine_as_in_pytorch():
    schedule = Schedule(50)
    optimiser = torch.optim.Adam([torch.zeros(1, requires_grad=True)], lr=1e-3)
    expected = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, 50, 4e-8)
    for epoch in range(50):
        assert schedule.rate_at(epoch) == pytest.approx(expected.get_last_lr()[0], rel=1e-6)
        optimiser.step()
        expected.step()
    assert schedule.rate_at(50) == pytest.approx(4e-8)


def test_patches_are_learned(patches):
    learner = Learner(SIZES, Schedule(30, batch=4))
    losses = [learner.learn(patches, torch.arange(10)) for _ in range(30)]
    assert losses[-1] < losses[0] / 2
    assert learner.best_loss == min(losses)
    assert learner.finished


def test_the_weights_of_the_epoch_with_the_lowest_loss_are_kept(patches):
    learner = Learner(SIZES, Schedule(3))
    learner.learn(patches, torch.arange(10))
    best = {name: weight.clone() for name, weight in learner.best.items()}
    learner.best_loss = 0.0  # nothing is better
    learner.learn(patches, torch.arange(10))
    assert all(torch.equal(best[name], weight) for name, weight in learner.best.items())


def test_a_learner_goes_on_bit_by_bit(patches, tmp_path):
    whole = Learner(SIZES, Schedule(4, batch=4))
    first = Learner(SIZES, Schedule(4, batch=4))
    for learner in (whole, first):
        for _ in range(2):
            learner.learn(patches, shuffled(torch.arange(10), learner.draw()))
    torch.save(first.state_dict(), tmp_path / "state.pth")
    torch.manual_seed(99)
    again = Learner(SIZES, Schedule(4, batch=4))
    again.load_state_dict(torch.load(tmp_path / "state.pth", weights_only=True))
    for learner in (whole, again):
        while not learner.finished:
            learner.learn(patches, shuffled(torch.arange(10), learner.draw()))
    assert whole.best_loss == again.best_loss
    assert all(torch.equal(whole.best[name], again.best[name]) for name in whole.best)


def test_networks_begin_differently_and_leave_the_process_alone():
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    heads = [Learner(SIZES, Schedule(1), number).net.head.weight for number in (0, 1, 0)]
    assert torch.equal(torch.rand(1), expected)
    assert torch.equal(heads[0], heads[2])
    assert not torch.equal(heads[0], heads[1])


def test_a_joint_network_sees_half_hard_patches_then_seven_tenths():
    is_hard = torch.arange(4000) < 400
    draw = torch.Generator().manual_seed(0)
    early = is_hard[joint_order(is_hard, 0.59, draw)]
    assert all(batch.sum() == 8 for batch in early.split(16))
    late = is_hard[joint_order(is_hard, 0.6, draw)].double().mean().item()
    assert late == pytest.approx(0.7, abs=0.03)  # 4 standard errors


@pytest.mark.parametrize("wrong", [{"epochs": 0}, {"epochs": 1, "batch": 0}])
def test_there_is_an_epoch_and_a_patch_at_least(wrong):
    with pytest.raises(ValueError, match="epochs and batch must be at least 1"):
        Schedule(**wrong)


def test_parts_of_patches_are_patches_of_their_own(patches):
    """Row by row: of patch 3 the parts 12 to 15; LR and HR show the same places."""
    parts = replace(patches, parts=2)
    assert (len(parts), parts.per_patch) == (40, 4)
    lr, hr = parts.batch(torch.tensor([13, 2]), "cpu")
    assert (lr.shape, hr.shape) == ((2, 3, 2, 2), (2, 3, 4, 4))
    torch.testing.assert_close(lr[0], torch.tensor(patches.lr[3, :, :2, 2:]) / 255)
    torch.testing.assert_close(hr[0], torch.tensor(patches.hr[3, :, :4, 4:]) / 255)
    torch.testing.assert_close(lr[1], torch.tensor(patches.lr[0, :, 2:, :2]) / 255)


def test_parts_of_odd_patches_overlap_alike(patches):
    odd = Patches(patches.lr[:, :, :3, :3], patches.hr[:, :, :6, :6], parts=2)
    lr, hr = odd.batch(torch.tensor([3]), "cpu")
    torch.testing.assert_close(lr[0], torch.tensor(patches.lr[0, :, 1:3, 1:3]) / 255)
    torch.testing.assert_close(hr[0], torch.tensor(patches.hr[0, :, 2:6, 2:6]) / 255)


@pytest.mark.parametrize("parts", [1, 2, 3])
def test_a_part_is_what_the_whole_patch_cut_up_holds_there(parts):
    draw = np.random.default_rng(0)
    lr = draw.integers(0, 256, (4, 3, 5, 7), dtype=np.uint8)
    hr = draw.integers(0, 256, (4, 3, 10, 14), dtype=np.uint8)
    height, width = patch_hw((5, 7), (parts, parts))
    numbers = torch.randperm(4 * parts**2)
    found_lr, found_hr = Patches(lr, hr, parts).batch(numbers, "cpu")
    all_lr = split(torch.from_numpy(lr), (height, width))
    all_hr = split(torch.from_numpy(hr), (2 * height, 2 * width))
    assert torch.equal(found_lr, all_lr[numbers] / 255)
    assert torch.equal(found_hr, all_hr[numbers] / 255)
