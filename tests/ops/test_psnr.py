"""PSNR of 8-bit images."""

import pytest
import torch
from skimage.metrics import peak_signal_noise_ratio

from mmisr.ops.psnr import mse_of_levels, psnr_of_levels


@pytest.mark.parametrize("shave", [0, 3])
def test_equals_scikit_image(shave):
    torch.manual_seed(0)
    sr = torch.randint(256, (2, 3, 20, 17)).byte()
    hr = torch.randint(256, (2, 3, 20, 17)).byte()
    inside = slice(shave, -shave or None)
    expected = [
        peak_signal_noise_ratio(h[:, inside, inside].numpy(), s[:, inside, inside].numpy())
        for s, h in zip(sr, hr, strict=True)
    ]
    assert psnr_of_levels(sr, hr, shave).tolist() == pytest.approx(expected)


def test_equal_images_have_100_db():
    image = torch.zeros(1, 3, 4, 4).byte()
    assert psnr_of_levels(image, image).tolist() == [100.0]
    assert mse_of_levels(image, image + 2).tolist() == [4.0]


@pytest.mark.parametrize(("hw", "shave"), [((4, 5), 0), ((4, 4), 2)])
def test_sizes_are_checked(hw, shave):
    with pytest.raises(ValueError, match=r"images must have one shape, and more than \d pixels"):
        psnr_of_levels(torch.zeros(1, 3, 4, 4), torch.zeros(1, 3, *hw), shave)
