"""The resamplers against Pillow's recorded output and against kernels worked out by hand."""

import numpy as np
import pytest
import torch

from mmisr.ops.resample import resize

HALF = (-3, -9, 29, 111, 111, 29, -9, -3)
"""MATLAB's weights at half size in 256ths: Keys' cubic at 1/4, 3/4, 5/4 and 7/4, halved."""
DOUBLE = (-3, 29, 111, -9)
"""Weights in 128ths of an output pixel a quarter of a pixel before an input pixel."""


@pytest.mark.parametrize("mode", ["bilinear", "bicubic", "lanczos"])
@pytest.mark.parametrize("size", [(8, 11), (13, 9), (30, 33)])
def test_pillow_away_from_the_border(golden, pattern, mode, size):
    """Where an image ends Pillow leaves taps out, and we mirror, as MATLAB does."""
    expected = np.array(golden("pillow_resize")["results"][f"{mode} {size[0]}x{size[1]}"])
    resized = resize(pattern(24, 22)[:, :1], size, mode)[0, 0].numpy()
    reach = {"bilinear": 1, "bicubic": 2, "lanczos": 3}[mode]
    rows, columns = (
        untouched(before, after, reach) for before, after in zip((24, 22), size, strict=True)
    )
    assert rows and columns
    np.testing.assert_allclose(
        resized[np.ix_(rows, columns)], expected[np.ix_(rows, columns)], rtol=0, atol=2e-3
    )


def untouched(before: int, after: int, reach: int) -> list[int]:
    """Output pixels whose kernel lies inside the image."""
    stretch = max(1.0, before / after)
    centres = (np.arange(after) + 0.5) * before / after
    inside = (centres - reach * stretch >= 0) & (centres + reach * stretch <= before)
    return np.flatnonzero(inside).tolist()


def test_half_size_has_matlabs_eight_weights():
    impulse = torch.eye(16, dtype=torch.float64)[None, None]
    weights = resize(impulse, (8, 16), "bicubic")[0, 0]
    # Row 3 of the output lies between rows 6 and 7 of the input, and reads rows 3 to 10.
    expected = torch.zeros(16, dtype=torch.float64)
    expected[3:11] = torch.tensor(HALF, dtype=torch.float64) / 256
    assert torch.allclose(weights[3], expected, atol=1e-12)


def test_double_size_has_keys_weights():
    impulse = torch.eye(8, dtype=torch.float64)[None, None]
    weights = resize(impulse, (16, 8), "bicubic")[0, 0]
    # Row 8 of the output lies at 3.75 of the input, and reads rows 2 to 5.
    expected = torch.zeros(8, dtype=torch.float64)
    expected[2:6] = torch.tensor(DOUBLE, dtype=torch.float64) / 128
    assert torch.allclose(weights[8], expected, atol=1e-12)
