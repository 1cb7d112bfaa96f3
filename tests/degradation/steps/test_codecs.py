"""Codecs: the very pixels of files, and what is refused."""

import io
import sys

import av
import numpy as np
import pytest
import torch
from PIL import Image, features

from mmisr.degradation.steps.codecs import H264, JPEG, Quantise, WebP


def through_file(pixels: np.ndarray, kind: str, **options) -> torch.Tensor:
    """What Pillow decodes of what it wrote, on the 0..255 scale."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, kind, **options)
    decoded = np.array(Image.open(buffer).convert("RGB"))
    return torch.from_numpy(decoded).permute(2, 0, 1).double()


@pytest.mark.parametrize("chroma", ["4:4:4", "4:2:2", "4:2:0"])
@pytest.mark.parametrize("quality", [1, 30, 95])
def test_jpeg_is_a_file(chroma, quality, alone, pixels, levels):
    found = alone(JPEG((quality, quality), chroma), levels)
    assert torch.equal(found, through_file(pixels, "JPEG", quality=quality, subsampling=chroma))


@pytest.mark.parametrize("quality", [1, 30, 100])
def test_webp_is_a_file(quality, alone, pixels, levels):
    found = alone(WebP((quality, quality)), levels)
    assert torch.equal(found, through_file(pixels, "WEBP", quality=quality))


def test_both_ends_of_a_quality_are_drawn(alone, pixels, levels):
    files = {q: through_file(pixels, "JPEG", quality=q, subsampling="4:2:0") for q in (10, 11, 12)}
    drawn = set()
    for seed in range(40):
        image = alone(JPEG((10, 12)), levels, seed)
        drawn |= {q for q, file in files.items() if torch.equal(image, file)}
    assert drawn == {10, 11, 12}


def test_a_second_compression_on_the_same_grid_changes_little(alone, levels):
    """A shifted grid loses more than the same one: that is what a shift is for."""
    step = JPEG((20, 20), "4:4:4")
    once = alone(step, levels)
    again = alone(step, once)
    shifted = [alone(JPEG((20, 20), "4:4:4", shift=7), once, seed) for seed in range(12)]
    same = float((again - once).square().mean())
    moved = sorted(float((image - once).square().mean()) for image in shifted)
    assert all(image.shape == levels.shape for image in shifted)
    assert same < 0.2 * moved[len(moved) // 2]


def test_x264_loses_more_with_a_higher_crf_and_next_to_nothing_at_0(alone, levels):
    errors = [float((alone(H264((c, c)), levels) - levels).abs().mean()) for c in (0, 20, 35, 51)]
    assert errors == sorted(errors)
    flat = torch.full((3, 31, 33), 128.0, dtype=torch.float64)
    assert float((alone(H264((0, 0)), flat) - flat).abs().max()) <= 2


@pytest.mark.parametrize("hw", [(1, 1), (7, 5), (33, 64), (64, 33)])
def test_x264_takes_any_size(hw, alone, levels):
    image = levels[:, : hw[0], : hw[1]]
    found = alone(H264((23, 23), frames=3), image)
    assert found.shape == image.shape
    assert float((found - image).abs().mean()) < 12


def test_a_frame_of_a_clip_is_in_its_place(alone, levels):
    """The last frame of the pan is the image itself, predicted from those before."""
    still, clip = (alone(H264((30, 30), frames=frames), levels) for frames in (1, 6))
    assert not torch.equal(still, clip)
    error = float((clip - levels).square().mean())
    moved = float((clip - levels.roll(1, -1)).square().mean())
    assert error < 0.5 * moved


def test_quantise():
    values = torch.tensor([-3.0, 0.5, 1.5, 2.4, 254.5, 300.0]).double().view(1, 1, 6)
    run = {"lr_hw": (1, 1), "draw": torch.Generator()}
    assert Quantise()(values, **run).flatten().tolist() == [0, 0, 2, 2, 254, 255]
    assert Quantise("up")(values, **run).flatten().tolist() == [0, 1, 2, 2, 255, 255]


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: JPEG((0, 50)), "step JPEG: quality must be .*1 <= low <= high <= 100, got"),
        (lambda: JPEG((50, 101)), "step JPEG: quality must be"),
        (lambda: JPEG((60, 50)), "step JPEG: quality must be"),
        (lambda: JPEG((5, 9), "4:1:1"), "subsampling must be one of 4:4:4, 4:2:2, 4:2:0, got '4:1"),
        (lambda: JPEG((5, 9), shift=8), "step JPEG: shift must be 0 to 7, got 8"),
        (lambda: WebP((0, 50)), "step WebP: quality must be"),
        (lambda: H264((0, 52)), "step H264: crf must be .*0 <= low <= high <= 51"),
        (lambda: H264((5, 9), 0), "step H264: frames must be at least 1, got 0"),
        (lambda: Quantise("down"), "step Quantise: halves must be one of even, up, got 'down'"),
    ],
)
def test_wrong_values(make, text):
    with pytest.raises(ValueError, match=text):
        make()


def test_what_is_not_installed_says_how(monkeypatch):
    monkeypatch.setattr(features, "check", lambda name: name != "webp")
    with pytest.raises(ImportError, match="Pillow was built without WebP: pip install"):
        WebP((10, 20))
    monkeypatch.setattr(av.codec, "codecs_available", {"h264"})
    with pytest.raises(ImportError, match=r"PyAV was built without libx264: pip install 'mmisr\[v"):
        H264((10, 20))
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(ImportError, match=r"encoded by PyAV: pip install 'mmisr\[video\]'"):
        H264((10, 20))
