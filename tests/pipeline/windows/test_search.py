"""The pair on windows finds what it finds on whole frames, where it is, once.

The detector of these tests finds bright blobs exactly and sees nothing beyond them, so that what
comes back can be known.
"""

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from mmisr.pipeline.routing import route_by, search_windows
from mmisr.pipeline.views import WholeFrames
from mmisr.registry import MODELS
from tests.blobs import image_of

SCALE = 4


def pair_with(windows, handoff=None, router="oracle", **detector):
    """A pair of nearest neighbour x4 and the blob detector, which searches where boxes are."""
    if windows is not None:
        # By default a token is easy of which a blob covers one pixel.
        labels = {"easy_cover": 0.01}
        windows = {
            "router": {"type": "mmisr.InstanceSR", "router": router, "labels": labels},
            **windows,
        }
    config = {
        "type": "mmisr.SRDetector",
        "editor": {"type": "mmisr.Resample", "mode": "nearest", "scale": SCALE},
        "detector": {"type": "BlobDetector", **detector},
        "handoff": handoff,
        "test_cfg": {"windows": windows, "keep_sr": True},
    }
    return MODELS.build(config).eval()


def predict(pair, images, boxes, sample_of, native=False):
    """The predicted samples of images whose boxes are annotated, in LR pixels."""
    samples = []
    for number, (image, xyxy) in enumerate(zip(images, boxes, strict=True)):
        height, width = image.shape[1:]
        factor = 1 if native else SCALE
        sample = sample_of((height * factor, width * factor), np.array(xyxy) * factor)
        sample.set_metainfo({"img_id": number, "lr_shape": (height, width)})
        samples.append(sample)
    with torch.no_grad():
        return pair.test_step({"inputs": images, "data_samples": samples})


def found(sample):
    return sorted(sample.pred_instances.bboxes.tolist())


def apart(boxes):
    """Those of the boxes that no earlier one comes closer to than two pixels."""
    kept = []
    for x, y, w, h in boxes:
        box = (x, y, x + w, y + h)
        near = [
            b
            for b in kept
            if box[0] - 2 < b[2] and b[0] - 2 < box[2] and box[1] - 2 < b[3] and b[1] - 2 < box[3]
        ]
        if not near:
            kept.append(box)
    return kept


BLOBS = st.lists(
    st.tuples(st.integers(0, 84), st.integers(0, 54), st.integers(2, 7), st.integers(2, 7)),
    max_size=12,
).map(apart)
HW = (61, 91)
HALF = {"resize": {"factor": 0.5}}


@pytest.mark.parametrize("native", [False, True])
@pytest.mark.parametrize("layout", ["canvas", "batches"])
@pytest.mark.parametrize("handoff", [None, {"resize": {"factor": 0.5}}])
def test_every_object_comes_back_once_and_where_it_is(sample_of, native, layout, handoff):
    pair = pair_with({"margin": 8, "layout": layout}, handoff)

    @settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(BLOBS)
    @example([(7, 7, 9, 9)])  # a pixel in each of four tokens
    def check(boxes):
        image = image_of(HW, boxes)
        (sample,) = predict(pair, [image], [boxes], sample_of, native)
        factor = 1 if native else SCALE
        expected = sorted([float(v * factor) for v in box] for box in boxes)
        assert found(sample) == expected

    check()


@pytest.mark.parametrize(
    ("native", "handoff"), [(False, None), (False, HALF), (True, None), (True, HALF)]
)
@pytest.mark.parametrize("layout", ["canvas", "batches"])
def test_every_mask_comes_back_with_its_object_alone(sample_of, native, layout, handoff):
    pair = pair_with({"margin": 8, "layout": layout}, handoff, masks=True)

    @settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(BLOBS)
    @example([(7, 7, 9, 9), (30, 31, 34, 33)])
    def check(boxes):
        image = image_of(HW, boxes)
        (sample,) = predict(pair, [image], [boxes], sample_of, native)
        factor = 1 if native else SCALE
        instances = sample.pred_instances
        assert found(sample) == sorted([float(v * factor) for v in box] for box in boxes)
        if not boxes:
            return  # nothing is searched, and nothing has a mask
        assert instances.masks.shape[1:] == (HW[0] * factor, HW[1] * factor)
        for mask, (x1, y1, x2, y2) in zip(
            instances.masks, instances.bboxes.long().tolist(), strict=True
        ):
            alone = torch.zeros_like(mask)
            alone[y1:y2, x1:x2] = True
            assert torch.equal(mask, alone)

    check()


