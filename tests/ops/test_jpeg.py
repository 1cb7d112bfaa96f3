"""JPEG: the pixels that a file on disk would have."""

import cv2
import numpy as np
import pytest
import torch
from PIL import Image
from skimage import data

from mmisr.ops.jpeg import CHROMA, jpeg


@pytest.fixture(scope="module")
def photo() -> np.ndarray:
    return np.ascontiguousarray(data.astronaut()[100:164, 200:281])


def as_tensor(pixels: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(pixels.copy()).permute(2, 0, 1).float() / 255


@pytest.mark.parametrize("quality", [10, 60, 95])
def test_pixels_are_those_of_a_file(photo, quality, tmp_path):
    Image.fromarray(photo).save(tmp_path / "x.jpg", quality=quality)
    expected = cv2.imread(str(tmp_path / "x.jpg"))[..., ::-1]
    assert torch.equal(jpeg(as_tensor(photo), quality), as_tensor(expected))


def test_error_grows_as_quality_falls(photo):
    image = as_tensor(photo)
    errors = [float((jpeg(image, quality) - image).square().mean()) for quality in (95, 70, 40, 10)]
    assert errors == sorted(errors)
    assert errors[0] > 0


@pytest.mark.parametrize("quality", [0, 101, -3])
def test_wrong_quality(photo, quality):
    with pytest.raises(ValueError, match=rf"quality must be in 1\.\.100, got {quality}"):
        jpeg(as_tensor(photo), quality)


def test_chroma_costs_in_its_order(photo):
    colourful = as_tensor(photo)[[2, 0, 1]]
    losses = {c: float((jpeg(colourful, 90, c) - colourful).abs().mean()) for c in CHROMA}
    assert sorted(losses, key=losses.get) == list(CHROMA)
    assert torch.equal(jpeg(colourful, 90), jpeg(colourful, 90, "4:2:0"))


def test_wrong_chroma(photo):
    with pytest.raises(ValueError, match=r"JPEG subsampling must be one of .*got '4:1:0'"):
        jpeg(as_tensor(photo), 90, "4:1:0")
