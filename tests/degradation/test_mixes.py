"""The named mixes: what they are made of, and what they equal."""

import math

import pytest
import torch
from skimage import data

from mmisr.degradation.mixes import KERNEL_SHARES, MIXES, SINCS, mix
from mmisr.degradation.recipes import Degradation
from mmisr.degradation.steps.blur import Blur, Sinc
from mmisr.degradation.steps.resize import Resize


@pytest.fixture(scope="module")
def photos() -> torch.Tensor:
    """(2, 3, 200, 240) in [0, 1]."""
    whole = torch.from_numpy(data.astronaut().copy()).permute(2, 0, 1).float() / 255
    return torch.stack([whole[:, :200, 150:390], whole[:, 200:400, 100:340]])


@pytest.mark.parametrize("name", MIXES)
@pytest.mark.parametrize("scale", [2, 4])
def test_every_mix_comes_to_lr(name, scale, photos):
    degrade = mix(name, scale)
    lr = degrade(photos, [3, 4])
    assert lr.shape == (2, 3, 200 // scale, 240 // scale)
    assert torch.equal(degrade(photos[1:], [4])[0], lr[1])
    assert degrade.name.startswith(f"{name}@{MIXES[name].version}+x{scale}+")
    # The scene is still there.
    small = Degradation(scale)(photos, [0, 0])
    stacked = torch.stack([lr.flatten(), small.flatten()])
    assert float(torch.corrcoef(stacked)[0, 1]) > 0.6


def test_cajnn_is_bicubic_and_jpeg(photos):
    expected = Degradation(4, "matlab_bicubic", jpeg_quality=(10, 100))(photos, [1, 2])
    assert torch.equal(mix("cajnn", 4)(photos, [1, 2]), expected)
    assert not torch.equal(mix("cajnn_twice", 4)(photos, [1, 2]), expected)


def test_sr4ir_is_torchs_bicubic(photos):
    expected = Degradation(8, "torch_bicubic_noaa")(photos, [1, 2])
    assert torch.equal(mix("sr4ir", 8)(photos, [1, 2]), expected)


def test_real_esrgan_has_its_published_values():
    """Of options/train_realesrgan_x4plus.yml, read at the official repository."""
    blur, resize, noise, jpeg, blur2, resize2, noise2, last = MIXES["real_esrgan"].steps
    assert sum(KERNEL_SHARES.values()) == pytest.approx(1)
    assert sum(SINCS.values()) == pytest.approx(1)
    assert sum(blur.shares[-2:]) == pytest.approx(0.1)
    assert blur.shares[0] == pytest.approx(0.9 * 0.45)
    kinds = [option[0] for option in blur.options]
    gaussians = [kind for kind in kinds if isinstance(kind, Blur)]
    assert [(g.profile, g.shape) for g in gaussians] == list(KERNEL_SHARES)
    assert {g.sigma for g in gaussians} == {(0.2, 3.0)}
    assert {g.side for g in gaussians} == {(7, 21)}
    assert [k for k in kinds if isinstance(k, Sinc)] == list(SINCS)
    assert [s.cutoff[0] for s in SINCS] == [math.pi / 3, math.pi / 5]
    second, nothing = blur2.options
    assert (blur2.shares, nothing) == ((0.8, 0.2), ())
    assert second[0].options[0][0].sigma == (0.2, 1.5)
    factors = [[option[0].factor for option in r.options] for r in (resize, resize2)]
    assert factors[0] == [(1.0, 1.5), (0.15, 1.0), (1.0, 1.0)]
    assert factors[1] == [(1.0, 1.2), (0.3, 1.0), (1.0, 1.0)]
    assert (resize.shares, resize2.shares) == ((0.2, 0.7, 0.1), (0.3, 0.4, 0.3))
    assert [r.options[0][0].of for r in (resize, resize2)] == ["image", "lr"]
    for step, sigma, scale in ((noise, 30.0, 3.0), (noise2, 25.0, 2.5)):
        (gaussian,), (poisson,) = step.options
        assert (gaussian.sigma, gaussian.gray_share) == ((1.0, sigma), 0.4)
        assert (poisson.scale, poisson.photons, poisson.gray_share) == ((0.05, scale), None, 0.4)
    assert jpeg.quality == (30, 95)
    before, after = last.options
    assert [type(step).__name__ for step in before] == ["Resize", "OneOf", "JPEG"]
    assert [type(step).__name__ for step in after] == ["JPEG", "Resize", "OneOf"]
    assert before[0] == Resize(("area", "bilinear", "torch_bicubic"), antialias=False)
    assert before[1].shares == (0.8, 0.2)


def test_real_esrgan_needs_more_pixels_than_its_kernels(photos):
    degrade = mix("real_esrgan", 4)
    text = r"a kernel must not be larger than the image, got \d+x\d+"
    with pytest.raises(ValueError, match=text):
        for seed in range(60):
            degrade(photos[:1, :, :32, :32], [seed])
