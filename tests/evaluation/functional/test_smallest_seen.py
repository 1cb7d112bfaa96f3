"""How small an object may be and still be found."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmisr.evaluation.functional.coco_records import ImageRecord
from mmisr.evaluation.functional.smallest_seen import (
    SizeCounts,
    count_sizes,
    found_objects,
    recall_by_size,
    rising,
    size_edges,
    smallest_seen,
)

ONE = np.array([[1]])


def record(sides, found, ignored=(), labels=None) -> ImageRecord:
    """Objects in a row, each with a detection where it is found; areas in px^2 of another frame."""
    starts = 100.0 * np.arange(len(sides))
    boxes = np.stack([starts, 0 * starts, starts + 40, 0 * starts + 40], 1)
    labels = np.zeros(len(sides), int) if labels is None else np.array(labels)
    hit = np.array(found, bool)
    return ImageRecord(
        img_id=1,
        gt_xyxy=boxes,
        gt_labels=labels,
        gt_areas=np.array(sides, float) ** 2,
        gt_ignore=np.array([n in ignored for n in range(len(sides))], bool),
        det_xyxy=boxes[hit],
        det_labels=labels[hit],
        det_scores=np.linspace(0.9, 0.6, int(hit.sum())) if hit.any() else np.zeros(0),
        det_areas=np.full(int(hit.sum()), 1600.0),
    )


def counts_from(records, edges, score_thr, label=None) -> SizeCounts:
    return count_sizes(records, edges, found_objects(records, score_thr, 100), label)


def test_objects_are_counted_where_their_size_is():
    edges = np.array([4.0, 8.0, 16.0, 32.0])
    one = record([4, 7.9, 8, 20, 40], [1, 0, 1, 0, 1], ignored=(3,))
    counts = counts_from([one], edges, 0.5)
    assert counts.total.tolist() == [[2, 1, 1]]
    assert counts.found.tolist() == [[1, 1, 1]]


def test_a_score_and_a_class_leave_out():
    edges = np.array([4.0, 8.0, 16.0])
    one = record([5, 6, 10, 12], [1, 1, 1, 1], labels=[0, 1, 0, 1])
    assert counts_from([one], edges, 0.65).found.tolist() == [[2, 1]]
    of_second = counts_from([one], edges, 0.5, label=1)
    assert (of_second.total.tolist(), of_second.found.tolist()) == ([[1, 1]], [[1, 1]])


def test_ranges_hold_equally_many():
    sides = np.geomspace(4, 64, 241)
    edges = size_edges([record(sides, np.zeros(241))], 12)
    counts = counts_from([record(sides, np.zeros(241))], edges, 0.5)
    assert len(edges) == 13
    assert counts.total.sum() == 241
    assert np.ptp(counts.total) <= 1
    assert (size_edges([record([9.0] * 5, [0] * 5)]) == 9).all()
    assert len(size_edges([record([], [])])) == 0


def test_the_size_that_half_is_found_of_by_hand():
    """Recall 0, .25, 1 at 5.66, 11.31, 22.63 px: half at a third of the way from the second."""
    counts = SizeCounts(np.array([4.0, 8, 16, 32]), np.array([[0, 1, 4]]), np.array([[4, 4, 4]]))
    expected = 128**0.5 * 2 ** (1 / 3)
    assert smallest_seen(counts, ONE)[0] == pytest.approx(expected)


@pytest.mark.parametrize(
    ("found", "total", "expected"),
    [
        ([4, 4, 4], [4, 4, 4], 4.0),  # seen already
        ([0, 1, 1], [4, 4, 4], np.inf),  # never
        ([0, 0, 0], [0, 0, 0], np.nan),  # no object
        ([0, 0, 3], [0, 0, 4], 4.0),  # only large ones, which are seen: nothing says how small
    ],
)
def test_where_nothing_crosses(found, total, expected):
    counts = SizeCounts(np.array([4.0, 8, 16, 32]), np.array([found]), np.array([total]))
    np.testing.assert_equal(smallest_seen(counts, ONE)[0], expected)


def test_a_size_that_happens_to_be_missed_does_not_count_twice():
    """Recall .75, .25, 1: the fall is noise, both first ranges are at .5."""
    counts = SizeCounts(np.array([4.0, 8, 16, 32]), np.array([[3, 1, 4]]), np.array([[4, 4, 4]]))
    assert smallest_seen(counts, ONE)[0] == 4.0


def test_replicates_are_the_images_drawn_anew():
    counts = SizeCounts(
        np.array([4.0, 8, 16]), np.array([[0, 4], [4, 4]]), np.array([[4, 4], [4, 4]])
    )
    weights = np.array([[1, 1], [2, 0], [0, 2]])
    assert recall_by_size(counts, weights).tolist() == [[0.5, 1.0], [0.0, 1.0], [1.0, 1.0]]
    values = smallest_seen(counts, weights)
    assert values[0] == values[2] == 4.0
    assert values[1] == pytest.approx(8.0)
    empty = SizeCounts(counts.edges, counts.found * 0, counts.total * np.array([[1, 0], [1, 0]]))
    assert np.isnan(recall_by_size(empty, weights)[0, 1])


@given(st.lists(st.tuples(st.floats(0, 1), st.integers(1, 9)), min_size=1, max_size=8))
def test_the_rising_curve_is_the_closest(pairs):
    values, weights = (np.array(column, float) for column in zip(*pairs, strict=True))
    fitted = rising(values, weights)
    assert (np.diff(fitted) >= -1e-12).all()
    assert (fitted * weights).sum() == pytest.approx((values * weights).sum())
    # The independent form: max over starts of min over ends of weighted means.

    def mean(first, last):
        part = slice(first, last + 1)
        return np.average(values[part], weights=weights[part])

    count = len(values)
    expected = [
        max(min(mean(a, b) for b in range(n, count)) for a in range(n + 1)) for n in range(count)
    ]
    np.testing.assert_allclose(fitted, expected, atol=1e-9)
