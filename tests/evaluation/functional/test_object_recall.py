"""Which objects are searched: tables, a reference that looks at one at a time, partitions."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mmisr.evaluation.functional.object_recall import (
    ReachCount,
    area_share,
    count_reached,
    image_reach,
    in_cores,
    in_deep_tokens,
    total_reached,
)
from mmisr.evaluation.size_bins import PROTOCOLS
from mmisr.structures.sr_result import RoutingMap

EMPTY = np.zeros((0, 4))
HW = (16, 32)
LEFT_HALF = [[0, 0, 16, 16]]


def box_at(x, y, side=2.0):
    """A box around a point."""
    half = side / 2
    return [x - half, y - half, x + half, y + half]


@pytest.mark.parametrize(
    ("xyxy", "cores", "reached"),
    [
        (EMPTY, EMPTY, []),
        (EMPTY, LEFT_HALF, []),
        ([box_at(3, 3)], EMPTY, [False]),
        ([box_at(3, 3), box_at(20, 3)], LEFT_HALF, [True, False]),
        # A large object belongs to the core of its centre, however far it reaches.
        ([[0, 0, 31, 16], [0, 0, 33, 16]], LEFT_HALF, [True, False]),
        # Two cores share an edge, which is the second one's.
        ([box_at(16, 3)], LEFT_HALF, [False]),
        ([box_at(16, 3)], [[16, 0, 32, 16]], [True]),
        ([box_at(0, 0), box_at(0, 16), box_at(16, 16)], LEFT_HALF, [True, True, False]),
        ([box_at(32, 16), box_at(32, 3)], [[16, 0, 32, 16]], [True, True]),
        # Annotations may hang over.
        ([box_at(33, -1), box_at(-1, 17)], [[16, 0, 32, 16]], [True, False]),
        ([box_at(3, 3), box_at(30, 12)], [[0, 0, 8, 8], [24, 8, 32, 16]], [True, True]),
    ],
)
def test_centres_in_cores(xyxy, cores, reached):
    boxes, areas = (np.reshape(np.asarray(a, float), (-1, 4)) for a in (xyxy, cores))
    found = in_cores(boxes, areas, HW)
    assert (found.dtype, found.shape) == (bool, (len(boxes),))
    assert found.tolist() == reached


@pytest.mark.parametrize(
    ("xyxy", "exits", "reached"),
    [
        (EMPTY, [[0, 1]], []),
        ([box_at(3, 3), box_at(12, 3)], [[0, 1]], [False, True]),
        ([box_at(8, 3)], [[0, 2]], [True]),
        ([box_at(8, 3)], [[2, 0]], [False]),
        ([box_at(3, 8), box_at(3, 7.9)], [[0], [1]], [True, False]),
        ([box_at(16, 8), box_at(20, -3)], [[0, 1]], [True, True]),
    ],
)
def test_centres_in_deep_tokens(xyxy, exits, reached):
    boxes = np.reshape(np.asarray(xyxy, float), (-1, 4))
    found = in_deep_tokens(boxes, np.array(exits, dtype=np.int8), token_size=8)
    assert found.tolist() == reached


def cuts(side, draw):
    inner = draw(st.sets(st.integers(1, side - 1), max_size=4)) if side > 1 else set()
    return [0, *sorted(inner), side]


@st.composite
def tilings(draw):
    """LR size, source size, and cores in the source frame that cover it."""
    lr_h, lr_w = draw(st.integers(2, 60)), draw(st.integers(2, 60))
    source_hw = draw(st.integers(2, 500)), draw(st.integers(2, 500))
    rows, columns = cuts(lr_h, draw), cuts(lr_w, draw)
    scale = torch.tensor([source_hw[1] / lr_w, source_hw[0] / lr_h] * 2)
    cores = [
        [x1, y1, x2, y2]
        for y1, y2 in zip(rows, rows[1:], strict=False)
        for x1, x2 in zip(columns, columns[1:], strict=False)
    ]
    # In single precision, as the pair's samples have them.
    return source_hw, (torch.tensor(cores).float() * scale).double().numpy()


@st.composite
def boxes_in(draw, hw, count=8):
    height, width = hw
    points = [
        (draw(st.floats(0, width)), draw(st.floats(0, height)), draw(st.floats(0, 40)))
        for _ in range(draw(st.integers(0, count)))
    ]
    points += [(width, height, 0.0), (0, 0, 3.0), (width, 0, 0.0)]
    return np.array([box_at(*point) for point in points])


@given(st.data())
def test_cores_that_cover_a_frame_hold_every_object_once(data):
    hw, cores = data.draw(tilings())
    boxes = data.draw(boxes_in(hw))
    by_core = np.array([in_cores(boxes, core[None], hw) for core in cores])
    np.testing.assert_array_equal(by_core.sum(0), 1)
    assert in_cores(boxes, cores, hw).all()
    assert area_share(cores, hw) == pytest.approx(1, abs=1e-5)


@given(st.data())
def test_more_cores_reach_no_less(data):
    hw, cores = data.draw(tilings())
    boxes = data.draw(boxes_in(hw))
    some = data.draw(st.integers(0, len(cores)))
    few, all_of_them = in_cores(boxes, cores[:some], hw), in_cores(boxes, cores, hw)
    assert not (few & ~all_of_them).any()
    assert area_share(cores[:some], hw) <= area_share(cores, hw) + 1e-12


@given(st.data())
def test_tokens_reach_what_cores_over_them_do(data):
    """The two ways to say where is searched agree where frames are whole tokens."""
    rows, cols, token = (data.draw(st.integers(1, 6)) for _ in range(3))
    exits = np.array(
        data.draw(st.lists(st.integers(0, 2), min_size=rows * cols, max_size=rows * cols))
    ).reshape(rows, cols)
    hw = rows * token, cols * token
    boxes = data.draw(boxes_in(hw))
    deep = np.argwhere(exits > 0) * token
    cores = np.concatenate([deep[:, ::-1], deep[:, ::-1] + token], 1).astype(float)
    np.testing.assert_array_equal(in_deep_tokens(boxes, exits, token), in_cores(boxes, cores, hw))
    assert area_share(cores, hw) == pytest.approx((exits > 0).mean())


def reference(record, searched, ranges):
    """Counted one object at a time, from the words of the definition."""
    counts = {}
    for name, (low, high) in ranges.items():
        annotated = reached = 0
        for box, area, ignored in zip(
            record.gt_xyxy, record.gt_areas, record.gt_ignore, strict=True
        ):
            if ignored or area < low or area > high:
                continue
            annotated += 1
            reached += bool(searched((box[0] + box[2]) / 2, (box[1] + box[3]) / 2))
        counts[name] = ReachCount(annotated, reached)
    return counts


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("seed", range(4))
def test_windows_are_counted_as_the_reference_counts(scene_of, samples_of, protocol, seed):
    rng, ranges = np.random.default_rng(seed), PROTOCOLS[protocol].ranges()
    records = scene_of(seed)
    for record, sample in zip(records, samples_of(records), strict=True):
        corner = rng.integers(0, 5, (3, 2)) * 100 + [[0, 0], [40, 0], [0, 60]]
        cores = np.concatenate([corner, corner + [40, 30]], 1).astype(float)

        def searched(x, y, cores=cores):
            return any(x1 <= x < x2 and y1 <= y < y2 for x1, y1, x2, y2 in cores)

        sample["searched"] = torch.from_numpy(cores).float()
        reach = image_reach(sample, record)
        counts = count_reached(record.gt_areas, record.gt_ignore, reach.reached, ranges)
        assert counts == reference(record, searched, ranges)
        assert reach.area == pytest.approx(3 * 40 * 30 / 640**2)


@pytest.mark.parametrize("lr_factor", [1, 4])
def test_tokens_are_counted_as_the_reference_counts(scene_of, samples_of, lr_factor):
    rng, ranges = np.random.default_rng(7), PROTOCOLS["coco"].ranges()
    records = scene_of(1)
    cells = math.ceil(640 / lr_factor / 48)  # the last tokens hang over
    side = 48 * lr_factor
    for record, sample in zip(records, samples_of(records, lr_factor), strict=True):
        exits = rng.integers(0, 3, (cells, cells))
        sample["routing"] = RoutingMap(torch.from_numpy(exits)[None], token_size=48)
        reach = image_reach(sample, record)
        counts = count_reached(record.gt_areas, record.gt_ignore, reach.reached, ranges)

        def searched(x, y, exits=exits):
            return exits[int(y / side), int(x / side)] != 0

        assert counts == reference(record, searched, ranges)
        assert reach.area == (exits != 0).mean()


def test_windows_say_more_than_the_map_they_were_laid_over(record_of, samples_of):
    record = record_of(1, [box_at(20, 20)])
    (sample,) = samples_of([record])
    sample["routing"] = RoutingMap(torch.ones(1, 20, 20), token_size=8)
    assert image_reach(sample, record).area == 1
    sample["searched"] = torch.zeros(0, 4)
    reach = image_reach(sample, record)
    assert (reach.reached.tolist(), reach.area) == ([False], 0)


def test_nothing_is_routed(record_of, samples_of):
    record = record_of(1, [box_at(20, 20)])
    assert image_reach(samples_of([record])[0], record) is None


@pytest.mark.parametrize(
    ("field", "value", "lacks"),
    [
        ("searched", torch.zeros(0, 4), "source_shape"),
        ("routing", RoutingMap(torch.zeros(1, 2, 2), 8), "lr_shape"),
    ],
)
def test_a_sample_without_sizes_is_named(record_of, samples_of, field, value, lacks):
    record = record_of(7)
    (sample,) = samples_of([record])
    del sample[lacks]
    with pytest.raises(ValueError, match=f"needs {lacks}, which the sample of 7.png does not have"):
        image_reach({**sample, field: value}, record)


def test_both_ends_of_a_range_belong_to_it():
    areas, reached = np.array([1024.0, 1024.1]), np.array([True, False])
    counts = count_reached(areas, np.zeros(2, bool), reached, PROTOCOLS["coco"].ranges())
    assert list(counts.values()) == [
        ReachCount(2, 1),
        ReachCount(1, 1),
        ReachCount(2, 1),
        ReachCount(0, 0),
    ]


def test_sums_and_shares():
    assert total_reached([]) == {}
    images = [{"all": ReachCount(3, 1)}, {"all": ReachCount(0, 0)}, {"all": ReachCount(1, 1)}]
    assert total_reached(images) == {"all": ReachCount(4, 2)}
    assert (ReachCount(4, 2).recall, ReachCount().recall) == (0.5, None)
