"""Masks through the pair, with mmdet's own detectors: into their frame in training, and back."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from mmengine.logging import MessageHub
from mmengine.structures import InstanceData

from mmisr.openmmlab.detector import DetDataSample, build_detector, detector_sample, to_source
from mmisr.openmmlab.masks import bool_masks, predicts_masks
from mmisr.ops.boxes import area
from mmisr.ops.masks import resize_masks
from mmisr.pipeline.handoff import Handoff
from mmisr.registry import MODELS
from mmisr.structures.frames import FrameMap
from tests.mask_detectors import MASK_DETECTORS, mask_rcnn

BOXES = [[10, 12, 60, 70], [100, 20, 180, 90], [140, 110, 156, 150]]
"""xyxy in the source frame of an image that is enlarged twice."""


def objects(hw, boxes=BOXES):
    """(N, H, W) bool: ellipses that fill their boxes."""
    rows = torch.arange(hw[0])[:, None] + 0.5
    cols = torch.arange(hw[1])[None] + 0.5
    masks = []
    for x1, y1, x2, y2 in boxes:
        across = (cols - (x1 + x2) / 2) / ((x2 - x1) / 2)
        down = (rows - (y1 + y2) / 2) / ((y2 - y1) / 2)
        masks.append(across**2 + down**2 <= 1)
    return torch.stack(masks) if masks else torch.zeros(0, *hw, dtype=torch.bool)


def tight(mask):
    """xyxy of the pixels of one mask."""
    y, x = torch.nonzero(mask, as_tuple=True)
    return torch.stack([x.min(), y.min(), x.max() + 1, y.max() + 1]).float()


def sample_with_masks(sample_of, hw, boxes=BOXES):
    sample = sample_of(hw, boxes)
    sample.gt_instances.masks = objects(hw, boxes)
    return sample


def pair_with(detector, strategy=None, **more):
    """A pair of a small EDSR x2."""
    net = {"type": "mmagic.EDSRNet", "in_channels": 3, "out_channels": 3, "mid_channels": 8}
    net |= {"num_blocks": 1, "upscale_factor": 2}
    config = {
        "type": "mmisr.SRDetector",
        "editor": {"type": "mmisr.PlainSR", "scale": 2, "generator": net},
        "detector": detector,
        "strategy": strategy or {"type": "Joint", "pixel_weight": 0.0},
    }
    pair = MODELS.build({**config, **more})
    head = getattr(pair.detector, "bbox_head", None)
    for layer in getattr(head, "rtm_reg", ()):
        torch.nn.init.constant_(layer.bias, 1.0)  # else half of its first boxes have no area
    return pair


@pytest.fixture(scope="module")
def images():
    """Two LR images of unequal sizes, so that the detector pads one."""
    generator = torch.Generator().manual_seed(0)
    sizes = [(80, 96), (90, 101)]
    return [torch.randint(0, 256, (3, *hw), dtype=torch.uint8, generator=generator) for hw in sizes]


def source_sizes(images, factor=2):
    return [(image.shape[1] * factor, image.shape[2] * factor) for image in images]


@pytest.mark.parametrize("name", MASK_DETECTORS)
def test_a_step_of_training_and_a_prediction(name, images, sample_of):
    torch.manual_seed(0)
    pair = pair_with(MASK_DETECTORS[name]()).train()
    samples = [sample_with_masks(sample_of, hw) for hw in source_sizes(images)]
    data = pair.data_preprocessor({"inputs": images, "data_samples": samples}, True)
    losses = pair.loss(**as_arguments(data))
    total, logs = pair.parse_losses(losses)
    assert torch.isfinite(total)
    assert logs["loss_mask"] > 0
    editor = [p for p in pair.editor.parameters() if p.requires_grad]
    for loss in (losses["loss_mask"].sum(), total):  # the masks alone reach the editor, too
        gradients = torch.autograd.grad(loss, editor, retain_graph=True, allow_unused=True)
        known = [gradient for gradient in gradients if gradient is not None]
        assert all(torch.isfinite(gradient).all() for gradient in known)
        assert any(gradient.abs().sum() > 0 for gradient in known)
    pair.eval()
    with torch.no_grad():
        found = pair.test_step({"inputs": images, "data_samples": samples})
    for sample, hw in zip(found, source_sizes(images), strict=True):
        masks = sample.pred_instances.masks
        assert masks.dtype == torch.bool
        assert masks.shape == (len(sample.pred_instances), *hw)
        assert len(masks) > 0
        assert masks.any()


def as_arguments(data):
    return {"batch_inputs": data["inputs"], "batch_data_samples": data["data_samples"]}


@pytest.mark.parametrize("resize", [None, {"factor": 0.5}, {"scale": (133, 120)}])
@pytest.mark.parametrize("padded", [False, True])
def test_masks_in_training_lie_on_their_boxes_and_are_padded_with_the_image(
    resize, padded, images, sample_of
):
    """The detector's own ``pad_mask`` or not: it is the same."""
    config = mask_rcnn()
    config["data_preprocessor"] = {**config["data_preprocessor"], "pad_mask": padded}
    detector = build_detector(config)
    sizes = source_sizes(images)
    samples = [sample_with_masks(sample_of, hw) for hw in sizes]
    pixels = [torch.zeros(3, *hw) for hw in sizes]
    batch = Handoff(resize)(pixels, samples, detector, training=True)
    for sample, to_det, hw in zip(batch.samples, batch.source_to_det, sizes, strict=True):
        masks = sample.gt_instances.masks
        assert (masks.height, masks.width) == tuple(batch.inputs.shape[2:])
        in_det = to_det.boxes(torch.tensor(BOXES).float())
        torch.testing.assert_close(sample.gt_instances.bboxes, in_det)
        found = torch.stack([tight(mask) for mask in bool_masks(masks)])
        assert (found - in_det).abs().max() <= 1
        area = torch.tensor(masks.areas / (to_det.scale_xy[0] * to_det.scale_xy[1]))
        expected = objects(hw).sum((1, 2))
        assert ((area - expected).abs() / expected).max() < 0.1


