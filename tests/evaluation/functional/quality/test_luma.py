"""Luminance, and what criteria refuse."""

import pytest
import torch

from mmisr.evaluation.functional.quality.luma import check_luma, check_mask, luma


def test_primaries_have_their_weights():
    primaries = torch.eye(3).reshape(3, 1, 3)
    expected = [0.299 * 255, 0.587 * 255, 0.114 * 255]
    assert luma(primaries)[0].tolist() == pytest.approx(expected)


@pytest.mark.parametrize(
    ("image", "error", "words"),
    [
        (torch.zeros(1, 4, 4), ValueError, "shape \\(3, H, W\\), got \\(1, 4, 4\\)"),
        (torch.zeros(3, 4, 4, dtype=torch.uint8), TypeError, "divide 8-bit pixels by 255"),
    ],
)
def test_other_images_are_refused(image, error, words):
    with pytest.raises(error, match=words):
        luma(image)


def test_images_that_cannot_be_compared_are_refused():
    image = torch.zeros(8, 8).double()
    with pytest.raises(ValueError, match="IFC compares two images of one shape"):
        check_luma(image, image[:4], 4, "IFC")
    with pytest.raises(ValueError, match="VIF needs 41 pixels on each side, got 8x8"):
        check_luma(image, image, 41, "VIF")
    with pytest.raises(ValueError, match="mask must have the image's shape"):
        check_mask(torch.zeros(4, 4).bool(), image)
