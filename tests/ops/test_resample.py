"""Resizing against references that share no code with it.

MATLAB's recipe written out, Pillow, torch, plain means.
"""

import math

import numpy as np
import pytest
import torch
from PIL import Image
from skimage import data
from torch.nn import functional as F

from mmisr.ops.resample import MODES, resize

PILLOW = {"bilinear": Image.BILINEAR, "bicubic": Image.BICUBIC, "lanczos": Image.LANCZOS}
KERNEL_MODES = tuple(PILLOW)
SIZES = [
    ((64, 72), (16, 18)),
    ((24, 36), (12, 18)),
    ((25, 31), (9, 7)),
    ((12, 10), (48, 40)),
    ((9, 11), (20, 35)),
]


@pytest.fixture(scope="module")
def photo() -> torch.Tensor:
    """(1, 3, 64, 72) float64 in [0, 1]."""
    pixels = np.ascontiguousarray(data.astronaut()[60:124, 180:252])
    return torch.from_numpy(pixels).permute(2, 0, 1)[None].double() / 255


def cubic(x: float) -> float:
    x = abs(x)
    if x <= 1:
        return 1.5 * x**3 - 2.5 * x**2 + 1
    return -0.5 * x**3 + 2.5 * x**2 - 4 * x + 2 if x <= 2 else 0.0


def matlab_matrix(size_in: int, size_out: int) -> np.ndarray:
    """MATLAB's ``contributions``, 1-based as it stands there, as a dense matrix."""
    scale = size_out / size_in
    width = 4 / min(scale, 1)
    matrix = np.zeros((size_out, size_in))
    for row in range(size_out):
        u = (row + 1) / scale + 0.5 * (1 - 1 / scale)
        left = math.floor(u - width / 2)
        around = list(range(size_in)) + list(range(size_in - 1, -1, -1))
        taps = [left + p for p in range(math.ceil(width) + 2)]
        weights = np.array([min(scale, 1) * cubic(min(scale, 1) * (u - t)) for t in taps])
        for tap, weight in zip(taps, weights / weights.sum(), strict=True):
            matrix[row, around[(tap - 1) % (2 * size_in)]] += weight
    return matrix


@pytest.mark.parametrize(("hw", "to_hw"), SIZES)
def test_bicubic_is_matlabs(photo, hw, to_hw):
    image = photo[..., : hw[0], : hw[1]]
    expected = matlab_matrix(hw[0], to_hw[0]) @ image[0].numpy() @ matlab_matrix(hw[1], to_hw[1]).T
    np.testing.assert_allclose(
        resize(image, to_hw, "bicubic")[0].numpy(), expected, rtol=0, atol=1e-12
    )


@pytest.mark.parametrize("mode", KERNEL_MODES)
@pytest.mark.parametrize(("hw", "to_hw"), SIZES)
def test_kernels_are_pillows_away_from_the_border(photo, mode, hw, to_hw):
    """Pillow renormalises at the border where MATLAB mirrors; inside they agree."""
    image = photo[0, 0, : hw[0], : hw[1]].float()
    expected = np.asarray(Image.fromarray(image.numpy()).resize(to_hw[::-1], PILLOW[mode]))
    found = resize(image[None, None], to_hw, mode)[0, 0].numpy()
    reach = [math.ceil(3 * max(1, to / size)) for size, to in zip(hw, to_hw, strict=True)]
    inside = tuple(slice(r, -r) for r in reach)
    assert expected[inside].size > 0
    np.testing.assert_allclose(found[inside], expected[inside], rtol=0, atol=2e-6)


def test_enlarging_bilinear_is_torchs(photo):
    expected = F.interpolate(photo, size=(150, 100), mode="bilinear", align_corners=False)
    assert torch.allclose(resize(photo, (150, 100), "bilinear"), expected, atol=1e-12)


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_area_is_the_mean_of_the_covered_pixels(photo, scale):
    image = photo[..., : 12 * scale, : 10 * scale]
    blocks = image.reshape(1, 3, 12, scale, 10, scale).mean(dim=(3, 5))
    assert torch.allclose(resize(image, (12, 10), "area"), blocks, atol=1e-12)


