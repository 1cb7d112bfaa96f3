"""Detectors from mmdet's own configs build, learn one step and predict, on this mmcv's ops."""

import math

import numpy as np
import pytest
import torch
from skimage import data

from mmisr.openmmlab.detector import DetDataSample, build_detector
from mmisr.openmmlab.stack import prepare

prepare()

from mmengine.config import Config
from mmengine.hub import get_config
from mmengine.logging import MessageHub
from mmengine.optim import OptimWrapper
from mmengine.structures import InstanceData

NUM_CLASSES = 80
HW = (96, 128)
TWO_BOXES = [[10.0, 12.0, 60.0, 70.0], [70.0, 20.0, 100.0, 50.0]]

ZOO = {
    "faster_rcnn": "mmdet::faster_rcnn/faster-rcnn_r50_fpn_1x_coco.py",
    "cascade_rcnn": "mmdet::cascade_rcnn/cascade-rcnn_r50_fpn_1x_coco.py",
    "retinanet": "mmdet::retinanet/retinanet_r50_fpn_1x_coco.py",
    "fcos": "mmdet::fcos/fcos_r50-caffe_fpn_gn-head_1x_coco.py",
    "atss": "mmdet::atss/atss_r50_fpn_1x_coco.py",
    "tood": "mmdet::tood/tood_r50_fpn_1x_coco.py",
    "rtmdet": "mmdet::rtmdet/rtmdet_tiny_8xb32-300e_coco.py",
    "yolox": "mmdet::yolox/yolox_tiny_8xb8-300e_coco.py",
    "dino": "mmdet::dino/dino-4scale_r50_8xb2-12e_coco.py",
    "faster_rcnn_dcnv1": "mmdet::dcn/faster-rcnn_r50-dconv-c3-c5_fpn_1x_coco.py",
    "faster_rcnn_dcnv2": "mmdet::dcnv2/faster-rcnn_r50-mdconv-c3-c5_fpn_1x_coco.py",
}


def made_small(model: Config) -> Config:
    """Nothing is downloaded, images stay small, and so is what every stage has many of."""
    model.backbone.init_cfg = None
    if model.backbone.type == "ResNet":
        model.backbone.base_channels = 16  # of 64: a quarter of the channels in every stage
        model.neck.in_channels = [channels // 4 for channels in model.neck.in_channels]
        model.backbone.zero_init_residual = (
            False  # else no gradient reaches inside a block in the first step
        )
    if "stacked_convs" in model.get("bbox_head", {}):
        model.bbox_head.stacked_convs = 2
    if "rpn_head" in model:
        heads = model.roi_head.bbox_head
        for head in heads if isinstance(heads, list) else [heads]:
            head.fc_out_channels = 64
        model.train_cfg.rpn_proposal.max_per_img = 60
        model.test_cfg.rpn.max_per_img = 60
    for augment in model.data_preprocessor.get("batch_augments") or []:
        if augment.type == "BatchSyncRandomResize":
            augment.update(random_size_range=(96, 128), size_divisor=32)
    if model.type == "DINO":
        model.encoder.num_layers = 1
        model.decoder.num_layers = 2
        model.num_queries = 50
        model.dn_cfg.group_cfg.num_dn_queries = 10
    return model


@pytest.fixture
def _as_in_the_runner():
    """TOOD's head asks for the epoch and YOLOX's resizing for the iteration."""
    hub = MessageHub.get_instance("test_zoo")
    hub.update_info("epoch", 0)
    hub.update_info("iter", 0)
    yield
    MessageHub._instance_dict.pop("test_zoo")


def batch() -> dict:
    """Two pictures, one with two boxes and one with none."""
    inputs, samples = [], []
    photo = data.astronaut()
    for index, boxes in enumerate((TWO_BOXES, [])):
        picture = np.ascontiguousarray(photo[index * 60 : index * 60 + HW[0], 160 : 160 + HW[1]])
        inputs.append(torch.from_numpy(picture).permute(2, 0, 1))
        sample = DetDataSample(
            metainfo={
                "img_id": index,
                "img_shape": HW,
                "ori_shape": HW,
                "scale_factor": (1.0, 1.0),
                "pad_shape": HW,
            }
        )
        sample.gt_instances = InstanceData(
            bboxes=torch.tensor(boxes).reshape(-1, 4),
            labels=torch.arange(len(boxes), dtype=torch.long),
        )
        samples.append(sample)
    return {"inputs": inputs, "data_samples": samples}


@pytest.mark.usefixtures("_as_in_the_runner")
@pytest.mark.parametrize("name", ZOO)
def test_mmdet_config_builds_learns_and_predicts(name):
    torch.manual_seed(0)
    detector = build_detector(made_small(get_config(ZOO[name]).model))
    detector.init_weights()
    optimizer = torch.optim.SGD([p for p in detector.parameters() if p.requires_grad], lr=1e-4)
    before = {
        key: value.clone() for key, value in detector.named_parameters() if value.requires_grad
    }

    detector.train()
    logged = detector.train_step(batch(), OptimWrapper(optimizer))

    loss = float(logged["loss"].detach())
    assert math.isfinite(loss)
    assert loss > 0
    after = dict(detector.named_parameters())
    moved = {
        key.split(".")[0] for key, value in before.items() if not torch.equal(value, after[key])
    }
    assert {"backbone", "neck"} < moved  # and some head
    assert all(torch.isfinite(value).all() for value in after.values())

    detector.eval()
    with torch.no_grad():
        predictions = detector.test_step(batch())
    assert len(predictions) == 2
    for sample in predictions:
        found = sample.pred_instances
        assert found.bboxes.shape == (len(found), 4)
        assert torch.isfinite(found.bboxes).all()
        assert ((found.labels >= 0) & (found.labels < NUM_CLASSES)).all()
        assert ((found.scores >= 0) & (found.scores <= 1)).all()
