"""``mmisr.strategies.frozen.strategy`` and ``mmisr.strategies.joint.strategy`` on real images: what moves, what stays."""

import pytest
import torch
from mmengine.optim import OptimWrapper

from mmisr.registry import MODELS

EDITOR = {
    "type": "mmisr.PlainSR",
    "scale": 2,
    "generator": {
        "type": "mmagic.EDSRNet",
        "in_channels": 3,
        "out_channels": 3,
        "mid_channels": 8,
        "num_blocks": 1,
        "upscale_factor": 2,
        "rgb_mean": [0.0, 0.0, 0.0],
        "rgb_std": [1.0, 1.0, 1.0],
    },
}
BOXES = [[10.0, 12.0, 50.0, 60.0]]


@pytest.fixture
def pair_with(detector_config):
    def build(strategy: dict):
        torch.manual_seed(0)
        config = {"type": "mmisr.SRDetector", "editor": EDITOR, "detector": detector_config, "strategy": strategy}
        return MODELS.build(config).train()

    return build


@pytest.fixture
def batch(photo, sample_of):
    def pack(hr=True):
        lr = photo[:, ::2, ::2][:, :32, :48].contiguous()
        sample = sample_of((64, 96), BOXES, hr=photo[:, :64, :96].contiguous() if hr else None)
        return {"inputs": [lr], "data_samples": [sample]}

    return pack


def step(pair, data):
    trained = [p for p in pair.parameters() if p.requires_grad]
    wrapper = OptimWrapper(torch.optim.SGD(trained, lr=0.01))
    return pair.train_step(data, wrapper)


def weights(module):
    return [p.detach().clone() for p in module.parameters()]


def moved(before, module):
    return any(not torch.equal(a, b) for a, b in zip(before, module.parameters(), strict=True))


def test_frozen_moves_the_detector_alone(pair_with, batch):
    pair = pair_with({"type": "Frozen"})
    editor, detector = weights(pair.editor), weights(pair.detector)
    logs = step(pair, batch())
    assert not moved(editor, pair.editor)
    assert moved(detector, pair.detector)
    assert "loss_joint_pixel" not in logs
    assert not pair.editor.training
    assert pair.detector.training


def test_frozen_needs_no_hr(pair_with, batch):
    assert step(pair_with({"type": "Frozen"}), batch(hr=False))["loss"] > 0


def test_joint_moves_both(pair_with, batch):
    pair = pair_with({"type": "Joint"})
    editor, detector = weights(pair.editor), weights(pair.detector)
    logs = step(pair, batch())
    assert moved(editor, pair.editor)
    assert moved(detector, pair.detector)
    assert logs["loss_joint_pixel"] > 0


def test_joint_detection_loss_alone_reaches_the_editor(pair_with, batch):
    """Through handoff, normalisation and padding: the whole seam is differentiable."""
    pair = pair_with({"type": "Joint", "pixel_weight": 0.0})
    before = weights(pair.editor)
    step(pair, batch(hr=False))
    assert moved(before, pair.editor)


def test_joint_weights_scale_their_terms(pair_with, batch):
    heavy = step(pair_with({"type": "Joint", "pixel_weight": 3.0}), batch())
    light = step(pair_with({"type": "Joint", "pixel_weight": 1.0}), batch())
    assert float(heavy["loss_joint_pixel"]) == pytest.approx(3 * float(light["loss_joint_pixel"]), rel=1e-5)


def test_joint_without_hr_says_what_to_do(pair_with, batch):
    with pytest.raises(ValueError, match="needs the HR image.*pixel_weight=0"):
        step(pair_with({"type": "Joint"}), batch(hr=False))
