"""Encoders and back: pixels of files, sizes, and what is refused."""

import io

import numpy as np
import pytest
import torch
from PIL import Image
from skimage import data

from mmisr.ops.codecs import h264, recoded, webp


@pytest.fixture(scope="module")
def photo() -> np.ndarray:
    return np.ascontiguousarray(data.astronaut()[100:164, 200:281])


def as_tensor(pixels: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(pixels.copy()).permute(2, 0, 1).float() / 255


def test_a_lossless_format_changes_nothing(photo):
    assert torch.equal(recoded(as_tensor(photo), "PNG"), as_tensor(photo))


def test_webp_is_a_file(photo):
    buffer = io.BytesIO()
    Image.fromarray(photo).save(buffer, "WEBP", quality=40)
    expected = as_tensor(np.array(Image.open(buffer).convert("RGB")))
    assert torch.equal(webp(as_tensor(photo), 40), expected)


@pytest.mark.parametrize("frames", [1, 4])
def test_x264_gives_the_same_pixels_again(photo, frames):
    image = as_tensor(photo)
    first, again = (h264(image, 30, frames) for _ in range(2))
    assert torch.equal(first, again)
    assert first.shape == image.shape
    assert first.dtype == image.dtype
    error = float((first - image).square().mean())
    assert 1e-5 < error < 3e-3


def test_values_beyond_the_range_are_clamped(photo):
    bright = as_tensor(photo) * 3 - 1
    assert torch.equal(webp(bright, 80), webp(bright.clamp(0, 1), 80))
    assert torch.equal(h264(bright, 20), h264(bright.clamp(0, 1), 20))


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda image: webp(image, 0), r"WebP quality must be in 1\.\.100, got 0"),
        (lambda image: webp(image, 101), "got 101"),
        (lambda image: h264(image, -1), r"H.264 crf must be in 0\.\.51, got -1"),
        (lambda image: h264(image, 52), "got 52"),
        (lambda image: h264(image, 20, 0), "H.264 frames must be at least 1, got 0"),
    ],
)
def test_wrong_values(photo, make, text):
    with pytest.raises(ValueError, match=text):
        make(as_tensor(photo))
