"""The pair against plain mmdet, and the promises of its frames."""

import copy

import pytest
import torch

from mmisr.openmmlab.detector import DetDataSample, build_detector
from mmisr.pipeline.sr_detector import SRDetector
from mmisr.registry import MODELS

BOXES = [[10.0, 12.0, 50.0, 60.0], [70.0, 20.0, 120.0, 90.0]]


def build(detector_config, **keys) -> SRDetector:
    torch.manual_seed(0)
    config = {
        "type": "mmisr.SRDetector",
        "editor": {"type": "mmisr.Resample", "mode": "bicubic", "scale": 4},
    }
    pair = MODELS.build({**config, "detector": detector_config, **keys})
    with torch.no_grad():
        for part in pair.detector.modules():
            if isinstance(part, torch.nn.BatchNorm2d):
                part.weight.uniform_(0.5, 3.0)
    return pair.eval()


def identity(detector_config, **keys) -> SRDetector:
    return build(
        detector_config, editor={"type": "mmisr.Resample", "mode": "nearest", "scale": 1}, **keys
    )


def run(pair, image, sample):
    with torch.no_grad():
        return pair.test_step({"inputs": [image], "data_samples": [sample]})[0]


def plain_mmdet(pair, image):
    sample = DetDataSample(
        metainfo={
            "ori_shape": tuple(image.shape[1:]),
            "img_shape": tuple(image.shape[1:]),
            "scale_factor": (1.0, 1.0),
        }
    )
    with torch.no_grad():
        return pair.detector.test_step({"inputs": [image.flip(0)], "data_samples": [sample]})[
            0
        ].pred_instances


def test_identity_sr_gives_what_plain_mmdet_gives(detector_config, photo, sample_of):
    pair = identity(detector_config)
    ours = run(pair, photo, sample_of((96, 131), BOXES)).pred_instances
    theirs = plain_mmdet(pair, photo)
    inside = theirs.bboxes.clone()
    inside[:, 0::2] = inside[:, 0::2].clamp(0, 131)
    inside[:, 1::2] = inside[:, 1::2].clamp(0, 96)
    assert len(ours) == len(theirs) > 20
    torch.testing.assert_close(ours.scores, theirs.scores, rtol=0, atol=1e-6)
    torch.testing.assert_close(ours.bboxes, inside, rtol=0, atol=1e-3)
    assert ours.labels.tolist() == theirs.labels.tolist()


def test_native_lr_boxes_come_back_in_the_lr_frame(detector_config, photo, sample_of):
    """The same pixels, once as native LR, once as LR simulated from a 4x source.

    Boxes differ by exactly 4.
    """
    pair = build(detector_config)
    native = run(pair, photo, sample_of((96, 131), BOXES)).pred_instances
    simulated = run(pair, photo, sample_of((384, 524), BOXES)).pred_instances
    torch.testing.assert_close(native.bboxes * 4, simulated.bboxes, rtol=1e-5, atol=1e-3)
    torch.testing.assert_close(native.scores, simulated.scores)


def test_frames_use_the_shapes_per_axis(detector_config, photo, sample_of):
    """A source stretched in x alone stretches its boxes in x alone."""
    pair = build(detector_config)
    one = run(pair, photo, sample_of((384, 524), BOXES)).pred_instances.bboxes
    wide = run(pair, photo, sample_of((384, 1048), BOXES)).pred_instances.bboxes
    torch.testing.assert_close(wide[:, 0::2], one[:, 0::2] * 2, rtol=1e-5, atol=1e-3)
    torch.testing.assert_close(wide[:, 1::2], one[:, 1::2], rtol=1e-5, atol=1e-3)


def test_resized_handoff_brings_boxes_back(detector_config, photo, sample_of):
    """An identity pair that enlarges as mmdet does finds what mmdet finds on such an image."""
    pair = identity(detector_config, handoff={"resize": {"scale": (262, 192)}})
    ours = run(pair, photo, sample_of((96, 131), BOXES)).pred_instances
    enlarged = torch.nn.functional.interpolate(
        photo[None].float(), size=(192, 262), mode="bilinear"
    )[0]
    theirs = plain_mmdet(pair, enlarged)
    torch.testing.assert_close(ours.scores, theirs.scores, rtol=0, atol=1e-5)
    inside = (theirs.bboxes.clamp(min=0).minimum(torch.tensor([262.0, 192, 262, 192]))) / 2
    torch.testing.assert_close(ours.bboxes, inside, rtol=0, atol=1e-3)


