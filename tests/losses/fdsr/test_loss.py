"""``FDSRLoss`` on a real detector, and against the strategy that does the same in a pair."""

import pytest
import torch
from mmdet.structures import DetDataSample

from mmisr.losses.fdsr.loss import detector_inputs
from mmisr.openmmlab.detector import build_detector
from mmisr.openmmlab.taps import tapped
from mmisr.pipeline.handoff import Handoff
from mmisr.registry import MODELS

GENERATOR = torch.Generator().manual_seed(0)
HR = torch.rand(2, 3, 64, 72, generator=GENERATOR)
SR = (HR + 0.1 * torch.randn(2, 3, 64, 72, generator=GENERATOR)).clamp(0, 1)


@pytest.fixture
def checkpoint(detector_config, tmp_path):
    torch.manual_seed(5)
    state = build_detector(detector_config).state_dict()
    path = tmp_path / "detector.pth"
    torch.save({"state_dict": state}, path)
    return str(path)


@pytest.fixture
def loss_of(detector_config, checkpoint):
    def build(**arguments):
        config = {"type": "mmisr.FDSRLoss", "detector": detector_config, "checkpoint": checkpoint}
        return MODELS.build({**config, **arguments})

    return build


def test_is_0_where_sr_is_hr(loss_of):
    assert float(loss_of()(HR, HR)) == 0


@pytest.mark.parametrize("taps", [("pyramid.0", "pyramid.1"), ("backbone.0",)])
def test_equals_a_computation_by_hand(loss_of, taps):
    loss = loss_of(taps=taps, weight=0.5)
    terms = loss.terms(SR, HR)
    seen = []
    for image in (SR, HR):
        # BGR from 0 to 255, then this detector's mean, deviation and padding to 64 x 96.
        mean = torch.tensor([123.675, 116.28, 103.53]).view(3, 1, 1)
        std = torch.tensor([58.395, 57.12, 57.375]).view(3, 1, 1)
        padded = torch.full((2, 3, 64, 96), 114.0)
        padded[..., :72] = (image * 255 - mean) / std
        with torch.no_grad(), tapped(loss.network, taps) as features:
            loss.network.extract_feat(padded)
            seen.append([features[tap] for tap in taps])
    gaps = [(a - b).abs().mean() for a, b in zip(*seen, strict=True)]
    expected = 0.5 * float(sum(gaps)) / len(taps)
    assert float(terms["loss_fdsr_feature"]) == pytest.approx(expected, rel=1e-4)
    assert float(terms["loss_fdsr_pixel"]) == pytest.approx(float((SR - HR).abs().mean()))
    assert float(loss(SR, HR)) == pytest.approx(float(sum(terms.values())))


def test_the_detector_gets_what_a_pair_hands_it(loss_of):
    loss = loss_of()
    detector = loss.network_for(HR)
    samples = [DetDataSample(metainfo={"source_shape": (64, 72)}) for _ in range(2)]
    batch = Handoff()(list(SR), samples, detector, training=False)
    assert torch.equal(detector_inputs(detector, SR), batch.inputs)


def test_the_correlation_is_that_of_the_strategy(detector_config, checkpoint, loss_of, sample_of):
    """``TaskDriven`` with ``feature_weight``, in a pair with the same detector."""
    from mmisr.pipeline.training_batch import TrainingBatch

    pair = MODELS.build(
        {
            "type": "mmisr.SRDetector",
            "editor": {"type": "mmisr.Resample", "mode": "bicubic", "scale": 2},
            "detector": detector_config,
            "checkpoints": {"detector": checkpoint},
            "strategy": {"type": "TaskDriven", "feature_weight": 1.0},
        }
    ).eval()
    photos = [(image * 255).round() for image in HR]
    samples = [sample_of((64, 72), [[10, 12, 40, 50]], hr=photo) for photo in photos]
    hr = torch.stack(photos) / 255
    lr = [image[:, ::2, ::2] for image in hr]
    batch = TrainingBatch(pair, lr, samples)
    sr = [image.detach() for image in batch.sr_images()]
    theirs = pair.strategy._with_features(batch, sr, 1.0)["loss_task_driven_feature"]
    ours = loss_of(distance="pearson").terms(torch.stack(sr), hr)["loss_fdsr_feature"]
    assert float(ours) > 0
    assert float(ours) == pytest.approx(float(theirs), rel=1e-4)


def test_gradients_reach_sr_and_never_the_detector(loss_of):
    loss = loss_of()
    sr = SR.clone().requires_grad_()
    loss.terms(sr, HR)["loss_fdsr_feature"].backward()
    assert sr.grad.abs().sum() > 0
    assert all(p.grad is None for p in loss.network.parameters())
    assert not any(module.training for module in loss.network.modules())


def test_the_weights_of_a_pair_are_read(loss_of, checkpoint, tmp_path):
    state = torch.load(checkpoint)["state_dict"]
    path = tmp_path / "pair.pth"
    torch.save({f"detector.{name}": value for name, value in state.items()}, path)
    assert float(loss_of(checkpoint=str(path))(SR, HR)) == float(loss_of()(SR, HR))


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"distance": "far"}, "FDSRLoss.distance must be one of l1, .*pearson, got 'far'"),
        ({"weight": -1.0}, "FDSRLoss.*weight"),
        ({"taps": []}, "FDSRLoss.taps must name at least one feature"),
    ],
)
def test_arguments_out_of_range(loss_of, arguments, text):
    with pytest.raises(ValueError, match=text):
        loss_of(**arguments)


def test_a_tap_that_the_detector_lacks_is_named(loss_of):
    with pytest.raises(ValueError, match="YOLOX has no module 'neck.x' to tap"):
        loss_of(taps=["neck.x"])(SR, HR)


def test_a_detector_that_is_not_trained_is_named(loss_of):
    with pytest.raises(FileNotFoundError, match=r"FDSRLoss.checkpoint .*'gone.pth'.*mmisr.FeedHR"):
        loss_of(checkpoint="gone.pth")(SR, HR)
