"""A student's head features, finished by its teacher's head."""

import copy

import pytest
import torch
from mmengine.hub import get_config

from mmisr.openmmlab.cross_head import check_branches, crossed_outputs, kept_branches
from mmisr.openmmlab.detector import build_detector
from mmisr.openmmlab.heads import dense_outputs, recorded
from mmisr.openmmlab.stack import prepare

prepare()
pytestmark = pytest.mark.usefixtures("one_thread")

DENSE = ("gfl/gfl_r50_fpn_1x_coco.py", "retinanet/retinanet_r50_fpn_1x_coco.py")


def small(path: str):
    """A detector of mmdet's own config with the smallest of its backbones."""
    model = get_config(f"mmdet::{path}").model
    model.backbone.update(depth=18, init_cfg=None)
    model.neck.in_channels = [64, 128, 256, 512]
    torch.manual_seed(0)
    detector = build_detector(model.to_dict()).eval()
    # Fresh heads put out next to nothing.
    for name, weight in detector.bbox_head.named_parameters():
        if name.endswith("conv.weight"):
            weight.data.normal_(0, 0.05)
    return detector


@pytest.fixture(scope="module", params=DENSE)
def teacher(request):
    return small(request.param).requires_grad_(False)


@pytest.fixture(scope="module")
def images():
    torch.manual_seed(1)
    return torch.rand(2, 3, 64, 96)


def said_by(detector, images):
    """Pyramid, outputs and branch features of one pass."""
    with recorded(detector) as recording, kept_branches(detector) as features:
        detector.bbox_head(detector.extract_feat(images))
    return recording.pyramid, dense_outputs(detector, recording), features


def assert_close(ours, theirs):
    torch.testing.assert_close(ours.scores, theirs.scores, atol=1e-4, rtol=1e-3)
    torch.testing.assert_close(ours.boxes, theirs.boxes, atol=1e-4, rtol=1e-3)


def test_its_own_features_give_the_teachers_own_outputs(teacher, images):
    pyramid, outputs, features = said_by(teacher, images)
    assert [len(levels) for levels in features.values()] == [len(pyramid)] * 2
    assert_close(crossed_outputs(teacher, pyramid, features), outputs)


def test_scale_and_shift_of_a_channel_do_not_matter(teacher, images):
    pyramid, outputs, features = said_by(teacher, images)
    moved = {name: [3 * level + 1 for level in levels] for name, levels in features.items()}
    assert_close(crossed_outputs(teacher, pyramid, moved), outputs)


def test_other_features_give_other_outputs(teacher, images):
    pyramid, outputs, _ = said_by(teacher, images)
    _, _, features = said_by(teacher, 1 - images.roll(7, -1))
    crossed = crossed_outputs(teacher, pyramid, features)
    assert float((crossed.scores - outputs.scores).abs().max()) > 1e-3


def test_the_teachers_layers_are_as_before(teacher, images):
    pyramid, outputs, features = said_by(teacher, images)
    crossed_outputs(teacher, pyramid, {name: features[name] for name in features})
    _, again, _ = said_by(teacher, images)
    assert torch.equal(again.scores, outputs.scores)


def test_gradients_reach_the_student_below_the_cut_alone(teacher, images):
    student = copy.deepcopy(teacher).requires_grad_(True)
    with torch.no_grad():
        pyramid, _, _ = said_by(teacher, images.flip(-1))
    _, _, features = said_by(student, images)
    crossed = crossed_outputs(teacher, pyramid, features)
    total = crossed.scores.square().sum() + crossed.boxes.square().sum()
    total.backward()
    for branch in ("cls_convs", "reg_convs"):
        moved = [
            float(layer.conv.weight.grad.abs().sum()) if layer.conv.weight.grad is not None else 0
            for layer in getattr(student.bbox_head, branch)
        ]
        assert [value > 0 for value in moved] == [True, True, True, False]
    assert all(weight.grad is None for weight in teacher.parameters())


@pytest.mark.parametrize(
    "path",
    ["yolox/yolox_tiny_8xb8-300e_coco.py", "faster_rcnn/faster-rcnn_r50_fpn_1x_coco.py"],
)
def test_a_head_without_two_stacks_is_named(path):
    config = get_config(f"mmdet::{path}").model.to_dict()
    config["backbone"]["init_cfg"] = None
    with pytest.raises(
        ValueError, match="cross_head needs a dense head with cls_convs and reg_con"
    ):
        check_branches(build_detector(config))
