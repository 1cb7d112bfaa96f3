"""A look before SR at each slice: in its frame, of its objects, and of nothing else.

The detector finds bright blobs exactly, in bicubic images too, and the pair is one that tells its
editor what the look found.
"""

import numpy as np
import pytest
import torch

from mmisr.openmmlab.samples import hints_of
from mmisr.pipeline.hints import PriorPass
from mmisr.pipeline.routing import route_by
from mmisr.pipeline.slices import Slices
from mmisr.registry import MODELS
from tests.blobs import image_of

HW = (96, 131)
SLICES = {"slice_hw": (48, 64), "overlap": 0.34, "batch": 2}
"""Neighbours share 16 rows and 21 columns."""

BLOBS = [(40, 3, 50, 12), (58, 30, 70, 40), (0, 0, 6, 5), (120, 90, 131, 96), (66, 66, 74, 70)]
"""Whole in one slice or in several, cut by some, in corners of the image."""

REACH = 8
"""LR pixels that an instance map's distances reach."""


def pair_of(editor, slices=SLICES, masks=False, **prior):
    torch.manual_seed(0)
    config = {
        "type": "mmisr.SRDetector",
        "editor": {"scale": 4, **editor},
        "detector": {"type": "BlobDetector", "masks": masks, "sure_area": 4000},
        "test_cfg": {"slices": slices, "prior": {"score_thr": 0.0, **prior}},
    }
    return MODELS.build(config).eval()


def annotated_image(sample_of, factor, masks):
    """Blobs in LR pixels, and annotations of them in a source frame of so many times as many."""
    height, width = (side * factor for side in HW)
    boxes = np.array(BLOBS) * factor
    sample = sample_of((height, width), boxes)
    sample.set_metainfo({"img_id": 1, "lr_shape": HW})
    if masks:
        pixels = torch.zeros(len(BLOBS), height, width, dtype=torch.bool)
        for mask, (x1, y1, x2, y2) in zip(pixels, boxes.tolist(), strict=True):
            mask[y1:y2, x1:x2] = True
        sample.gt_instances.masks = pixels
    return {"inputs": [image_of(HW, BLOBS)], "data_samples": [sample]}


def maps_of(pair, data):
    """The maps that the editor's network got, one after the other, and what the pair found."""
    maps = []
    handle = pair.editor.net.register_forward_pre_hook(lambda _, given: maps.extend(given[1]))
    with torch.no_grad():
        (sample,) = pair.test_step(data)
    handle.remove()
    return maps, sample


def away_from_borders(window):
    """(h, w) what a slice says as the whole image would: nothing within reach is cut."""
    x1, y1, x2, y2 = window
    is_alike = torch.zeros(HW, dtype=torch.bool)
    # Beyond the border of the image there is nothing for either.
    top, left = (REACH if edge else 0 for edge in (y1, x1))
    bottom = y2 - (REACH if y2 < HW[0] else 0)
    right = x2 - (REACH if x2 < HW[1] else 0)
    is_alike[y1 + top : bottom, x1 + left : right] = True
    for left, top, right, bottom in BLOBS:
        is_whole = x1 <= left and y1 <= top and right <= x2 and bottom <= y2
        if not is_whole:
            near = slice(max(top - REACH, 0), bottom + REACH)
            is_alike[near, max(left - REACH, 0) : right + REACH] = False
    return is_alike[y1:y2, x1:x2]


