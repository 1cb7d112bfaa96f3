import pytest
import torch

from mmisr.structures.checks import check_image_batch
from mmisr.structures.editor_info import EditorInfo
from mmisr.structures.pixels import EDITOR_PIXELS, MMDET_PIXELS, PixelSpec
from mmisr.structures.sr_result import RoutingMap, UpscaleHints


def test_pixels_swap_channels_and_stretch_the_range():
    red = torch.tensor([1.0, 0.0, 0.5]).view(3, 1, 1)
    assert EDITOR_PIXELS.convert(red, MMDET_PIXELS).flatten().tolist() == [127.5, 0.0, 255.0]


def test_pixels_round_trip():
    image = torch.rand(2, 3, 4, 5, dtype=torch.float64)
    torch.testing.assert_close(MMDET_PIXELS.convert(EDITOR_PIXELS.convert(image, MMDET_PIXELS), EDITOR_PIXELS), image)


def test_routing_shares_count_tokens_per_image():
    routing = RoutingMap(torch.tensor([[[0, 0], [1, 2]], [[2, 2], [2, 2]]]), token_size=8)
    assert routing.shares().tolist() == [[0.5, 0.25, 0.25], [0.0, 0.0, 1.0]]


def test_hints_select_keeps_order():
    hints = UpscaleHints(boxes_lr=[torch.full((1, 4), float(i)) for i in range(3)], seeds=[7, 8, 9])
    chosen = hints.select([2, 0])
    assert chosen.seeds == [9, 7]
    assert [b[0, 0].item() for b in chosen.boxes_lr] == [2.0, 0.0]


@pytest.mark.parametrize(
    ("make", "error", "text"),
    [
        (lambda: PixelSpec("RGB", 0), ValueError, "max_value must be positive, got 0"),
        (lambda: EditorInfo("x", scale=0), ValueError, "EditorInfo.scale must be at least 1, got 0"),
        (lambda: check_image_batch(torch.zeros(3, 4, 4)), ValueError, r"\(B, 3, H, W\).*got \(3, 4, 4\)"),
        (lambda: check_image_batch(torch.zeros(1, 3, 0, 4)), ValueError, "no empty axis"),
        (
            lambda: check_image_batch(torch.zeros(1, 3, 4, 4, dtype=torch.uint8)),
            TypeError,
            "divide 8-bit pixels by 255",
        ),
    ],
)
def test_errors_state_the_rule_and_what_came(make, error, text):
    with pytest.raises(error, match=text):
        make()
