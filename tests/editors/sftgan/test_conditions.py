"""Maps of classes: by hand, in LR pixels, summing to 1."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mmisr.editors.sftgan.conditions import background, class_map, known_objects
from mmisr.structures.hints import Found, ImageHints

HW = (3, 4)


def found(boxes, scores, labels, masks=None) -> Found:
    return Found(
        torch.tensor(boxes).reshape(-1, 4).float(),
        torch.tensor(scores).float(),
        torch.tensor(labels).long(),
        masks,
    )


def test_convention_box_edges_are_on_pixel_corners():
    """A box from x 0.5 to 2 and y 1 to 3: rows 1 and 2, half of column 0, all of column 1."""
    maps = class_map(found([[0.5, 1.0, 2.0, 3.0]], [0.8], [0]), 1, HW)
    expected = torch.tensor([[0, 0, 0, 0], [0.4, 0.8, 0, 0], [0.4, 0.8, 0, 0]])
    torch.testing.assert_close(maps[1], expected)
    torch.testing.assert_close(maps[0], 1 - expected)


def test_the_largest_of_a_class_counts_and_classes_share_what_is_over_1():
    boxes = [[0.0, 0, 2, 1], [1.0, 0, 3, 1], [1.0, 0, 2, 1]]
    maps = class_map(found(boxes, [0.6, 0.9, 0.6], [0, 0, 1]), 2, (1, 4))
    expected = torch.tensor([[0.4, 0, 0.1, 1], [0.6, 0.6, 0.9, 0], [0, 0.4, 0, 0]])
    torch.testing.assert_close(maps[:, 0], expected)


def test_many_objects_are_as_few_at_a_time():
    """More than are in memory together: a row of 70 pixels, each with a box of its own score."""
    boxes = [[float(x), 0, x + 1.0, 1] for x in range(70)]
    scores = [(x + 1) / 100 for x in range(70)]
    maps = class_map(found(boxes, scores, [x % 2 for x in range(70)]), 2, (1, 70))
    torch.testing.assert_close(maps[1:].sum(0)[0], torch.tensor(scores))
    assert maps[1, 0, 1::2].max() == 0
    assert maps[2, 0, ::2].max() == 0


def test_masks_count_where_there_are_some():
    mask = torch.zeros(1, *HW, dtype=torch.bool)
    mask[0, 1, 1:3] = True
    maps = class_map(found([[0.0, 0, 4, 3]], [0.5], [1], mask), 2, HW)
    torch.testing.assert_close(maps[2], 0.5 * mask[0].float())


@pytest.mark.parametrize("objects", [None, found([], [], [])])
def test_nothing_is_all_background(objects):
    maps = class_map(objects, 3, HW)
    assert torch.equal(maps, background(3, HW))
    assert maps[0].unique().tolist() == [1.0]
    assert maps[1:].unique().tolist() == [0.0]


@settings(max_examples=40, deadline=None)
@given(
    rows=st.lists(
        st.tuples(
            st.floats(-3, 9, width=16),
            st.floats(-3, 9, width=16),
            st.floats(0, 9, width=16),
            st.floats(0, 1),
            st.integers(0, 2),
        ),
        max_size=6,
    )
)
def test_every_pixel_sums_to_1(rows):
    boxes = [[x, y, x + side, y + side] for x, y, side, _, _ in rows]
    objects = found(boxes, [row[3] for row in rows], [row[4] for row in rows])
    maps = class_map(objects, 3, (6, 7))
    assert maps.min() >= 0
    torch.testing.assert_close(maps.sum(0), torch.ones(6, 7))


def test_a_class_that_the_map_has_not_is_named():
    with pytest.raises(ValueError, match=r"SFTGAN\(num_classes=2\) has no class 2.*count from 0"):
        class_map(found([[0.0, 0, 1, 1]], [1.0], [2]), 2, HW)


def test_masks_of_another_size_are_named():
    mask = torch.zeros(1, 6, 8, dtype=torch.bool)
    with pytest.raises(ValueError, match=r"size of the LR image, \(3, 4\), got \(6, 8\)"):
        class_map(found([[0.0, 0, 1, 1]], [1.0], [0], mask), 1, HW)


class TestWhatIsKnown:
    annotated = torch.tensor([[0.0, 0, 2, 2]])
    seen = found([[1.0, 1, 2, 2]], [0.4], [0])

    def test_found_reads_no_annotations(self):
        hints = ImageHints(self.annotated, torch.tensor([0]), found=self.seen)
        assert known_objects(hints, "found", 1) is self.seen
        assert known_objects(ImageHints(self.annotated, torch.tensor([0])), "found", 1) is None

    def test_the_oracle_reads_nothing_else(self):
        objects = known_objects(ImageHints(self.annotated, torch.tensor([4])), "oracle", 5)
        assert objects.boxes_lr is self.annotated
        assert objects.scores.tolist() == [1.0]
        assert objects.labels.tolist() == [4]
        assert known_objects(ImageHints(found=self.seen), "oracle", 1) is None

    def test_boxes_without_labels_are_of_the_one_class(self):
        hints = ImageHints(self.annotated)
        assert known_objects(hints, "oracle", 1).labels.tolist() == [0]
        assert known_objects(hints, "oracle", 2) is None

    def test_none_reads_nothing(self):
        hints = ImageHints(self.annotated, torch.tensor([0]), found=self.seen)
        assert known_objects(hints, "none", 1) is None
        assert known_objects(None, "found", 1) is None
