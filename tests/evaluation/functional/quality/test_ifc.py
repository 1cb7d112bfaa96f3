"""IFC against a loop over its definition, and what must hold of it."""

import math

import numpy as np
import pytest
import torch
from skimage import data
from torch.nn import functional as F

from mmisr.evaluation.functional.quality.ifc import ifc
from mmisr.evaluation.functional.quality.steerable import subbands


@pytest.fixture(scope="module")
def photo() -> torch.Tensor:
    return torch.as_tensor(data.camera()).double()[60:168, 180:300]


def noisy(image: torch.Tensor, sigma: float) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    return image + sigma * torch.randn(image.shape, generator=generator).double()


def blurred(image: torch.Tensor, side: int) -> torch.Tensor:
    padded = F.pad(image[None, None], [side // 2] * 4, mode="reflect")
    return F.avg_pool2d(padded, side, stride=1)[0, 0]


def by_loops(reference: torch.Tensor, test: torch.Tensor) -> float:
    """The specification, block by block, in numpy."""
    total = 0.0
    pairs = zip(subbands(reference), subbands(test), strict=True)
    for number, (of_reference, of_test) in enumerate(pairs):
        for x, y in zip(of_reference, of_test, strict=True):
            total += bits_by_loops(x.numpy(), y.numpy(), 2 ** (4 - number) + 1)
    return total / reference.numel()


def bits_by_loops(x: np.ndarray, y: np.ndarray, window: int) -> float:
    rows, columns = (side // 3 for side in x.shape)
    x, y = x[: 3 * rows, : 3 * columns], y[: 3 * rows, : 3 * columns]
    half = window // 2
    wide_x, wide_y = np.pad(x, half, mode="reflect"), np.pad(y, half, mode="reflect")
    vectors = [
        x[i : i + 3, j : j + 3].ravel() for i in range(3 * rows - 2) for j in range(3 * columns - 2)
    ]
    covariance = np.cov(np.array(vectors).T, bias=True)
    inverse = np.linalg.inv(covariance)
    energies = np.linalg.eigvalsh(covariance)
    border = math.ceil(half / 3)
    bits = 0.0
    for i in range(border, rows - border):
        for j in range(border, columns - border):
            u = x[3 * i : 3 * i + 3, 3 * j : 3 * j + 3].ravel()
            top, left = 3 * i + 1, 3 * j + 1
            a = wide_x[top : top + window, left : left + window].ravel()
            b = wide_y[top : top + window, left : left + window].ravel()
            gain, noise = channel_by_definition(a, b)
            strength = u @ inverse @ u / 9
            bits += np.log2(1 + gain**2 * strength * energies / (noise + 1e-10)).sum()
    return bits


def channel_by_definition(a: np.ndarray, b: np.ndarray) -> tuple[float, float]:
    var_a = ((a - a.mean()) ** 2).sum()
    var_b = ((b - b.mean()) ** 2).sum()
    covariance = ((a - a.mean()) * (b - b.mean())).sum()
    gain = covariance / (var_a + 1e-15)
    noise = (var_b - gain * covariance) / len(a)
    if gain < 0:
        gain, noise = 0.0, var_b
    return gain, max(noise, 1e-15)


@pytest.mark.parametrize("change", [lambda x: noisy(x, 10), lambda x: blurred(x, 3)])
def test_it_is_what_a_loop_over_its_definition_gives(photo, change):
    test = change(photo)
    assert ifc(photo, test) == pytest.approx(by_loops(photo, test), rel=1e-6)


def test_it_falls_with_noise_and_with_blur(photo):
    of_noise = [ifc(photo, noisy(photo, sigma)) for sigma in (0, 1, 4, 16, 64)]
    of_blur = [ifc(photo, blurred(photo, side)) for side in (1, 3, 5, 9)]
    for values in (of_noise, of_blur):
        assert values == sorted(values, reverse=True)
        assert math.isfinite(values[0])


def test_a_constant_image_keeps_nothing_and_a_constant_reference_has_nothing(photo):
    flat = torch.full_like(photo, 90.0)
    assert ifc(photo, flat) == 0
    assert ifc(flat, photo) == 0


def test_a_constant_changes_nothing_and_noise_has_no_use_for_contrast(photo):
    test = noisy(photo, 8)
    assert ifc(photo, test + 31) == pytest.approx(ifc(photo, test), rel=1e-9)
    assert ifc(photo, 2 * test) == pytest.approx(ifc(photo, test), rel=1e-6)


def test_of_a_mask_it_is_what_lies_in_it(photo):
    test = photo.clone()
    test[:, :60] = noisy(photo, 30)[:, :60]
    spoilt = torch.zeros_like(photo, dtype=torch.bool)
    spoilt[:, :48] = True
    assert ifc(photo, test, spoilt) < ifc(photo, test, ~spoilt)
    assert math.isnan(ifc(photo, test, torch.zeros_like(spoilt)))
    # Of a mask of everything, only the pixels of blocks away from the border are in the share.
    everything = torch.ones_like(spoilt)
    inner = (108 - 18) * (120 - 18)
    assert ifc(photo, test, everything) * inner == pytest.approx(ifc(photo, test) * photo.numel())


def test_of_a_box_at_the_border_only_what_is_counted_is_in_the_share(photo):
    """Blocks within 9 pixels of the border never count."""
    inner = torch.zeros_like(photo, dtype=torch.bool)
    inner[36:72, 9:21] = True
    reaching = inner.clone()
    reaching[36:72, :9] = True
    assert ifc(photo, photo, reaching) == ifc(photo, photo, inner)
    assert ifc(photo, photo, inner) > 20
    outside = reaching & ~inner
    assert math.isnan(ifc(photo, photo, outside))
    narrow = torch.zeros_like(inner)
    narrow[40:60, 42] = True  # between two columns of middles
    assert math.isnan(ifc(photo, photo, narrow))


def test_the_border_is_left_out_first(photo):
    test = photo.clone()
    test[:4] = 0
    inner = photo[4:-4, 4:-4]
    assert ifc(photo, test, crop_border=4) == ifc(inner, inner)


def test_small_images_are_refused(photo):
    with pytest.raises(ValueError, match="IFC needs 72 pixels on each side, got 71x120"):
        ifc(photo[:71], photo[:71])
    with pytest.raises(ValueError, match="IFC needs 72"):
        ifc(photo, photo, crop_border=60)