def test_result_does_not_depend_on_the_batch(detector_config, photo, sample_of):
    pair = build(detector_config)
    images = [photo, photo[:, :64, :100], photo.flip(2)]
    sizes = [(384, 524), (256, 400), (384, 524)]
    alone = [
        run(pair, i, sample_of(hw, BOXES)).pred_instances
        for i, hw in zip(images, sizes, strict=True)
    ]
    with torch.no_grad():
        samples = [sample_of(hw, BOXES) for hw in sizes]
        found = pair.test_step({"inputs": images, "data_samples": samples})
    for one, together in zip(alone, found, strict=True):
        best = slice(0, 5)
        torch.testing.assert_close(
            together.pred_instances.scores[best], one.scores[best], rtol=0, atol=1e-4
        )


def test_samples_keep_their_ground_truth_and_frame(detector_config, photo, sample_of):
    pair = build(detector_config, test_cfg={"keep_sr": True})
    found = run(pair, photo, sample_of((384, 524), BOXES))
    assert found.gt_instances.bboxes.tolist() == BOXES
    assert found.source_shape == (384, 524)
    assert found.sr.shape == (3, 384, 524)
    assert 0 <= found.sr.min() <= found.sr.max() <= 1


def test_loss_maps_ground_truth_into_the_detectors_frame(detector_config, photo, sample_of):
    """Native LR: boxes are given in LR pixels and the loss must see them at 4 times the size."""
    pair = build(detector_config)
    pair.train()
    small = [[v / 4 for v in box] for box in BOXES]
    data = {"inputs": [photo[:, :64, :96]]}
    losses = []
    for source_hw, boxes in (((256, 384), BOXES), ((64, 96), small)):
        prepared = pair.data_preprocessor(
            {**data, "data_samples": [sample_of(source_hw, boxes)]}, True
        )
        losses.append(pair(**copy.copy(prepared), mode="loss"))
    assert losses[0].keys() == losses[1].keys()
    for name in losses[0]:
        torch.testing.assert_close(losses[0][name], losses[1][name])


def test_mmdet_hooks_reach_the_detectors_parts(detector_config):
    pair = build(detector_config)
    assert pair.bbox_head is pair.detector.bbox_head
    assert pair.with_neck
    with pytest.raises(AttributeError, match="no_such_part"):
        _ = pair.no_such_part


def test_forward_and_features_run_without_samples(detector_config, photo):
    pair = build(detector_config)
    lr = [photo[:, :32, :32].float() / 255]
    assert [tuple(f.shape) for f in pair.extract_feat(lr)] == [
        (1, 32, 16, 16),
        (1, 32, 8, 8),
        (1, 32, 4, 4),
    ]
    assert len(pair(lr, None, mode="tensor")) == 3


def test_amp_predicts(detector_config, photo, sample_of):
    pair = build(detector_config)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = run(pair, photo, sample_of((384, 524), BOXES))
    assert torch.isfinite(found.pred_instances.bboxes).all()


@pytest.mark.parametrize(
    ("keys", "error", "text"),
    [
        ({"handoff": {"resise": {}}}, TypeError, "resise"),
        (
            {"handoff": {"resize": {"factor": 0}}},
            ValueError,
            "handoff.resize.factor must be positive, got 0",
        ),
        ({"test_cfg": {"keep": True}}, TypeError, "keep"),
        (
            {"checkpoints": {"edtor": "x.pth"}},
            ValueError,
            "may name 'editor' and 'detector', got .'edtor'.",
        ),
        (
            {"editor": {"type": "mmdet.ResNet", "depth": 18}},
            TypeError,
            "editor must build an mmisr SREditor",
        ),
        (
            {"strategy": {"type": "Joint", "pixel_weight": -1}},
            ValueError,
            "pixel_weight must be >= 0, got -1",
        ),
        ({"test_cfg": {"prior": {"score_thr": 2}}}, ValueError, "0 <= score_thr <= 1"),
    ],
)
def test_config_errors_name_the_key(detector_config, keys, error, text):
    with pytest.raises(error, match=text):
        build(detector_config, **keys)


def test_detector_of_another_kind_is_refused(detector_config):
    with pytest.raises(TypeError, match="BaseDetector, type='ResNet' built ResNet"):
        build_detector({"type": "ResNet", "depth": 18})
    with pytest.raises(TypeError, match="got str"):
        build_detector("yolox")


@pytest.mark.parametrize(
    ("image", "error", "text"),
    [
        (torch.zeros(3, 8, 8), TypeError, "must be uint8 RGB"),
        (torch.zeros(1, 8, 8, dtype=torch.uint8), ValueError, r"got shape \(1, 8, 8\)"),
    ],
)
def test_preprocessor_refuses_foreign_pixels(detector_config, sample_of, image, error, text):
    pair = build(detector_config)
    with pytest.raises(error, match=text):
        pair.test_step({"inputs": [image], "data_samples": [sample_of((8, 8), [])]})
