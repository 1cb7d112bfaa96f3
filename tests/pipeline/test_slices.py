"""Slices of an image through a pair: where they lie, what comes back, what they keep in memory.

The detector of most of these tests finds bright blobs exactly and sees nothing beyond them, so that
what comes back can be known.
"""

import random
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from mmengine.structures import InstanceData
from pycocotools import mask as coco_masks

from mmisr.evaluation.functional.image_record import image_record
from mmisr.openmmlab.detections import box_cap, merge_rule, merged
from mmisr.openmmlab.detector import build_detector
from mmisr.openmmlab.samples import hints_of
from mmisr.openmmlab.testing import add_dump
from mmisr.ops.timing import StageTimer
from mmisr.pipeline.routing import search_windows
from mmisr.pipeline.slices import Slices
from mmisr.pipeline.windows.layout import Layout
from mmisr.pipeline.windows.search import WindowSearch
from mmisr.registry import MODELS
from tests.blobs import image_of

HW = (96, 131)
SLICES = {"slice_hw": (48, 64), "overlap": 0.34, "batch": 3}
"""Neighbours share 16 rows and 21 columns: nothing that is smaller is found in parts alone."""


def pair_of(slices=None, native=False, handoff=None, **test_cfg):
    """Nearest neighbour x2 and the blob detector."""
    masks = test_cfg.pop("with_masks", False)
    config = {
        "type": "mmisr.SRDetector",
        "editor": {"type": "mmisr.Resample", "mode": "nearest", "scale": 2},
        "detector": {"type": "BlobDetector", "masks": masks},
        "handoff": handoff,
        "test_cfg": {"slices": slices, **test_cfg},
    }
    return MODELS.build(config).eval()


def predict(pair, boxes, sample_of, factor=2, hw=HW):
    sample = sample_of((hw[0] * factor, hw[1] * factor), np.array(boxes) * factor)
    sample.set_metainfo({"img_id": 7, "lr_shape": hw})
    with torch.no_grad():
        (found,) = pair.test_step({"inputs": [image_of(hw, boxes)], "data_samples": [sample]})
    return found


def boxes_in(sample, factor=2):
    return sorted(tuple(box) for box in (sample.pred_instances.bboxes / factor).tolist())


def test_slices_cover_the_image_and_overlap():
    grid = Slices().grid(HW)
    assert grid.windows().tolist() == [
        [0, 0, 73, 54],
        [58, 0, 131, 54],
        [0, 42, 73, 96],
        [58, 42, 131, 96],
    ]
    # An image that fits into one slice is seen once.
    assert Slices(slice_hw=(200, 200)).grid(HW).windows().tolist() == [[0, 0, 131, 96]]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"overlap": 1.0}, "0 <= overlap < 1, got 1.0"),
        ({"batch": 0}, "batch >= 1 and unit >= 1, got 2, 0 and 1"),
        ({"merge": "NMS"}, r"merge must be one of \('centres', 'nms'\), or dict\(sahi=...\)"),
        ({"slice_hw": (0, 5)}, r"slices.slice_hw must be \(height, width\)"),
        ({"merge": {"match": "IOS"}}, r"must name one of sahi's rules, .* add `sahi`"),
    ],
)
def test_values_that_slice_nothing(wrong, message):
    with pytest.raises(ValueError, match=message):
        Slices(**wrong)


def test_whole_floats_are_integers():
    slices = Slices(slice_hw=[48.0, 64.0], per_axis=2.0, batch=2.0)
    for value in (*slices.slice_hw, slices.per_axis, slices.batch, *slices.grid(HW).size_hw):
        assert type(value) is int


def test_a_built_pair_keeps_to_the_rule_too():
    pair = pair_of(SLICES)
    pair.editor = MODELS.build({"type": "mmisr.InstanceSR", "size": "nano", "scale": 2})
    with pytest.raises(ValueError, match=r"windows is for whole images, and this pair sees slices"):
        search_windows(pair, {"margin": 4})
    search_windows(pair, None)
    assert pair.slicer is not None