def test_masks_of_the_overview_come_back_with_its_boxes(sample_of):
    windows = {"margin": 8, "overview": {"factor": 2, "min_side": 6}}
    pair = pair_with(windows, masks=True)
    boxes = [(10, 10, 18, 18), (40, 31, 44, 33)]
    (sample,) = predict(pair, [image_of(HW, boxes)], [boxes], sample_of)
    instances = sample.pred_instances
    assert len(instances) == 2
    for mask, xyxy in zip(instances.masks, instances.bboxes, strict=True):
        y, x = torch.nonzero(mask, as_tuple=True)
        tight = torch.stack([x.min(), y.min(), x.max() + 1, y.max() + 1])
        assert (tight - xyxy).abs().max() <= 2  # a pixel of what the detector saw


def test_masks_from_windows_need_a_whole_factor(sample_of):
    pair = pair_with({"margin": 8}, masks=True)
    sample = sample_of((244, 390), np.array([[28.0, 28, 36, 36]]))
    sample.set_metainfo({"img_id": 1, "lr_shape": HW})
    image = image_of(HW, [(7, 7, 9, 9)])
    with pytest.raises(ValueError, match="whole multiple of the LR image.*got 4.28571 along x"):
        pair.test_step({"inputs": [image], "data_samples": [sample]})


CLASSSR = {
    "type": "mmisr.ClassSR",
    "branches": [{"type": "mmisr.ResidualSR", "channels": 4, "units": 1}] * 2,
    "tiles": {"size": 16, "stride": 12},
    "router": "oracle",
}
"""Tokens of 12 pixels, the cells of overlapping tiles; the editor takes images of any size."""


@pytest.mark.parametrize("layout", ["canvas", "batches"])
def test_tokens_need_be_no_multiple_of_the_editor(sample_of, layout):
    pair = pair_with({"margin": 8, "layout": layout, "router": CLASSSR})

    @settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(BLOBS)
    def check(boxes):
        (sample,) = predict(pair, [image_of(HW, boxes)], [boxes], sample_of)
        expected = sorted([float(v * SCALE) for v in box] for box in boxes)
        assert found(sample) == expected

    check()


def pair_of_tiles(router, **windows):
    """A pair whose editor routes tiles, and is searched where it does."""
    config = {
        "type": "mmisr.SRDetector",
        "editor": {**CLASSSR, "router": router},
        "detector": {"type": "BlobDetector"},
        "test_cfg": {"windows": {"margin": 4, **windows}},
    }
    return MODELS.build(config).eval()


def test_an_editor_of_tiles_searches_where_it_routes_itself(sample_of):
    boxes = [(40, 32, 45, 37)]
    hw = (120, 160)
    (sample,) = predict(pair_of_tiles("oracle"), [image_of(hw, boxes)], [boxes], sample_of)
    (blob,) = found(sample)
    assert blob == pytest.approx([160, 128, 180, 148], abs=4)
    searched = sample.metainfo["searched"]
    area = (searched[:, 2] - searched[:, 0]) * (searched[:, 3] - searched[:, 1])
    assert 0 < area.sum() < 0.3 * hw[0] * hw[1] * SCALE**2


