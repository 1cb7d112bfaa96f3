import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mmisr.structures.frames import FrameMap

sizes = st.tuples(st.integers(1, 4000), st.integers(1, 4000))
maps = st.builds(
    FrameMap,
    st.tuples(st.floats(0.05, 20), st.floats(0.05, 20)),
    st.tuples(st.floats(-500, 500), st.floats(-500, 500)),
)
BOX = torch.tensor([[3.0, 5.0, 40.0, 60.0], [0.0, 0.0, 1.0, 1.0]], dtype=torch.float64)


@pytest.mark.parametrize(
    ("from_hw", "to_hw", "box", "expected"),
    [
        ((10, 20), (40, 80), torch.zeros((0, 4)), torch.zeros((0, 4))),
        ((10, 20), (40, 80), torch.tensor([[1.0, 2, 3, 4]]), torch.tensor([[4.0, 8, 12, 16]])),
        ((10, 20), (10, 60), torch.tensor([[1.0, 2, 3, 4]]), torch.tensor([[3.0, 2, 9, 4]])),
        ((30, 30), (10, 20), torch.tensor([[3, 3, 30, 30]]), torch.tensor([[2.0, 1, 20, 10]])),
    ],
)
def test_between_scales_each_axis_by_the_shapes_really_used(from_hw, to_hw, box, expected):
    torch.testing.assert_close(FrameMap.between(from_hw, to_hw).boxes(box), expected)


def test_convention_box_edges_lie_on_pixel_corners():
    """The whole image maps onto the whole image: no half-pixel term."""
    whole = torch.tensor([[0.0, 0.0, 7.0, 5.0]])
    assert FrameMap.between((5, 7), (20, 28)).boxes(whole).tolist() == [[0.0, 0.0, 28.0, 20.0]]


@given(maps)
def test_round_trip_is_the_identity(frame):
    torch.testing.assert_close(frame.inverse().boxes(frame.boxes(BOX)), BOX, rtol=1e-9, atol=1e-6)


@given(maps)
def test_arrays_are_mapped_as_tensors(frame):
    for boxes in (BOX, BOX.float(), BOX.int(), BOX[:0]):
        expected = frame.boxes(boxes).numpy()
        mapped = frame.boxes(boxes.numpy())
        assert mapped.dtype == expected.dtype
        np.testing.assert_array_equal(mapped, expected)


@given(maps, maps)
def test_then_equals_one_after_the_other(first, second):
    torch.testing.assert_close(
        first.then(second).boxes(BOX), second.boxes(first.boxes(BOX)), rtol=1e-9, atol=1e-6
    )


@given(sizes, sizes)
def test_inverse_of_between_is_between_the_other_way(a, b):
    forth, back = FrameMap.between(a, b).inverse(), FrameMap.between(b, a)
    assert forth.scale_xy == pytest.approx(back.scale_xy)


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: FrameMap((0.0, 1.0)), r"scale_xy must be positive.*\(0.0, 1.0\)"),
        (
            lambda: FrameMap.between((0, 4), (4, 4)),
            r"from_hw must be \(height, width\).*got \(0, 4\)",
        ),
        (lambda: FrameMap.between((4, 4), (2.5, 4)), r"to_hw must be \(height, width\)"),
        (lambda: FrameMap().boxes(torch.zeros(4)), r"xyxy must have shape \(N, 4\), got \(4,\)"),
        (lambda: FrameMap().boxes(np.zeros(4)), r"xyxy must have shape \(N, 4\), got \(4,\)"),
    ],
)
def test_errors_state_the_rule_and_what_came(make, text):
    with pytest.raises(ValueError, match=text):
        make()
