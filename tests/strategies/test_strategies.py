"""``mmisr.strategies.frozen.strategy`` and ``mmisr.strategies.joint.strategy`` on real images.

What moves, what stays.
"""

import pytest
import torch
from mmdet.models.data_preprocessors import BatchSyncRandomResize
from mmengine.logging import MessageHub
from mmengine.optim import OptimWrapper
from torch import nn

from mmisr.openmmlab.samples import hints_of
from mmisr.pipeline.training_batch import TrainingBatch
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
        config = {
            "type": "mmisr.SRDetector",
            "editor": EDITOR,
            "detector": detector_config,
            "strategy": strategy,
        }
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
    assert float(heavy["loss_joint_pixel"]) == pytest.approx(
        3 * float(light["loss_joint_pixel"]), rel=1e-5
    )


def test_joint_without_hr_says_what_to_do(pair_with, batch):
    with pytest.raises(
        ValueError, match="unless pixel_weight=0, needs the HR image.*simulate LR from HR"
    ):
        step(pair_with({"type": "Joint"}), batch(hr=False))


def with_instance_sr(pair_with, strategy: dict):
    pair = pair_with(strategy)
    torch.manual_seed(0)
    pair.editor = MODELS.build({"type": "mmisr.InstanceSR", "scale": 2})
    return pair.train()


def test_joint_trains_a_router_through_the_editors_own_losses(pair_with, batch):
    """The choice of an exit passes no gradient.

    Pixels and boxes alone leave the encoder as it was.
    """
    for weight, learns in ((0.0, False), (0.5, True)):
        pair = with_instance_sr(
            pair_with, {"type": "Joint", "pixel_weight": 0.0, "editor_weight": weight}
        )
        before = weights(pair.editor.net.encoder)
        logs = step(pair, batch())
        assert moved(before, pair.editor.net.encoder) == learns
        assert ("loss_instance_sr_enc" in logs) == learns
        assert ("labels_hard" in logs) == learns


def test_editor_losses_in_the_pair_are_those_of_the_editor_alone(pair_with, batch):
    pair = with_instance_sr(pair_with, {"type": "Joint"})
    one, two = batch(), batch()
    two["inputs"] = [
        two["inputs"][0][:, :16].contiguous()
    ]  # another size: another batch of the editor
    two["data_samples"][0].set_metainfo({"source_shape": (32, 96)})
    two["data_samples"][0].hr = two["data_samples"][0].hr[:, :32].contiguous()
    data = {key: one[key] + two[key] + one[key] for key in one}
    ready = pair.data_preprocessor(data, True)
    together = TrainingBatch(pair, ready["inputs"], ready["data_samples"]).editor_losses()
    alone = []
    for image, sample in zip(ready["inputs"], ready["data_samples"], strict=True):
        hints = [hints_of(sample, tuple(image.shape[-2:]))]
        alone.append(pair.editor.losses(image[None], sample.hr[None].float() / 255, hints))
    name = "loss_instance_sr_rec"
    assert float(together[name]) == pytest.approx(sum(float(x[name]) for x in alone) / 3, rel=1e-5)


def test_versions_of_an_image_share_one_handoff(pair_with, batch):
    """SR and HR get the same size even where the detector draws it anew for every batch."""
    pair = pair_with({"type": "Frozen"})
    pair.detector.data_preprocessor.batch_augments = nn.ModuleList(
        [BatchSyncRandomResize(random_size_range=(32, 160), size_divisor=32, interval=1)]
    )
    data = pair.data_preprocessor(batch(), True)
    hr = TrainingBatch(pair, data["inputs"], data["data_samples"]).hr_images()
    MessageHub.get_current_instance().update_info("iter", 0)  # as a Runner does
    for _ in range(4):
        both = pair.detector_batch([*hr, hr[0].flip(0)], data["data_samples"])
        first, second = both.part(1, 0), both.part(1, 1)
        assert first.inputs.shape == second.inputs.shape
        assert not torch.equal(first.inputs, second.inputs), "they are two versions"
        assert torch.equal(
            first.samples[0].gt_instances.bboxes, second.samples[0].gt_instances.bboxes
        )
        assert first.source_to_det == second.source_to_det
    with pytest.raises(ValueError, match="whole versions of 2 images, got 3"):
        pair.detector_batch([*hr, *hr, *hr], data["data_samples"] * 2)


def test_whoever_needs_hr_says_so(pair_with, batch):
    pair = with_instance_sr(pair_with, {"type": "Joint", "pixel_weight": 0.0, "editor_weight": 1.0})
    with pytest.raises(
        ValueError, match="strategy Joint, with editor_weight > 0, needs the HR image"
    ):
        step(pair, batch(hr=False))
