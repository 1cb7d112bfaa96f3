"""Every strategy teaches one-stage, two-stage and DETR-like detectors of mmdet's own configs."""

import pytest
import steps
import torch

from mmisr.openmmlab.detector import build_detector
from mmisr.openmmlab.stack import prepare
from mmisr.registry import MODELS

prepare()

from mmengine.hub import get_config

DETECTORS = {
    "gfl": "mmdet::gfl/gfl_r50_fpn_1x_coco.py",
    "retinanet": "mmdet::retinanet/retinanet_r50_fpn_1x_coco.py",
    "faster_rcnn": "mmdet::faster_rcnn/faster-rcnn_r50_fpn_1x_coco.py",
    "dino": "mmdet::dino/dino-4scale_r50_8xb2-12e_coco.py",
}
FEATURES_ALONE = {"terms": {"score": 0.0, "box": 0.0}}
pytestmark = pytest.mark.usefixtures("one_thread")


def made_small(name: str) -> dict:
    """A narrow ResNet-18 without downloaded weights, small heads, few proposals and queries."""
    model = get_config(DETECTORS[name]).model
    model.backbone.update(depth=18, base_channels=16, init_cfg=None)
    channels = [16, 32, 64, 128]
    model.neck.in_channels = channels[1:] if name == "dino" else channels
    if "stacked_convs" in model.get("bbox_head", {}):
        model.bbox_head.stacked_convs = 2
    if "rpn_head" in model:
        model.roi_head.bbox_head.fc_out_channels = 64
        model.train_cfg.rpn_proposal.max_per_img = 40
        model.test_cfg.rpn.max_per_img = 40
    if name == "dino":
        model.encoder.num_layers = 1
        model.decoder.num_layers = 2
        model.num_queries = 30
        model.dn_cfg.group_cfg.num_dn_queries = 6
    return model.to_dict()


@pytest.fixture(scope="module", params=DETECTORS)
def detector(request, tmp_path_factory) -> tuple[str, dict, str]:
    """A detector's name and config, and a checkpoint of it with other weights."""
    config = made_small(request.param)
    path = tmp_path_factory.mktemp(request.param) / "teacher.pth"
    torch.manual_seed(7)
    teacher = build_detector(config)
    teacher.init_weights()
    torch.save({"state_dict": teacher.state_dict()}, path)
    return request.param, config, str(path)


def taught(config: dict, strategy: str, **arguments):
    """A pair after one step, and what the step logged."""
    named = {"type": strategy, **steps.STRATEGY_ARGUMENTS.get(strategy, {}), **arguments}
    model = MODELS.build(
        {"type": "mmisr.SRDetector", "editor": steps.EDITOR, "detector": config, "strategy": named}
    ).train()
    model.init_weights()  # DINO leaves some weights as the memory has them
    before = {name: value.clone() for name, value in model.state_dict().items()}
    logs = model.train_step(steps.batch(0, 2), steps.optimizers(model))
    moved = {
        n.split(".")[0] for n, v in model.state_dict().items() if not torch.equal(v, before[n])
    }
    return moved, {name: float(value) for name, value in logs.items()}


@pytest.mark.parametrize("strategy", ["Adversarial", "Aeris", "AuxBranch", "SR4IR", "TaskDriven"])
def test_a_step(detector, strategy):
    _, config, _ = detector
    moved, logs = taught(config, strategy)
    with_branch = {"detector", "strategy"}
    parts = {
        "Adversarial": {"editor", "strategy"},
        "Aeris": with_branch,
        "AuxBranch": with_branch,
        "SR4IR": {"editor", "detector"},
    }
    assert moved == parts.get(strategy, {"editor"})
    assert logs["loss"] > 0


def test_distillation(detector):
    name, config, teacher = detector
    terms = FEATURES_ALONE if name == "dino" else {}
    moved, logs = taught(config, "HRDistill", teacher=teacher, **terms)
    assert moved == {"editor", "detector"}
    kinds = ("feature",) if name == "dino" else ("feature", "score", "box")
    for kind in kinds:
        assert logs[f"detect/loss_hr_distill_{kind}"] > 0
    assert ("detect/loss_hr_distill_score" in logs) is (name != "dino")


def test_distillation_through_the_teachers_head(detector):
    name, config, teacher = detector
    if name not in ("gfl", "retinanet"):
        pytest.skip("its head has no branches of convolutions")
    moved, logs = taught(config, "HRDistill", teacher=teacher, terms={"cross_head": True})
    assert moved == {"editor", "detector"}
    assert logs["detect/loss_hr_distill_score"] > 0
    assert logs["detect/loss_hr_distill_box"] > 0


def test_heads_that_cannot_be_compared_are_named(detector):
    name, config, teacher = detector
    if name != "dino":
        pytest.skip("this detector's heads can be")
    with pytest.raises(ValueError, match="its roi_head is none; set score=0 and box=0 in `terms`"):
        taught(config, "HRDistill", teacher=teacher)