def test_slices_are_images_of_their_own():
    with pytest.raises(ValueError, match=r"slices sees each slice .* found windows beside it"):
        pair_of({}, windows={})
    for wrong in ("rle", None):
        with pytest.raises(ValueError, match=rf"test_cfg.masks must be one of .*, got {wrong!r}"):
            pair_of(masks=wrong)


ON_BORDERS = [(40, 3, 50, 12), (58, 30, 70, 40), (0, 0, 6, 5), (120, 90, 131, 96), (62, 60, 66, 62)]
"""On borders of slices, across four of them, in a corner, at the border of the image."""


EVEN = [(40, 4, 50, 12), (58, 30, 70, 40), (0, 0, 6, 6), (120, 90, 130, 96), (62, 60, 66, 62)]
"""The same on even pixels, for a detector that sees half of SR's."""


@pytest.mark.parametrize("factor", [1, 2])
@pytest.mark.parametrize("handoff", [None, {"resize": {"factor": 0.5}}])
@pytest.mark.parametrize("merge", ["centres", "nms"])
def test_an_object_on_a_border_is_found_once(sample_of, factor, handoff, merge):
    boxes = EVEN
    pair = pair_of({**SLICES, "merge": merge}, handoff=handoff)
    found = boxes_in(predict(pair, boxes, sample_of, factor), factor)
    expected = sorted(tuple(map(float, box)) for box in boxes)
    if merge == "centres":
        assert found == expected
    else:  # the parts that slices cut off overlap the whole too little
        assert {*expected} < {*found}


def test_touching_objects_stay_two(sample_of):
    """A box and its neighbour that share an edge on the border of a core."""
    grid = Slices(**SLICES).grid(HW)
    border = int(grid.cores()[0, 2])
    parts = [(border - 8.0, 10.0, border, 18.0), (border, 10.0, border + 8.0, 18.0)]
    view = InstanceData(
        bboxes=torch.tensor(parts), scores=torch.tensor([0.5, 0.4]), labels=torch.zeros(2).long()
    )
    detector = build_detector({"type": "BlobDetector"})
    assert len(merged([view, view], merge_rule(detector))) == 2
    # The detector would find one blob: a gap of a pixel on the border itself tells them apart.
    boxes = [(border - 8, 10, border, 18), (border + 1, 10, border + 9, 18)]
    assert boxes_in(predict(pair_of(SLICES), boxes, sample_of)) == sorted(boxes)


@pytest.mark.parametrize("factor", [1, 2])
def test_two_views_of_an_object_on_a_border_do_not_both_leave_it_to_the_other(sample_of, factor):
    """Each puts its centre on the other's side, by jitter."""
    pair = pair_of(SLICES)
    border = int(pair.slicer.slices.grid(HW).cores()[0, 2])
    jitter = iter([0.4, -0.4])
    real = pair.detector.predict

    def jittering(inputs, samples):
        found = real(inputs, samples)
        for sample in found:
            if len(sample.pred_instances):
                sample.pred_instances.bboxes[:, ::2] += 2 * next(jitter)
        return found

    pair.detector.predict = jittering
    found = predict(pair, [(border - 5, 10, border + 5, 18)], sample_of, factor).pred_instances
    assert next(jitter, None) is None
    assert len(found) == 1


def test_the_order_of_slices_does_not_matter():
    rng = np.random.default_rng(0)
    corners = rng.uniform(0, 60, (40, 2))
    boxes = torch.tensor(np.concatenate([corners, corners + 12], 1))
    scores = torch.tensor(rng.integers(1, 5, 40) / 10)  # many are equal
    labels = torch.tensor(rng.integers(0, 2, 40))
    rule = merge_rule(build_detector({"type": "BlobDetector"}))

    def left(order):
        views = [
            InstanceData(
                bboxes=boxes[i : i + 1], scores=scores[i : i + 1], labels=labels[i : i + 1]
            )
            for i in order
        ]
        found = merged(views, rule)
        return torch.cat([found.bboxes, found.scores[:, None], found.labels[:, None]], 1)

    first = left(range(40))
    assert 2 < len(first) < 40
    for seed in range(5):
        assert torch.equal(left(random.Random(seed).sample(range(40), 40)), first)


