import pytest
import torch

from mmisr.structures.checks import check_image_batch
from mmisr.structures.editor_info import EditorInfo
from mmisr.structures.hints import ImageHints, every
from mmisr.structures.pixels import EDITOR_PIXELS, MMDET_PIXELS, PixelSpec
from mmisr.structures.sr_result import RoutingMap, SRResult


def test_pixels_swap_channels_and_stretch_the_range():
    red = torch.tensor([1.0, 0.0, 0.5]).view(3, 1, 1)
    assert EDITOR_PIXELS.convert(red, MMDET_PIXELS).flatten().tolist() == [127.5, 0.0, 255.0]


def test_pixels_round_trip():
    image = torch.rand(2, 3, 4, 5, dtype=torch.float64)
    torch.testing.assert_close(
        MMDET_PIXELS.convert(EDITOR_PIXELS.convert(image, MMDET_PIXELS), EDITOR_PIXELS), image
    )


def test_routing_shares_count_tokens_per_image():
    routing = RoutingMap(torch.tensor([[[0, 0], [1, 2]], [[2, 2], [2, 2]]]), token_size=8)
    assert routing.shares().tolist() == [[0.5, 0.25, 0.25], [0.0, 0.0, 1.0]]


def test_a_routing_map_names_any_number_of_exits():
    routing = RoutingMap(
        torch.tensor([[[0, 1, 1, 3]]]), token_size=8, exit_names=("a", "b", "c", "d")
    )
    assert routing.shares().tolist() == [[0.25, 0.5, 0.0, 0.25]]
    assert routing.cropped((8, 17)).exits.tolist() == [[[0, 1, 1]]]
    assert (
        routing.cropped((8, 17)).exit_names == routing.image(0).exit_names == ("a", "b", "c", "d")
    )


def test_a_field_counts_only_where_every_image_has_it():
    hints = [ImageHints(seed=7), ImageHints(seed=9, boxes_lr=torch.zeros((0, 4)))]
    assert every(hints, "seed") == [7, 9]
    assert every(hints, "boxes_lr") is None
    assert every(hints[1:], "boxes_lr")[0].shape == (0, 4)
    assert every([], "seed") is every(None, "seed") is None


def test_a_result_splits_into_images_with_all_that_it_has():
    routing = RoutingMap(torch.tensor([[[0, 2]], [[1, 1]]]), token_size=8)
    aux = {"logits": torch.arange(2)[:, None], "temperature": torch.tensor(3.0)}
    first, second = SRResult(torch.arange(2.0).view(2, 1, 1, 1), routing, aux).split()
    assert (first.image.item(), second.image.item()) == (0.0, 1.0)
    assert (first.routing.exits.tolist(), second.routing.exits.tolist()) == ([[[0, 2]]], [[[1, 1]]])
    assert (first.aux["logits"].tolist(), second.aux["logits"].tolist()) == ([[0]], [[1]])
    assert first.aux["temperature"] == second.aux["temperature"] == 3


@pytest.mark.parametrize(
    ("make", "error", "text"),
    [
        (lambda: PixelSpec("RGB", 0), ValueError, "max_value must be positive, got 0"),
        (
            lambda: EditorInfo("x", scale=0),
            ValueError,
            "EditorInfo.scale must be at least 1, got 0",
        ),
        (
            lambda: check_image_batch(torch.zeros(3, 4, 4)),
            ValueError,
            r"\(B, 3, H, W\).*got \(3, 4, 4\)",
        ),
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
