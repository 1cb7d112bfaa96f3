"""What a sheet is told of objects: the map that an editor makes of it is a part of the frame's."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mmisr.editors.sftgan.conditions import class_map
from mmisr.pipeline.grouping import group_by_shape
from mmisr.pipeline.windows.known import hints_on_sheets
from mmisr.pipeline.windows.laying import Layer
from mmisr.pipeline.windows.layout import Layout
from mmisr.registry import MODELS
from mmisr.structures.hints import Found, ImageHints, nothing_found
from tests.blobs import image_of

TOKEN = 8
CLASSES = 3
HW = (37, 61)
LAYOUTS = st.tuples(
    st.lists(st.lists(st.booleans(), min_size=8, max_size=8), min_size=5, max_size=5),
    st.sampled_from([0, 3, 8]),
    st.sampled_from(["canvas", "batches"]),
)
NUMBERS = st.integers(-40, 500).map(lambda eighths: eighths / 8)
"""Edges that float32 moves without rounding, within the frame and beyond all of its borders."""
OBJECTS = st.lists(
    st.tuples(NUMBERS, NUMBERS, st.integers(1, 300), st.integers(1, 300)), max_size=6
)
BY_SIDES = Layout(
    frame_hw=HW,
    cores=np.array([[8, 8, 16, 24], [16, 8, 32, 16]]),
    windows=np.array([[4, 4, 20, 28], [12, 4, 36, 20]]),
    sheet_of=np.zeros(2, dtype=np.int64),
    corners=np.array([[0, 0], [16, 0]]),
    sheets_hw=[(24, 40)],
)
"""Two windows beside each other on one canvas, whose margins overlap in the frame."""


def laid(mask, margin, kind):
    return Layer(TOKEN, margin).lay(kind, np.array(mask), HW)


def found_of(objects, masks=False):
    """Objects of all classes, of scores that differ; x, y, and eighths of sides."""
    boxes = torch.tensor([[x, y, x + w / 8, y + h / 8] for x, y, w, h in objects]).reshape(-1, 4)
    count = len(boxes)
    pixels = None
    if masks:
        generator = torch.Generator().manual_seed(count)
        # Everywhere, so beyond the boxes too.
        pixels = torch.rand(count, *HW, generator=generator) > 0.7
    return Found(
        boxes_lr=boxes.float(),
        scores=torch.arange(1, count + 1) / 8,
        labels=torch.arange(count) % CLASSES,
        masks_lr=pixels,
    )


def same_where_shown(layout, of_frame, of_sheets):
    """Maps of sheets are parts of the map of the frame, and say nothing between windows."""
    for number, of_sheet in enumerate(of_sheets):
        is_shown = torch.zeros(of_sheet.shape[1:], dtype=torch.bool)
        on_sheet = np.flatnonzero(layout.sheet_of == number)
        for window in on_sheet.tolist():
            x1, y1, x2, y2 = layout.windows[window].tolist()
            x, y = layout.corners[window].tolist()
            rows, cols = slice(y, y + y2 - y1), slice(x, x + x2 - x1)
            is_shown[rows, cols] = True
            assert torch.equal(of_sheet[:, rows, cols], of_frame[:, y1:y2, x1:x2])
        yield of_sheet[:, ~is_shown]


PLAIN = {"type": "mmisr.Resample", "scale": 4}
MODULATED = {"type": "mmisr.InstanceModulation", "scale": 4, "size": "nano"}


class TestClassMap:
    """SFTGAN's, of what each sheet shows of the objects."""

    @pytest.mark.parametrize("masks", [False, True])
    def test_it_is_a_part_of_the_frames(self, masks):
        editor = MODELS.build(PLAIN)

        @settings(max_examples=60, deadline=None)
        @given(LAYOUTS, OBJECTS)
        def check(laid_out, objects):
            compare(laid(*laid_out), objects)

        def compare(layout, objects):
            found = found_of(objects, masks)
            sheets = hints_on_sheets(ImageHints(found=found), layout, editor)
            maps = [class_map(known.found, CLASSES, known.lr_hw) for known in sheets]
            of_frame = class_map(found, CLASSES, HW)
            for between in same_where_shown(layout, of_frame, maps):
                assert (between[0] == 1).all()

        check()
        compare(BY_SIDES, [(10, 6, 64, 64), (-3, 2, 120, 40), (18.5, 0, 300, 300)])

    def test_an_object_of_two_windows_is_in_both_and_cut_in_each(self):
        found = found_of([(10, 6, 160, 16), (33, 30, 64, 16)])
        (known,) = hints_on_sheets(ImageHints(found=found), BY_SIDES, MODELS.build(PLAIN))
        assert known.lr_hw == (24, 40)
        assert known.found.boxes_lr.tolist() == [[6, 2, 16, 4], [16, 2, 34, 4]]
        assert known.found.scores.tolist() == [0.125, 0.125]
        assert known.found.masks_lr is None

    def test_a_mask_beyond_its_box_is_shown(self):
        masks = torch.zeros(1, *HW, dtype=torch.bool)
        masks[0, 5, 5:36] = True
        found = Found(torch.tensor([[40.0, 5, 50, 9]]), torch.ones(1), torch.zeros(1).long(), masks)
        (known,) = hints_on_sheets(ImageHints(found=found), BY_SIDES, MODELS.build(PLAIN))
        expected = torch.zeros(2, 24, 40, dtype=torch.bool)
        expected[0, 1, 1:16] = True
        expected[1, 1, 16:40] = True
        assert torch.equal(known.found.masks_lr, expected)
        sizes = known.found.boxes_lr[:, 2:] - known.found.boxes_lr[:, :2]
        assert sizes[:, 0].tolist() == [0, 0]


