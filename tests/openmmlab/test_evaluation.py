"""``MagicQuality`` against scikit-image; mmagic's colour conversion on the right channel order."""

import math

import numpy as np
import pytest
import torch
from skimage.color import rgb2ycbcr
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from mmisr.openmmlab.evaluation import MagicQuality


def sample_of(seed=0):
    generator = torch.Generator().manual_seed(seed)
    return {
        "gt_img": torch.randint(0, 256, (3, 24, 28), generator=generator, dtype=torch.uint8),
        "output": {
            "pred_img": torch.rand(3, 24, 28, generator=generator)
            * torch.tensor([255.0, 200.0, 40.0]).view(3, 1, 1)
        },
    }


def evaluate(samples, **keys):
    metric = MagicQuality(**keys)
    metric.process(None, samples)
    return metric.evaluate(len(samples))


def test_agrees_with_scikit_image_on_eight_bits():
    sample = sample_of()
    hr, sr = (
        t.permute(1, 2, 0).double().round().numpy()
        for t in (sample["gt_img"], sample["output"]["pred_img"])
    )
    found = evaluate([sample])
    assert found["mmagic/PSNR"] == pytest.approx(
        peak_signal_noise_ratio(hr, sr, data_range=255), abs=1e-4
    )
    options = {
        "channel_axis": -1,
        "data_range": 255,
        "gaussian_weights": True,
        "use_sample_covariance": False,
    }
    assert found["mmagic/SSIM"] == pytest.approx(structural_similarity(hr, sr, **options), abs=1e-5)


def test_luma_reads_the_channels_in_rgb_order():
    sample = sample_of()
    luma = [
        rgb2ycbcr(t.permute(1, 2, 0).round().byte().numpy())[..., 0]
        for t in (sample["gt_img"].float(), sample["output"]["pred_img"])
    ]
    expected = peak_signal_noise_ratio(*luma, data_range=255)
    assert evaluate([sample], convert_to="Y")["mmagic/PSNR"] == pytest.approx(expected, abs=0.01)


def test_mean_over_images_and_none():
    values = [evaluate([sample_of(i)])["mmagic/PSNR"] for i in range(2)]
    assert evaluate([sample_of(0), sample_of(1)])["mmagic/PSNR"] == pytest.approx(np.mean(values))
    assert math.isnan(evaluate([])["mmagic/PSNR"])
