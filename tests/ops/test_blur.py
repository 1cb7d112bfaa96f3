"""Gaussian blur: closed forms of the kernel, scipy as the reference of the filter."""

import math

import pytest
import torch
from scipy import ndimage

from mmisr.ops.blur import blur, gaussian_kernel


@pytest.mark.parametrize(
    ("sigma_xy", "angle"), [((1.0, 1.0), 0.0), ((3.0, 0.7), 0.0), ((2.5, 0.8), 0.6)]
)
def test_kernel_has_the_covariance_it_was_asked_for(sigma_xy, angle):
    kernel = gaussian_kernel(sigma_xy, angle)
    axis = torch.arange(len(kernel), dtype=torch.float64) - len(kernel) // 2
    y, x = torch.meshgrid(axis, axis, indexing="ij")
    found = [float((kernel * a * b).sum()) for a, b in ((x, x), (y, y), (x, y))]
    cos, sin = math.cos(angle), math.sin(angle)
    sx, sy = (s**2 for s in sigma_xy)
    expected = [sx * cos**2 + sy * sin**2, sx * sin**2 + sy * cos**2, (sx - sy) * sin * cos]
    assert float(kernel.sum()) == pytest.approx(1, abs=1e-12)
    assert found == pytest.approx(
        expected, rel=0.04, abs=1e-6
    )  # three standard deviations hold 97 % of the variance


def test_no_blur_at_a_vanishing_sigma():
    kernel = gaussian_kernel((1e-3, 1e-3))
    assert kernel[1, 1] == 1
    image = torch.rand(1, 3, 4, 5)
    assert torch.equal(blur(image, kernel), image)


def test_convention_first_axis_is_x():
    kernel = gaussian_kernel((3.0, 0.5))
    middle = len(kernel) // 2
    assert kernel[middle].sum() > 0.7
    assert kernel[:, middle].sum() < 0.3


def test_a_kernel_of_a_given_side_is_the_density_there():
    cut = gaussian_kernel((2.0, 1.0), 0.4, side=5)
    whole = gaussian_kernel((2.0, 1.0), 0.4)
    middle = whole[4:9, 4:9]
    assert cut.shape == (5, 5)
    assert torch.allclose(cut, middle / middle.sum(), atol=1e-12)


def test_filter_is_scipys():
    image = torch.rand(1, 2, 9, 12, dtype=torch.float64)
    kernel = gaussian_kernel((1.3, 0.6), 0.4)
    expected = [
        ndimage.correlate(channel.numpy(), kernel.numpy(), mode="nearest") for channel in image[0]
    ]
    assert torch.allclose(
        blur(image, kernel)[0], torch.stack([torch.from_numpy(e) for e in expected]), atol=1e-12
    )


def test_image_smaller_than_the_kernel():
    image = torch.full((1, 3, 2, 1), 0.25)
    assert torch.allclose(blur(image, gaussian_kernel((4.0, 4.0))), image)


def test_wrong_arguments():
    with pytest.raises(ValueError, match=r"sigma_xy must be positive, got \(0, 1\)"):
        gaussian_kernel((0, 1))
    with pytest.raises(ValueError, match="side must be odd and at least 1, got 4"):
        gaussian_kernel((1, 1), side=4)
    with pytest.raises(ValueError, match=r"\(k, k\) with k odd, got \(2, 2\)"):
        blur(torch.rand(1, 3, 4, 4), torch.ones(2, 2))