@pytest.mark.parametrize("with_masks", [False, True])
def test_slices_are_windows_on_the_same_grid(sample_of, monkeypatch, with_masks):
    """One rule: the pair on windows that cover everything finds what it finds on slices."""
    boxes = ON_BORDERS
    sliced = predict(pair_of(SLICES, with_masks=with_masks), boxes, sample_of).pred_instances
    grid = Slices(**SLICES).grid(HW)
    count = len(grid.windows())
    layout = Layout(
        frame_hw=HW,
        cores=grid.cores(),
        windows=grid.windows(),
        sheet_of=np.arange(count),
        corners=np.zeros((count, 2), dtype=np.int64),
        sheets_hw=[grid.window_hw] * count,
    )
    monkeypatch.setattr(WindowSearch, "plan", lambda *_: layout)
    router = {"type": "mmisr.InstanceSR", "router": "oracle"}
    pair = pair_of(windows={"router": router}, with_masks=with_masks)
    searched = predict(pair, boxes, sample_of).pred_instances
    assert len(sliced) == len(boxes)
    for key in ("bboxes", "scores", "labels", *["masks"] * with_masks):
        assert torch.equal(sliced[key], searched[key]), key


def test_one_slice_is_the_whole_image(sample_of):
    boxes = ON_BORDERS
    plain = predict(pair_of(keep_sr=True), boxes, sample_of)
    sliced = predict(pair_of({"slice_hw": HW}, keep_sr=True), boxes, sample_of)
    assert boxes_in(sliced) == boxes_in(plain) == sorted(tuple(map(float, b)) for b in boxes)
    assert torch.equal(sliced.sr, plain.sr)


def test_the_sr_image_is_put_together(sample_of):
    boxes = ON_BORDERS
    plain = predict(pair_of(keep_sr=True), boxes, sample_of)
    for merge in ("centres", "nms"):
        sliced = predict(pair_of({**SLICES, "merge": merge}, keep_sr=True), boxes, sample_of)
        assert torch.equal(sliced.sr, plain.sr)


def test_large_objects_come_from_the_whole_image(sample_of):
    """No slice holds it; the whole image beside them does, and owns what lies everywhere."""
    boxes = [(10, 10, 110, 80)]
    assert (10, 10, 110, 80) not in boxes_in(predict(pair_of(SLICES), boxes, sample_of))
    whole = pair_of({**SLICES, "whole": True})
    best = predict(whole, boxes, sample_of).pred_instances[0]
    assert (best.bboxes / 2).tolist() == [[10, 10, 110, 80]]


def test_slices_are_seen_a_few_at_a_time_and_timed_as_one(sample_of):
    pair = pair_of(SLICES)
    pair.timer = StageTimer()
    predict(pair, ON_BORDERS, sample_of)
    # 3x3 slices, enlarged twice, and padded by nobody.
    assert pair.detector.seen == [(3, 3, 96, 128)] * 3
    assert {len(ms) for ms in pair.timer.ms.values()} == {1}
    assert {"upscale", "detector"} <= {*pair.timer.ms}


def test_an_oracle_sees_what_is_annotated_in_the_slice(sample_of):
    pair = pair_of(SLICES)
    sample = sample_of((HW[0] * 2, HW[1] * 2), np.array([(40, 3, 50, 12)]) * 2)
    image = image_of(HW, []).float()
    slices = [part for portion in pair.slicer.portions(image, sample) for part in portion]
    seen = {part.corner_xy: part.sample.gt_instances.bboxes.tolist() for part in slices}
    assert seen[(0, 0)] == [[80, 6, 100, 24]]
    assert seen[(43, 0)] == [[0, 6, 14, 24]]
    assert seen[(67, 0)] == []
    assert {part.sample.source_shape for part in slices} == {(96, 128)}


