"""The rule that merges parts of an image, against a plain loop over all pairs."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torchvision.ops import box_iou

from mmisr.ops.merging import MergeRule, held_centres, surviving


def by_hand(boxes, scores, labels, rule):
    """Keep the best; drop what overlaps it; go on."""
    rows = zip(boxes.tolist(), scores.tolist(), labels.tolist(), strict=True)
    order = sorted(enumerate(rows), key=lambda row: (-row[1][1], row[1][2], row[1][0]))
    overlap = box_iou(boxes.double(), boxes.double())
    kept = []
    for index, (_, _, label) in order:
        rivals = [k for k in kept if rule.class_agnostic or labels[k] == label]
        if all(overlap[index, k] <= rule.iou_threshold for k in rivals):
            kept.append(index)
    return kept[: rule.cap]


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 9999),
    count=st.integers(0, 30),
    agnostic=st.booleans(),
    cap=st.sampled_from([None, 3]),
)
def test_it_is_greedy_suppression(seed, count, agnostic, cap):
    rng = np.random.default_rng(seed)
    corners = rng.uniform(0, 30, (count, 2))
    boxes = torch.tensor(np.concatenate([corners, corners + rng.uniform(4, 12, (count, 2))], 1))
    scores = torch.tensor(rng.integers(1, 6, count) / 8)
    labels = torch.tensor(rng.integers(0, 3, count))
    rule = MergeRule(0.4, agnostic, cap)
    assert surviving(boxes, scores, labels, rule).tolist() == by_hand(boxes, scores, labels, rule)


@pytest.mark.parametrize("label", [0, 79])
def test_small_boxes_far_away_are_told_apart(label):
    """In float32, class offsets of 80 x 24000 pixels would move edges by an eighth of a pixel."""
    boxes = torch.tensor([[23990.0, 5, 23996, 11], [23992.05, 5, 23998.05, 11]])
    labels = torch.full((2,), label)
    scores = torch.tensor([0.9, 0.8])
    # They share 3.95 of 8.05 pixels.
    assert len(surviving(boxes, scores, labels, MergeRule(0.495))) == 2
    assert len(surviving(boxes, scores, labels, MergeRule(0.485))) == 1


def test_centres_on_an_edge_belong_to_the_core_behind_it():
    cores = torch.tensor([[0, 0, 8, 8], [8, 0, 16, 8]])
    assert held_centres(torch.tensor([[6.0, 0, 10, 4]]), cores, 0).tolist() == [[False, True]]
    assert held_centres(torch.zeros(0, 4), cores).shape == (0, 2)
