"""PSNR and SSIM by region against scikit-image, mmagic and the arithmetic of masks."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from mmisr.evaluation.functional.region_quality import box_mask, region_quality, ssim_map
from mmisr.openmmlab.evaluation import psnr as mmagic_psnr
from mmisr.openmmlab.evaluation import ssim as mmagic_ssim

NO_BOXES = torch.zeros(0, 4)


def pair_of(hw=(40, 57), seed=0, noise=0.05):
    generator = torch.Generator().manual_seed(seed)
    hr = torch.rand(3, *hw, generator=generator)
    return (hr + noise * torch.randn(3, *hw, generator=generator)).clamp(0, 1), hr


def as_numpy(image, peak=1.0):
    return (image.double() * peak).permute(1, 2, 0).numpy()


@pytest.mark.parametrize(
    ("xyxy", "expected"),
    [
        ([], [[0, 0, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0]]),
        ([[1, 0, 3, 2]], [[0, 1, 1, 0], [0, 1, 1, 0], [0, 0, 0, 0]]),
        ([[0.5, 0, 2.5, 1]], [[1, 1, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0]]),
        ([[0.51, 0, 2.51, 1]], [[0, 1, 1, 0], [0, 0, 0, 0], [0, 0, 0, 0]]),
        ([[0.6, 0.6, 1.4, 1.4]], [[0, 0, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0]]),
        ([[-9, -9, 1, 1], [3, 2, 99, 99]], [[1, 0, 0, 0], [0, 0, 0, 0], [0, 0, 0, 1]]),
        ([[-9, -9, -1, -1], [50, 0, 60, 3]], [[0, 0, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0]]),
    ],
)
def test_convention_a_box_covers_the_pixels_whose_centres_it_holds(xyxy, expected):
    assert (
        box_mask(torch.tensor(xyxy, dtype=torch.float32).reshape(-1, 4), (3, 4)).int().tolist()
        == expected
    )


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("hw", [(40, 57), (11, 30), (64, 33)])
def test_whole_image_agrees_with_scikit_image(seed, hw):
    sr, hr = pair_of(hw, seed)
    found = region_quality(sr, hr, NO_BOXES)
    first, second = as_numpy(sr), as_numpy(hr)
    assert found["psnr_whole"] == pytest.approx(
        peak_signal_noise_ratio(second, first, data_range=1.0), abs=1e-9
    )
    options = {
        "channel_axis": -1,
        "data_range": 1.0,
        "gaussian_weights": True,
        "use_sample_covariance": False,
    }
    assert found["ssim_whole"] == pytest.approx(
        structural_similarity(first, second, **options), abs=1e-9
    )


@pytest.mark.parametrize("crop_border", [0, 4])
def test_whole_image_agrees_with_mmagic(crop_border):
    """mmagic computes in single precision, hence the tolerance."""
    sr, hr = pair_of()
    found = region_quality(sr, hr, NO_BOXES, crop_border)
    images = as_numpy(sr, 255), as_numpy(hr, 255)
    assert found["psnr_whole"] == pytest.approx(mmagic_psnr(*images, crop_border), abs=1e-4)
    assert found["ssim_whole"] == pytest.approx(mmagic_ssim(*images, crop_border), abs=1e-5)


@pytest.mark.parametrize("crop_border", [0, 3])
def test_regions_are_what_masks_say(crop_border):
    sr, hr = pair_of()
    xyxy = torch.tensor([[8.0, 9.0, 30.0, 22.0], [20.0, 15.0, 50.0, 33.0]])
    found = region_quality(sr, hr, xyxy, crop_border)
    keep = slice(crop_border, -crop_border or None)
    inside = np.zeros((40, 57), dtype=bool)
    inside[9:22, 8:30] = inside[15:33, 20:50] = True
    inside = inside[keep, keep]
    first, second = as_numpy(sr)[keep, keep], as_numpy(hr)[keep, keep]
    options = {
        "channel_axis": -1,
        "data_range": 1.0,
        "gaussian_weights": True,
        "use_sample_covariance": False,
    }
    full = structural_similarity(first, second, full=True, **options)[1].mean(-1)[5:-5, 5:-5]
    for name, mask in (("in_box", inside), ("out_box", ~inside)):
        mse = ((first - second)[mask] ** 2).mean()
        assert found[f"psnr_{name}"] == pytest.approx(-10 * np.log10(mse), abs=1e-9)
        assert found[f"ssim_{name}"] == pytest.approx(full[mask[5:-5, 5:-5]].mean(), abs=1e-9)


@settings(max_examples=30, deadline=None)
@given(
    seed=st.integers(0, 999),
    corner=st.tuples(*[st.integers(0, 17)] * 2),
    side=st.tuples(*[st.integers(1, 15)] * 2),
)
def test_error_of_the_whole_is_that_of_its_regions(seed, corner, side):
    sr, hr = pair_of((32, 36), seed)
    xyxy = torch.tensor(
        [[corner[0], corner[1], corner[0] + side[0], corner[1] + side[1]]], dtype=torch.float32
    )
    found = region_quality(sr, hr, xyxy)
    mse = {name: 10 ** (-found[f"psnr_{name}"] / 10) for name in ("whole", "in_box", "out_box")}
    share = side[0] * side[1] / (32 * 36)
    assert mse["whole"] == pytest.approx(
        share * mse["in_box"] + (1 - share) * mse["out_box"], rel=1e-9
    )


def test_an_error_inside_is_seen_inside_alone():
    hr = torch.full((3, 40, 40), 0.5)
    sr = hr.clone()
    sr[:, 15:20, 15:20] += 0.1
    found = region_quality(sr, hr, torch.tensor([[15.0, 15.0, 20.0, 20.0]]))
    assert found["psnr_in_box"] == pytest.approx(20, abs=1e-4)
    assert found["psnr_out_box"] == math.inf
    assert found["ssim_in_box"] < 0.9 < found["ssim_out_box"]


def test_nothing_is_rounded_to_eight_bits():
    hr = torch.full((3, 16, 16), 100 / 255)
    assert region_quality(hr + 0.1 / 255, hr, NO_BOXES)["psnr_whole"] == pytest.approx(
        20 * math.log10(2550), abs=1e-3
    )


def test_equal_images_are_exact():
    _, hr = pair_of()
    found = region_quality(hr, hr, torch.tensor([[5.0, 5.0, 20.0, 20.0]]))
    assert [found[f"psnr_{n}"] for n in ("whole", "in_box", "out_box")] == [math.inf] * 3
    assert [found[f"ssim_{n}"] for n in ("whole", "in_box", "out_box")] == pytest.approx([1] * 3)


@pytest.mark.parametrize(
    ("xyxy", "absent"),
    [([], "in_box"), ([[0, 0, 57, 40]], "out_box"), ([[60, 0, 70, 9]], "in_box")],
)
def test_a_region_without_pixels_has_no_figure(xyxy, absent):
    found = region_quality(*pair_of(), torch.tensor(xyxy, dtype=torch.float32).reshape(-1, 4))
    missing = {name for name, value in found.items() if math.isnan(value)}
    assert missing == {f"psnr_{absent}", f"ssim_{absent}"}


def test_an_image_smaller_than_the_window_has_psnr_alone():
    found = region_quality(*pair_of((10, 30)), NO_BOXES)
    assert math.isfinite(found["psnr_whole"])
    assert math.isnan(found["ssim_whole"])
    assert ssim_map(*pair_of((8, 30))).shape == (0, 20)


@pytest.mark.parametrize(
    ("sr", "hr", "border", "error", "text"),
    [
        (
            torch.rand(3, 8, 8),
            torch.rand(3, 8, 9),
            0,
            ValueError,
            r"got \(3, 8, 8\) and \(3, 8, 9\)",
        ),
        (torch.rand(1, 3, 8, 8), torch.rand(1, 3, 8, 8), 0, ValueError, r"one shape \(3, H, W\)"),
        (
            torch.rand(3, 8, 8),
            torch.zeros(3, 8, 8).byte(),
            0,
            TypeError,
            "hr must be floating point .*torch.uint8",
        ),
        (
            torch.rand(3, 8, 8),
            torch.rand(3, 8, 8),
            4,
            ValueError,
            r"leave pixels of an image of \(8, 8\), got 4",
        ),
        (torch.rand(3, 8, 8), torch.rand(3, 8, 8), -1, ValueError, "crop_border must be >= 0"),
    ],
)
def test_images_that_cannot_be_compared(sr, hr, border, error, text):
    with pytest.raises(error, match=text):
        region_quality(sr, hr, NO_BOXES, border)
