"""What a pair sees before SR: the first look of a detector."""

import pytest
import torch

from mmisr.registry import MODELS

LR_HW = (24, 33)
BOXES = [[10.0, 12.0, 50.0, 60.0], [70.0, 20.0, 120.0, 90.0]]
LOOK = {"score_thr": 0.001}


def pair_with(detector_config, **prior):
    torch.manual_seed(0)
    pair = MODELS.build(
        {
            "type": "mmisr.SRDetector",
            "editor": {"type": "mmisr.Resample", "mode": "nearest", "scale": 4},
            "detector": detector_config,
            "test_cfg": {"prior": {**LOOK, **prior}},
        }
    )
    with torch.no_grad():
        for part in pair.detector.modules():
            if isinstance(part, torch.nn.BatchNorm2d):
                part.weight.uniform_(0.5, 3.0)
    return pair


@pytest.fixture
def lr(photo):
    return torch.nn.functional.interpolate(photo[None] / 255, LR_HW, mode="area")[0]


def test_what_is_found_stands_beside_what_is_annotated(detector_config, lr, sample_of):
    pair = pair_with(detector_config).eval()
    sample = sample_of((96, 132), BOXES)
    (known,) = pair.hints([lr], [sample])
    assert known.boxes_lr.tolist() == (torch.tensor(BOXES) / 4).tolist()
    assert known.labels.tolist() == sample.gt_instances.labels.tolist()
    count = len(known.found.scores)
    assert count > 5
    assert known.found.boxes_lr.shape == (count, 4)
    assert known.found.labels.shape == (count,)
    assert known.found.boxes_lr[:, 2].max() <= LR_HW[1]
    assert not torch.equal(known.found.boxes_lr[:2], known.boxes_lr)


def test_the_first_look_is_bicubic_and_in_the_lr_frame(detector_config, lr, sample_of):
    """What a pair with a bicubic editor finds, divided by the scale."""
    pair = pair_with(detector_config).eval()
    (known,) = pair.hints([lr], [sample_of((96, 132), BOXES)])
    bicubic = MODELS.build(
        {
            "type": "mmisr.SRDetector",
            "editor": {"type": "mmisr.Resample", "mode": "bicubic", "scale": 4},
            "detector": detector_config,
        }
    ).eval()
    bicubic.detector.load_state_dict(pair.detector.state_dict())
    with torch.no_grad():
        (seen,) = bicubic.predict([lr], [sample_of((96, 132), BOXES)])
    expected = seen.pred_instances
    sure = expected[expected.scores >= LOOK["score_thr"]]
    torch.testing.assert_close(known.found.boxes_lr * 4, sure.bboxes)
    torch.testing.assert_close(known.found.scores, sure.scores)


def test_looking_leaves_a_detector_in_training_as_it_is(detector_config, lr, sample_of):
    pair = pair_with(detector_config)
    pair.detector.train()
    modes = [module.training for module in pair.detector.modules()]
    before = {name: value.clone() for name, value in pair.detector.state_dict().items()}
    (in_training,) = pair.hints([lr], [sample_of((96, 132), BOXES)])
    assert [module.training for module in pair.detector.modules()] == modes
    for name, value in pair.detector.state_dict().items():
        assert torch.equal(value, before[name]), f"{name}: batch norm saw the first look"
    (in_evaluation,) = pair.eval().hints([lr], [sample_of((96, 132), BOXES)])
    assert torch.equal(in_training.found.scores, in_evaluation.found.scores)


def test_a_detector_for_the_first_look_alone(detector_config, lr, sample_of, tmp_path):
    other = pair_with(detector_config)
    torch.manual_seed(1)
    with torch.no_grad():
        for weight in other.detector.parameters():
            weight.add_(0.02 * torch.randn_like(weight))
    path = tmp_path / "bicubic.pth"
    torch.save({"state_dict": other.state_dict()}, path)
    own = pair_with(detector_config).eval()
    pair = pair_with(detector_config, checkpoint=str(path)).eval()
    assert pair.state_dict().keys() == own.state_dict().keys()
    assert not any(weight.requires_grad for weight in pair.first_detector.parameters())
    sample = sample_of((96, 132), BOXES)
    (by_other,) = pair.hints([lr], [sample])
    (expected,) = other.eval().hints([lr], [sample])
    (by_own,) = own.hints([lr], [sample])
    assert torch.equal(by_other.found.scores, expected.found.scores)
    assert by_other.found.boxes_lr.tolist() != by_own.found.boxes_lr.tolist()