def test_the_detector_needs_masks_to_learn_from(images, sample_of):
    pair = pair_with(MASK_DETECTORS["RTMDet-Ins"]()).train()
    sample = sample_of(source_sizes(images)[0], BOXES)
    sample.set_metainfo({"img_path": "a.png"})
    data = pair.data_preprocessor({"inputs": images[:1], "data_samples": [sample]}, True)
    with pytest.raises(ValueError, match=r"annotations of a\.png have boxes alone.*with_mask=True"):
        pair.loss(**as_arguments(data))


def test_a_batch_augmentation_that_leaves_masks_behind_is_an_error(images, sample_of):
    config = MASK_DETECTORS["RTMDet-Ins"]()
    resize = {"type": "BatchSyncRandomResize", "random_size_range": (256, 256), "interval": 1}
    config["data_preprocessor"] = {**config["data_preprocessor"], "batch_augments": [resize]}
    detector = build_detector(config).train()
    hw = source_sizes(images)[0]
    MessageHub.get_current_instance().update_info("iter", 0)
    with pytest.raises(ValueError, match="left its masks behind.*handoff=dict"):
        for _ in range(2):  # the first batch decides on the size of the next
            sample = sample_with_masks(sample_of, hw)
            Handoff()([torch.zeros(3, *hw)], [sample], detector, training=True)


SIDES = st.integers(20, 70)


