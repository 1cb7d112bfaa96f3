"""A router by itself: what it starts from, what it learns, and how it serves in windows."""

import pytest
import torch
from torchvision.models import mobilenet_v2

from mmisr.editors.instance_sr.labels import LabelRule
from mmisr.openmmlab.mobilenet import to_mmdet
from mmisr.registry import MODELS
from mmisr.structures.hints import ImageHints

BOXES = torch.tensor([[3.0, 4.0, 9.0, 9.0], [30.0, 20.0, 36.0, 27.0]])


def router(**arguments):
    torch.manual_seed(0)
    return MODELS.build({"type": "mmisr.InstanceRouter", **arguments})


@pytest.mark.parametrize("hw", [(8, 8), (40, 64), (29, 43), (5, 70)])
def test_every_token_of_any_image_gets_a_score(hw):
    routing = router().eval().route(torch.rand(2, 3, *hw))
    grid = (2, -(-hw[0] // 8), -(-hw[1] // 8))
    assert routing.exits.shape == routing.scores.shape == grid
    assert torch.equal(routing.exits > 0, routing.scores > 0)


def test_a_bias_moves_the_threshold_of_the_scores():
    lr = torch.rand(1, 3, 64, 64)
    plain = router().eval().route(lr)
    middle = float(plain.scores.median())
    moved = router(router={"type": "learned", "bias": -middle}).eval().route(lr)
    assert torch.equal(moved.scores, plain.scores), "scores are those before any bias"
    assert torch.equal(moved.exits > 0, plain.scores > middle)


def test_the_oracle_is_the_label_rule():
    hints = [ImageHints(boxes_lr=BOXES)]
    routing = router(router="oracle").route(torch.rand(1, 3, 40, 64), hints)
    assert torch.equal(routing.exits[0], LabelRule()(BOXES, (40, 64), 8))
    assert routing.scores is None


def test_it_learns_and_its_norms_rest():
    model = router().train()
    norms = {name: value.clone() for name, value in model.named_buffers() if "running" in name}
    assert norms
    losses = model.losses(torch.rand(2, 3, 45, 64), None, [ImageHints(boxes_lr=BOXES)] * 2)
    total = sum(value for name, value in losses.items() if name.startswith("loss"))
    total.backward()
    idle = [name for name, p in model.named_parameters() if p.grad is None]
    assert idle == []
    for name, value in model.named_buffers():
        if name in norms:
            assert torch.equal(value, norms[name]), name


def test_without_boxes_there_is_nothing_to_learn():
    with pytest.raises(ValueError, match="InstanceRouter learns from boxes"):
        router().losses(torch.rand(1, 3, 16, 16), None, [ImageHints()])


@pytest.mark.parametrize("renamed", [lambda state: state, to_mmdet], ids=["torchvision", "mmdet"])
def test_imagenet_weights_by_either_name(renamed):
    theirs = mobilenet_v2(weights=None)
    model = router()
    model.net.load_imagenet(renamed(theirs.state_dict()))
    image = torch.rand(1, 3, 32, 32)
    expected = theirs.features[:11].eval()(image)
    ours = image
    for stage in model.net.stages:
        ours = stage(ours)
    torch.testing.assert_close(ours, expected)


def test_other_weights_are_refused():
    wrong = {f"w{number}": torch.zeros(2) for number in range(200)}
    with pytest.raises(ValueError, match="ImageNet weights of MobileNetV2.*mobilenet_v2.py"):
        router().net.load_imagenet(wrong)


@pytest.mark.parametrize(
    "editor",
    [
        {"type": "mmisr.InstanceSR", "scale": 2, "router": "all-hard"},
        {"type": "mmisr.Resample", "scale": 2},
    ],
)
def test_its_checkpoint_serves_in_windows_of_any_editor(
    editor, detector_config, sample_of, tmp_path
):
    trained = router()
    path = tmp_path / "router.pth"
    torch.save({"state_dict": trained.state_dict()}, path)
    lr = torch.rand(3, 64, 96)
    exits = trained.eval().route(lr[None]).exits
    windows = {"router": {"type": "mmisr.InstanceRouter", "checkpoint": str(path)}}
    pair = MODELS.build(
        {
            "type": "mmisr.SRDetector",
            "editor": editor,
            "detector": detector_config,
            "test_cfg": {"windows": windows, "keep_sr": True},
        }
    ).eval()
    sample = sample_of((128, 192), [])
    batch = {"inputs": [(lr * 255).byte()], "data_samples": [sample]}
    with torch.no_grad():
        (result,) = pair.test_step(batch)
    assert result.metainfo["routing"].exits.shape == exits.shape
    assert result.sr.shape == (3, 128, 192)