class TestInstanceMap:
    """InstanceModulation's, whose distances and sizes reach beyond a window."""

    @pytest.mark.parametrize("masks", [False, True])
    @pytest.mark.parametrize("prior", ["found", "oracle"])
    def test_it_is_a_part_of_the_frames(self, masks, prior):
        editor = MODELS.build({**MODULATED, "prior": prior}).eval()

        @settings(max_examples=15, deadline=None)
        @given(LAYOUTS, OBJECTS)
        def check(laid_out, objects):
            compare(laid(*laid_out), objects)

        def compare(layout, objects):
            found = found_of(objects, masks)
            known = ImageHints(found=found, lr_hw=HW)
            if prior == "oracle":
                known = ImageHints(boxes_lr=found.boxes_lr, masks_lr=found.masks_lr, lr_hw=HW)
            sheets = hints_on_sheets(known, layout, editor)
            maps = [editor._maps(torch.zeros(1, 3, *one.lr_hw), [one])[0] for one in sheets]
            of_frame = editor._maps(torch.zeros(1, 3, *HW), [known])[0]
            for between in same_where_shown(layout, of_frame, maps):
                assert (between == torch.tensor([[0.0], [-1.0], [0.0]])).all()

        check()
        compare(BY_SIDES, [(10, 6, 64, 64), (37, 22, 40, 40), (18.5, 0, 300, 300)])

    def test_without_a_prior_there_is_no_map(self):
        editor = MODELS.build({**MODULATED, "prior": "none"})
        known = ImageHints(found=nothing_found(HW))
        (on_sheet,) = hints_on_sheets(known, BY_SIDES, editor)
        assert on_sheet.prior_map is None


def test_annotations_move_as_what_was_found_does():
    boxes = torch.tensor([[10.0, 6, 30, 8]])
    labels = torch.tensor([2])
    editor = MODELS.build(PLAIN)
    for classes in (labels, None):
        known = ImageHints(boxes_lr=boxes, labels=classes, seed=5, frame_index=7)
        (on_sheet,) = hints_on_sheets(known, BY_SIDES, editor)
        assert on_sheet.boxes_lr.tolist() == [[6, 2, 16, 4], [16, 2, 34, 4]]
        assert (on_sheet.labels is None) == (classes is None)
        assert classes is None or on_sheet.labels.tolist() == [2, 2]
        assert (on_sheet.seed, on_sheet.frame_index, on_sheet.found) == (5, 7, None)