def test_costs_of_a_pair_of_tiles_are_measured(sample_of, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    pair = pair_of_tiles({"type": "random", "shares": (0.9, 0.1)}, costs="measured")
    (sample,) = predict(pair, [image_of((120, 160), [])], [[]], sample_of)
    assert len(sample.metainfo["searched"])
    assert list(tmp_path.rglob("pair-*.json"))


def test_images_of_a_batch_keep_their_own(sample_of):
    pair = pair_with({})
    boxes = [[(2, 3, 8, 7)], [], [(40, 30, 46, 36), (2, 50, 6, 55)]]
    images = [image_of((40, 64), boxes[0]), image_of((64, 64), []), image_of((64, 96), boxes[2])]
    samples = predict(pair, images, boxes, sample_of)
    for sample, xyxy in zip(samples, boxes, strict=True):
        assert found(sample) == sorted([float(v * SCALE) for v in box] for box in xyxy)
        alone = predict(pair, [images[sample.img_id]], [xyxy], sample_of)[0]
        assert found(alone) == found(sample), "the batch changes what is found"


def test_nothing_to_search_is_an_empty_prediction(sample_of):
    pair = pair_with({})
    (sample,) = predict(pair, [image_of(HW, [])], [[]], sample_of)
    assert sample.pred_instances.bboxes.shape == (0, 4)
    assert sample.pred_instances.labels.dtype == torch.long
    assert sample.metainfo["searched"].shape == (0, 4)
    assert pair.detector.seen == [], "the detector ran on nothing"


def test_little_is_searched_where_little_is(sample_of):
    boxes = [(40, 32, 45, 37)]
    pair = pair_with({"margin": 8})
    (sample,) = predict(pair, [image_of(HW, boxes)], [boxes], sample_of)
    assert sample.metainfo["searched"].tolist() == [[160, 128, 192, 160]]
    assert pair.detector.seen == [(1, 3, 96, 96)], "one token and its margin, four times as large"


def test_a_crowded_frame_is_searched_whole(sample_of):
    boxes = [(x, y, x + 4, y + 4) for x in range(1, 88, 8) for y in range(1, 56, 8)]
    pair = pair_with({})
    (sample,) = predict(pair, [image_of(HW, boxes)], [boxes], sample_of)
    assert pair.detector.seen == [(1, 3, HW[0] * SCALE, HW[1] * SCALE)]
    assert len(found(sample)) == len(boxes)


def test_a_frame_smaller_than_a_window(sample_of):
    boxes = [(1, 1, 4, 4)]
    for hw in ((5, 6), (8, 8), (9, 17)):
        pair = pair_with({"margin": 16})
        (sample,) = predict(pair, [image_of(hw, boxes)], [boxes], sample_of)
        assert found(sample) == [[4, 4, 16, 16]]


def test_the_cap_is_that_of_the_whole_image(sample_of):
    boxes = [(2, 2, 8, 8), (80, 50, 84, 54), (2, 50, 7, 55)]
    pair = pair_with({}, max_per_img=2)
    (sample,) = predict(pair, [image_of(HW, boxes)], [boxes], sample_of)
    assert found(sample) == [[8, 8, 32, 32], [8, 200, 28, 220]], "the two best of the image"


def test_two_halves_of_one_object_are_suppressed_once(sample_of):
    """An object on the border of two cores is seen by both, and counted once."""
    boxes = [(30, 14, 36, 18)]
    pair = pair_with({"layout": "batches"})
    (sample,) = predict(pair, [image_of(HW, boxes)], [boxes], sample_of)
    assert found(sample) == [[120, 56, 144, 72]]


def test_the_kept_image_is_bicubic_beyond_the_windows(sample_of):
    boxes = [(40, 32, 45, 37)]
    pair = pair_with({"margin": 8})
    image = image_of(HW, boxes)
    image[:, :8] = 90  # something to see where nothing is searched
    (sample,) = predict(pair, [image], [boxes], sample_of)
    pair.search = WholeFrames()
    (whole,) = predict(pair, [image], [boxes], sample_of)
    assert sample.sr.shape == whole.sr.shape
    core = (slice(None), slice(128, 160), slice(160, 192))
    assert torch.equal(sample.sr[core], whole.sr[core])
    assert not torch.equal(sample.sr, whole.sr), "bicubic is not nearest"


def test_a_video_is_searched_where_the_frame_before_had_objects(sample_of):
    boxes = [(2, 2, 30, 30)]
    pair = pair_with({"margin": 4}, router="fixed:0")
    pair.search.follow_video(True)
    image = image_of(HW, boxes)
    (first,) = predict(pair, [image], [[]], sample_of, native=True)
    assert found(first) == [], "nothing is routed deep"
    first.pred_instances.bboxes = torch.tensor([[2.0, 2.0, 30.0, 30.0]])
    first.pred_instances.scores = torch.tensor([0.9])
    pair.search.remember(first)
    (second,) = predict(pair, [image], [[]], sample_of, native=True)
    assert found(second) == [[2, 2, 30, 30]]
    pair.search.follow_video(False)
    (third,) = predict(pair, [image], [[]], sample_of, native=True)
    assert found(third) == []


class TestOverview:
    """Large objects belong to the look at the whole frame, small ones to the windows."""

    BOXES = ((2, 2, 6, 6), (20, 10, 70, 50))

    def test_each_finds_its_own(self, sample_of):
        pair = pair_with({"margin": 4, "overview": {"min_side": 16}})
        image = image_of(HW, self.BOXES)
        (sample,) = predict(pair, [image], [self.BOXES[:1]], sample_of)
        assert found(sample) == [[8, 8, 24, 24], [80, 40, 280, 200]]
        assert sorted(shape[2:] for shape in pair.detector.seen) == sorted([(48, 48), HW])

    def test_without_it_what_is_not_searched_is_not_found(self, sample_of):
        pair = pair_with({"margin": 4})
        image = image_of(HW, self.BOXES)
        (sample,) = predict(pair, [image], [self.BOXES[:1]], sample_of)
        assert found(sample) == [[8, 8, 24, 24]]

    def test_it_may_be_enlarged(self, sample_of):
        pair = pair_with({"overview": {"min_side": 16, "factor": 2.0}})
        (sample,) = predict(pair, [image_of(HW, [])], [[]], sample_of)
        assert pair.detector.seen == [(1, 3, 122, 182)]
        assert len(found(sample)) == 0


def test_who_routes_nothing_is_told_what_to_give():
    config = {
        "type": "mmisr.SRDetector",
        "editor": {"type": "mmisr.Resample", "scale": SCALE},
        "detector": {"type": "BlobDetector"},
        "test_cfg": {"windows": {}},
    }
    with pytest.raises(ValueError, match=r"'bicubic' routes no tokens; give windows=dict\(router="):
        MODELS.build(config)


def test_a_router_that_would_route_at_random_is_refused():
    with pytest.raises(ValueError, match=r"'instance_sr_nano' and names no weights: set windows="):
        pair_with({}, router="learned")


def test_who_routes_is_chosen_where_it_is_asked():
    pair = pair_with({})
    route_by(pair, "edge", None)
    assert type(pair.search.own_router.router).__name__ == "Edge"
    search_windows(pair, None)
    with pytest.raises(ValueError, match="'nearest' does not"):
        route_by(pair, "edge", None)


def test_checkpoints_of_pairs_fit_with_and_without_windows():
    with_windows, without = pair_with({}), pair_with(None)
    assert with_windows.state_dict().keys() == without.state_dict().keys()
    assert not with_windows.search.own_router.training
    assert not any(p.requires_grad for p in with_windows.search.own_router.parameters())
    assert with_windows.double().search.own_router.net.encoder.box_linear.weight.dtype == (
        torch.float64
    ), "it follows the pair to its device"


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"margin": -1}, "windows.margin must be >= 0, got -1"),
        ({"layout": "tiles"}, "windows.layout must be one of .*got 'tiles'"),
        ({"costs": "guessed"}, "windows.costs must be one of .*got 'guessed'"),
        ({"overview": {"min_side": 0}}, "overview needs min_side > 0"),
    ],
)
def test_wrong_settings_are_named(wrong, message):
    with pytest.raises(ValueError, match=message):
        pair_with(wrong)