@pytest.mark.parametrize(("factor", "masks"), [(1, False), (4, False), (4, True)])
@pytest.mark.parametrize("prior", ["found", "oracle"])
@pytest.mark.parametrize("kind", ["mmisr.SFTGAN", "mmisr.InstanceModulation"])
def test_the_map_of_a_slice_is_that_part_of_the_map_of_the_image(
    sample_of, kind, prior, factor, masks
):
    editor = {"type": kind, "prior": prior, "size": "nano"}
    whole_pair = pair_of(editor, slices=None, masks=masks)
    (whole,), _ = maps_of(whole_pair, annotated_image(sample_of, factor, masks))
    maps, _ = maps_of(pair_of(editor, masks=masks), annotated_image(sample_of, factor, masks))
    windows = Slices(**SLICES).grid(HW).windows().tolist()
    compared = torch.zeros(HW, dtype=torch.bool)
    for of_slice, (x1, y1, x2, y2) in zip(maps, windows, strict=True):
        is_alike = away_from_borders((x1, y1, x2, y2))
        of_image = whole[:, y1:y2, x1:x2]
        assert torch.equal(of_slice[:, is_alike], of_image[:, is_alike])
        compared[y1:y2, x1:x2] |= is_alike
    # Every object is told as it is in some slice, and tells something.
    for x1, y1, x2, y2 in BLOBS:
        assert compared[y1:y2, x1:x2].all()
        assert not torch.equal(whole[:, y1, x1], whole[:, 48, 20])


@pytest.mark.parametrize("masks", [False, True])
def test_what_is_found_is_what_is_annotated_in_the_slice(sample_of, masks):
    """Cut where the slice ends, so also on its borders."""
    pair = pair_of({"type": "mmisr.Resample"}, masks=masks)
    data = annotated_image(sample_of, 4, masks)
    image = data["inputs"][0] / 255
    looked_at = 0
    for lr, samples in pair.slicer.inputs(image, data["data_samples"][0]):
        for known, sample in zip(pair.hints(lr, samples), samples, strict=True):
            expected = hints_of(sample, (48, 64))
            order = np.lexsort(known.found.boxes_lr.numpy().T)
            as_expected = np.lexsort(expected.boxes_lr.numpy().T)
            found = known.found.boxes_lr[order]
            assert torch.equal(found, expected.boxes_lr[as_expected])
            if masks:
                pixels = known.found.masks_lr[order]
                assert torch.equal(pixels, expected.masks_lr[as_expected])
            looked_at += 1
    assert looked_at == len(Slices(**SLICES).grid(HW).windows())


def test_the_look_is_at_the_slices_and_leaves_boxes_where_they_are(sample_of):
    pair = pair_of({"type": "mmisr.Resample", "mode": "nearest"})
    data = annotated_image(sample_of, 4, masks=False)
    with torch.no_grad():
        (found,) = pair.test_step(data)
    boxes = sorted(tuple(box) for box in (found.pred_instances.bboxes / 4).tolist())
    assert boxes == sorted(tuple(map(float, box)) for box in BLOBS)
    # A look and a search for each portion of slices, enlarged four times.
    windows = len(Slices(**SLICES).grid(HW).windows())
    assert sum(shape[0] for shape in pair.detector.seen) == 2 * windows
    assert {shape[2:] for shape in pair.detector.seen} == {(4 * 48, 4 * 64)}


def test_a_router_by_boxes_routes_slices(sample_of):
    editor = {"type": "mmisr.InstanceSR", "size": "nano"}
    pair = pair_of(editor)
    pair.prior = None
    assert route_by(pair, "detector_prior", None) == "detector_prior"
    assert isinstance(pair.prior, PriorPass)
    pair.prior = PriorPass(score_thr=0.0)
    routed = []
    upscale = pair.editor.upscale
    pair.editor.upscale = lambda *given: routed.append(upscale(*given)) or routed[-1]
    with torch.no_grad():
        pair.test_step(annotated_image(sample_of, 1, masks=False))
    exits = torch.cat([of_slices.routing.exits for of_slices in routed])
    windows = Slices(**SLICES).grid(HW).windows().tolist()
    for of_slice, (x1, y1, x2, y2) in zip(exits, windows, strict=True):
        shown = image_of(HW, BLOBS)[0, y1:y2, x1:x2]
        assert (of_slice > 0).any() == (shown > 0).any()