@settings(max_examples=60, deadline=None)
@given(
    source=st.tuples(SIDES, SIDES),
    det=st.tuples(SIDES, SIDES),
    corner=st.tuples(st.floats(0, 0.6), st.floats(0, 0.6)),
    size=st.tuples(st.floats(0.2, 0.4), st.floats(0.2, 0.4)),
)
def test_masks_go_into_the_frame_of_the_detector_and_back(source, det, corner, size):
    """By any factor on each axis: a mask's box is the mapped box within a pixel, its area scales.

    Back in the source frame both are off by what a pixel of the detector's frame is.
    """
    height, width = source
    y1, x1 = (int(c * side) for c, side in zip(corner, source, strict=True))
    y2, x2 = (int(s * side) + start for s, side, start in zip(size, source, (y1, x1), strict=True))
    box = torch.tensor([[x1, y1, x2, y2]]).float()
    sample = DetDataSample(metainfo={"source_shape": source})
    masks = torch.zeros(1, height, width, dtype=torch.bool)
    masks[0, y1:y2, x1:x2] = True
    sample.gt_instances = InstanceData(bboxes=box, labels=torch.zeros(1).long(), masks=masks)
    to_det = FrameMap.between(source, det)
    made = detector_sample(sample, to_det, det, training=True)
    in_det = bool_masks(made.gt_instances.masks)
    mapped = to_det.boxes(box)[0]
    assert (tight(in_det[0]) - mapped).abs().max() <= 1
    border = (mapped[2:] - mapped[:2]).sum() + 1  # half a pixel all around, and the corners
    assert abs(int(in_det.sum()) - area(mapped[None])) <= border
    made.pred_instances = InstanceData(bboxes=mapped[None], masks=in_det)
    back = to_source(made, to_det, source)
    pixel = 1 + torch.tensor(to_det.inverse().scale_xy * 2).clamp(min=1)
    assert back.masks.shape == (1, *source)
    assert back.masks.dtype == torch.bool
    assert ((tight(back.masks[0]) - box[0]).abs() <= pixel).all()
    if source == det:
        assert torch.equal(back.masks, masks)


@pytest.mark.parametrize("factor", [2, 3, 4])
def test_a_whole_factor_up_and_down_again_is_exact(factor):
    masks = objects((30, 41), [[2, 3, 20, 28], [30, 1, 32, 2]])
    larger = (30 * factor, 41 * factor)
    assert torch.equal(resize_masks(resize_masks(masks, larger), (30, 41)), masks)


def test_who_predicts_masks(detector_config):
    for make in MASK_DETECTORS.values():
        assert predicts_masks(build_detector(make()))
    assert not predicts_masks(build_detector(detector_config))


@pytest.mark.parametrize("name", MASK_DETECTORS)
def test_nothing_found_has_no_masks_and_no_error(name, images, sample_of):
    config = MASK_DETECTORS[name]()
    (config["test_cfg"].get("rcnn") or config["test_cfg"])["score_thr"] = 1.0
    pair = pair_with(config).eval()
    (hw,) = source_sizes(images[:1])
    with torch.no_grad():
        (sample,) = pair.test_step({"inputs": images[:1], "data_samples": [sample_of(hw, [])]})
    assert sample.pred_instances.masks.shape == (0, *hw)


@pytest.mark.parametrize("native", [False, True])
@pytest.mark.parametrize("handoff", [None, {"resize": {"factor": 0.5}}])
def test_a_first_look_gives_its_masks_to_the_editor(native, handoff, images, sample_of):
    torch.manual_seed(0)
    prior = {"score_thr": 0.0}
    pair = pair_with(mask_rcnn(), handoff=handoff, test_cfg={"prior": prior}).eval()
    factor = 1 if native else 2
    sizes = source_sizes(images, factor)
    samples = [sample_of(hw, []) for hw in sizes]
    data = pair.data_preprocessor({"inputs": images, "data_samples": samples})
    hints = pair.hints(data["inputs"], samples)
    for known, image in zip(hints, images, strict=True):
        found = known.found
        assert len(found.boxes_lr) > 0
        assert found.masks_lr.dtype == torch.bool
        assert found.masks_lr.shape == (len(found.boxes_lr), *image.shape[1:])
        assert found.masks_lr.any()


def test_instance_modulation_is_guided_by_the_masks_of_the_first_look(images, sample_of):
    torch.manual_seed(0)
    editor = {"type": "mmisr.InstanceModulation", "scale": 2, "steps": 1, "need_masks": True}
    prior = {"score_thr": 0.0}
    pair = pair_with(mask_rcnn(), editor=editor, test_cfg={"prior": prior, "keep_sr": True}).eval()
    hw = source_sizes(images)[0]
    with torch.no_grad():
        (sample,) = pair.test_step({"inputs": images[:1], "data_samples": [sample_of(hw, [])]})
    assert sample.pred_instances.masks.shape == (len(sample.pred_instances), *hw)
    assert sample.sr.isfinite().all()