@pytest.mark.parametrize(("factor", "own"), [(1, 1), (2, 2), (1.5, 1)])
def test_masks_of_annotations_are_cut_as_the_image_is(sample_of, factor, own):
    """Source frames of LR pixels, of twice as many, and of 1.5 times, which slices do not keep."""
    height, width = (int(side * factor) for side in HW)
    boxes = np.array([(40, 4, 50, 12), (120, 90, 130, 96)]) * factor
    sample = sample_of((height, width), boxes)
    masks = torch.zeros(2, height, width, dtype=torch.bool)
    for mask, (x1, y1, x2, y2) in zip(masks, boxes.astype(int).tolist(), strict=True):
        mask[y1:y2, x1:x2] = True
    sample.gt_instances.masks = masks
    portions = pair_of(SLICES).slicer.portions(image_of(HW, []).float(), sample)
    samples = {part.corner_xy: part.sample for portion in portions for part in portion}
    seen = hints_of(samples[(43, 0)], (48, 64))
    # 1.5 times 131 is no whole number of pixels.
    assert seen.boxes_lr[0].tolist() == pytest.approx([0, 4, 7, 12], abs=0.2)
    alone = torch.zeros(1, 48, 64, dtype=torch.bool)
    alone[:, 4:12, :7] = True
    assert torch.equal(seen.masks_lr, alone)
    in_source = samples[(43, 0)].gt_instances.masks
    assert torch.equal(in_source, alone.repeat_interleave(own, 1).repeat_interleave(own, 2))
    assert hints_of(samples[(0, 48)], (48, 64)).masks_lr.shape == (0, 48, 64)


def test_a_dump_of_run_lengths_is_refused(tmp_path):
    runner = SimpleNamespace(model=pair_of(with_masks=True, masks="runs"))
    with pytest.raises(ValueError, match=r"masks='runs' gives run lengths already: set .*pixels"):
        add_dump(runner, str(tmp_path / "found.pkl"))


@pytest.mark.parametrize("factor", [1, 2])
@pytest.mark.parametrize("kind", ["pixels", "runs"])
def test_every_mask_comes_back_with_its_object(sample_of, factor, kind):
    pair = pair_of(SLICES, with_masks=True, masks=kind)
    found = predict(pair, ON_BORDERS, sample_of, factor)
    instances = found.pred_instances
    masks = instances.masks
    if kind == "runs":
        nothing = {"bboxes": np.zeros((0, 4)), "labels": []}
        sample = {"gt_instances": nothing, "pred_instances": instances, **found.metainfo}
        record = image_record(sample, iou_type="segm")
        assert list(record.masks.det) == [mask["counts"] for mask in masks]
        masks = torch.from_numpy(np.moveaxis(coco_masks.decode(masks), 2, 0)).bool()
    assert len(instances) == len(ON_BORDERS)
    for mask, box in zip(masks, instances.bboxes.long().tolist(), strict=True):
        x1, y1, x2, y2 = box
        alone = torch.zeros(HW[0] * factor, HW[1] * factor, dtype=torch.bool)
        alone[y1:y2, x1:x2] = True
        assert torch.equal(mask, alone)


def test_memory_grows_with_objects_and_not_with_the_image(sample_of, monkeypatch):
    """Masks of 400 objects in 100 slices: bytes of what is kept until they are merged."""
    kept = []

    def noting(views, rule):
        kept.extend(mask for view in views for mask in view.masks)
        return merged(views, rule)

    monkeypatch.setattr("mmisr.pipeline.slices.merged", noting)
    side = 400
    boxes = [(x, y, x + 4, y + 4) for x in range(14, side, 20) for y in range(14, side, 20)]
    slices = {"slice_hw": (60, 60), "overlap": 0.34}
    pair = pair_of(slices, with_masks=True, masks="runs")
    found = predict(pair, boxes, sample_of, hw=(side, side)).pred_instances
    num_slices = len(Slices(**slices).grid((side, side)).windows())
    assert len(kept) == len(boxes) == 400 and num_slices == 100
    # 64 source pixels each. As masks of the whole image they would be 256 MB.
    storages = [mask.pixels.untyped_storage().nbytes() for mask in kept]
    assert sum(storages) == 64 * len(boxes)
    assert len(found.masks) == box_cap(pair.detector) == 100
    assert sum(len(mask["counts"]) for mask in found.masks) < 100 * 100
