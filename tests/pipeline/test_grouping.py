"""Images of one size form a batch."""

import pytest
import torch

from mmisr.pipeline.grouping import group_by_shape, stacked


@pytest.mark.parametrize(
    ("shapes", "groups"),
    [
        ([], []),
        ([(4, 4)], [[0]]),
        ([(4, 4), (4, 5), (4, 4)], [[0, 2], [1]]),
    ],
)
def test_group_by_shape(shapes, groups):
    assert group_by_shape([torch.zeros(3, *hw) for hw in shapes]) == groups


def test_a_group_is_a_batch_in_its_order():
    images = [torch.full((3, 2, 2), float(value)) for value in range(4)]
    assert stacked(images, [3, 1])[:, 0, 0, 0].tolist() == [3, 1]