def test_a_frame_that_is_searched_whole_keeps_what_is_known():
    found = found_of([(-3, 2, 120, 40)], masks=True)
    known = ImageHints(found=found, lr_hw=HW)
    (on_sheet,) = hints_on_sheets(known, Layout.whole(HW), MODELS.build(PLAIN))
    assert on_sheet.found is found


def test_nothing_is_told_where_nothing_is_searched():
    known = ImageHints(found=found_of([(3, 2, 120, 40)]))
    assert hints_on_sheets(known, Layout.empty(HW), MODELS.build(MODULATED)) == []


BLOBS = [(3, 4, 8, 9), (30, 2, 37, 8), (50, 33, 57, 37)]


def pair_with(editor, windows):
    """A pair whose detector looks first, and which searches where boxes are annotated."""
    if windows:
        labels = {"easy_cover": 0.01}
        router = {"type": "mmisr.InstanceSR", "router": "oracle", "labels": labels}
        windows = {"margin": 4, "router": router, **windows}
    torch.manual_seed(0)
    config = {
        "type": "mmisr.SRDetector",
        "editor": {"scale": 4, **editor},
        "detector": {"type": "BlobDetector", "masks": True},
        "test_cfg": {"windows": windows, "prior": {"score_thr": 0.0}},
    }
    return MODELS.build(config).eval()


def maps_of(pair, sample_of):
    """The maps that the editor's network got for an image of blobs, and its pair's sample."""
    maps = []
    handle = pair.editor.net.register_forward_pre_hook(lambda _, given: maps.extend(given[1]))
    height, width = HW
    sample = sample_of((height * 4, width * 4), np.array(BLOBS) * 4)
    sample.set_metainfo({"img_id": 1, "lr_shape": HW})
    with torch.no_grad():
        (sample,) = pair.test_step({"inputs": [image_of(HW, BLOBS)], "data_samples": [sample]})
    handle.remove()
    return maps, sample


@pytest.mark.parametrize("layout", ["canvas", "batches"])
@pytest.mark.parametrize("prior", ["found", "oracle"])
@pytest.mark.parametrize("kind", ["mmisr.SFTGAN", "mmisr.InstanceModulation"])
def test_the_network_sees_the_maps_of_the_frame(sample_of, kind, prior, layout):
    editor = {"type": kind, "prior": prior}
    (whole,), _ = maps_of(pair_with(editor, None), sample_of)
    pair = pair_with(editor, {"layout": layout})
    laid_out = []
    lay_out = pair.search.lay_out

    def kept(*given):
        laid_out.extend(lay_out(*given))
        return laid_out

    pair.search.lay_out = kept
    maps, _ = maps_of(pair, sample_of)
    (frame,) = laid_out
    assert not frame.layout.is_whole
    assert len(frame.layout.windows) > 1
    # Sheets of one shape are one batch.
    groups = group_by_shape([torch.empty(3, *hw) for hw in frame.layout.sheets_hw])
    order = [index for group in groups for index in group]
    of_sheets = dict(zip(order, maps, strict=True))
    list(same_where_shown(frame.layout, whole, [of_sheets[index] for index in sorted(order)]))
    assert whole[-1].unique().numel() > 1
    whole_hw = (1, 3, HW[0] * 4, HW[1] * 4)
    assert pair.detector.seen.count(whole_hw) == 1, "the first look is taken once"


def test_an_editor_routes_windows_by_what_was_found_in_the_frame(sample_of):
    editor = {"type": "mmisr.InstanceSR", "size": "nano", "router": "detector_prior"}
    pair = pair_with(editor, {})
    routed = []
    upscale = pair.editor.upscale
    pair.editor.upscale = lambda *given: routed.append(upscale(*given)) or routed[-1]
    height, width = HW
    sample = sample_of((height * 4, width * 4), np.array(BLOBS) * 4)
    sample.set_metainfo({"img_id": 1, "lr_shape": HW})
    with torch.no_grad():
        pair.test_step({"inputs": [image_of(HW, BLOBS)], "data_samples": [sample]})
    exits = torch.cat([one.routing.exits.flatten() for one in routed])
    assert (exits > 0).any()