def test_nearest_repeats_pixels(photo):
    image = photo[..., :5, :4]
    assert torch.equal(
        resize(image, (15, 12), "nearest"), image.repeat_interleave(3, -2).repeat_interleave(3, -1)
    )


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_convention_pixel_centres_carry_the_half_pixel(scale):
    """An image of its own centre coordinates, enlarged, holds (i + 0.5) / s - 0.5."""
    size = 16
    ramp = torch.arange(size, dtype=torch.float64).expand(1, 1, 1, size)
    expected = (torch.arange(size * scale, dtype=torch.float64) + 0.5) / scale - 0.5
    for mode in ("bilinear", "bicubic"):  # both reproduce straight lines
        inner = slice(2 * scale, -2 * scale)
        assert torch.allclose(
            resize(ramp, (1, size * scale), mode)[0, 0, 0, inner], expected[inner], atol=1e-12
        )


@pytest.mark.parametrize(
    ("mode", "to_hw"),
    [(mode, hw) for mode in MODES for hw in ((16, 18), (128, 216), (45, 101)) if mode != "nearest"]
    + [("nearest", (128, 216))],  # at other factors nearest has to take a side
)
def test_convention_nothing_shifts(photo, mode, to_hw):
    """Mirroring before and after is the same, so no mode moves the image."""
    mirrored = resize(photo.flip(-1, -2), to_hw, mode)
    assert torch.allclose(mirrored, resize(photo, to_hw, mode).flip(-1, -2), atol=1e-12)


def test_convention_values_are_not_clamped():
    step = torch.zeros(1, 1, 1, 16, dtype=torch.float64)
    step[..., 8:] = 1
    found = resize(step, (1, 64), "bicubic")
    assert found.min() < -0.01
    assert found.max() > 1.01


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("to_hw", [(1, 1), (3, 50), (7, 7), (40, 2)])
def test_a_constant_stays_constant(mode, to_hw):
    image = torch.full((2, 3, 5, 9), 0.37)
    assert torch.allclose(resize(image, to_hw, mode), torch.full((2, 3, *to_hw), 0.37), atol=1e-6)


@pytest.mark.parametrize("mode", MODES)
def test_one_pixel_enlarges(mode):
    assert torch.allclose(
        resize(torch.full((1, 3, 1, 1), 0.5), (4, 4), mode), torch.full((1, 3, 4, 4), 0.5)
    )


def test_without_antialias_far_pixels_do_not_count(photo):
    spotted = photo.clone()
    spotted[..., 0, 0] += 5  # 4 taps at x8 start at pixel 2
    sharp = [resize(x, (8, 9), "bicubic", antialias=False) for x in (photo, spotted)]
    smooth = [resize(x, (8, 9), "bicubic") for x in (photo, spotted)]
    assert torch.equal(*sharp)
    assert not torch.allclose(*smooth)


def test_same_size_is_the_input_itself(photo):
    assert resize(photo, tuple(photo.shape[-2:])) is photo


def test_batches_and_types(photo):
    pair = torch.cat([photo, photo.flip(-1)]).float()
    both = resize(pair, (17, 19))
    assert both.dtype == torch.float32
    assert both.is_contiguous()
    assert torch.equal(both[1:], resize(pair[1:], (17, 19)))


@pytest.mark.parametrize("mode", ["bilinear", "bicubic", "area", "lanczos"])
def test_gradients(mode):
    image = torch.rand(1, 2, 5, 4, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: resize(x, (3, 7), mode), (image,))


@pytest.mark.parametrize(
    ("image", "size_hw", "mode", "error", "text"),
    [
        (
            torch.rand(1, 3, 4, 4),
            (8, 8),
            "cubic",
            ValueError,
            "resize mode must be one of .*'bicubic'.*got 'cubic'",
        ),
        (
            torch.rand(1, 3, 4, 4),
            (0, 8),
            "bicubic",
            ValueError,
            r"size_hw must be .*>= 1, got \(0, 8\)",
        ),
        (torch.rand(1, 3, 4, 4), (2.5, 8), "bicubic", ValueError, "whole numbers"),
        (
            torch.rand(3, 4, 4),
            (8, 8),
            "bicubic",
            ValueError,
            r"must have shape \(B, C, H, W\).*got \(3, 4, 4\)",
        ),
        (
            torch.zeros(1, 3, 4, 4, dtype=torch.uint8),
            (8, 8),
            "bicubic",
            TypeError,
            "divide 8-bit pixels by 255",
        ),
    ],
)
def test_wrong_arguments(image, size_hw, mode, error, text):
    with pytest.raises(error, match=text):
        resize(image, size_hw, mode)
