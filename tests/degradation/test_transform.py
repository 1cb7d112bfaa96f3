"""The transforms that put an LR image beside the HR image."""

import numpy as np
import pytest
import torch
from skimage import data

from mmisr.degradation.recipes import Degradation
from mmisr.degradation.transform import FeedHR, NativeLR, SimulateLR
from mmisr.openmmlab.samples import image_seed


@pytest.fixture
def results() -> dict:
    bgr = np.ascontiguousarray(data.astronaut()[40:104, 160:256, ::-1])
    return {"img": bgr, "img_id": 17, "img_path": "a.png"}


NOISY = {"noise_sigma": (2, 4), "jpeg_quality": (40, 90)}


def test_lr_is_the_batched_operation_in_bgr(results):
    out = SimulateLR(4, **NOISY, seed=3)(dict(results))
    rgb = torch.from_numpy(results["img"][..., ::-1].copy()).permute(2, 0, 1)[None].float() / 255
    expected = Degradation(4, **NOISY)(rgb, [image_seed("3:17")])[0]
    assert out["lr"].dtype == np.uint8
    np.testing.assert_array_equal(
        out["lr"][..., ::-1].transpose(2, 0, 1), (expected * 255).round().numpy()
    )
    assert out["lr_shape"] == (16, 24)
    assert out["lr_recipe"] == "matlab_bicubic@1+x4+noise=2-4+jpeg=40-90"
    assert out["has_hr"]
    np.testing.assert_array_equal(out["img"], results["img"])


def test_noise_follows_the_image_and_the_seed(results):
    first, again = (SimulateLR(4, **NOISY, seed=0)(dict(results))["lr"] for _ in range(2))
    np.testing.assert_array_equal(first, again)
    assert (SimulateLR(4, **NOISY, seed=1)(dict(results))["lr"] != first).any()
    assert (SimulateLR(4, **NOISY, seed=0)({**results, "img_id": 18})["lr"] != first).any()


def test_no_seed_draws_afresh(results):
    transform = SimulateLR(4, **NOISY, seed=None)
    assert (transform(dict(results))["lr"] != transform(dict(results))["lr"]).any()


def test_photometric_floats_are_rounded_before_the_reduction(results):
    bright = results["img"].astype(np.float32) * 1.37 - 20
    out = SimulateLR(4)({**results, "img": bright})
    rounded = np.clip(np.rint(bright), 0, 255).astype(np.uint8)
    np.testing.assert_array_equal(out["img"], rounded)
    np.testing.assert_array_equal(out["lr"], SimulateLR(4)({**results, "img": rounded})["lr"])


def test_native_lr_keeps_the_image(results):
    out = NativeLR()(dict(results))
    assert out["lr"] is out["img"]
    assert out["lr_shape"] == (64, 96)
    assert not out["has_hr"]


def test_feed_hr_keeps_the_sensors_size(results):
    out = FeedHR()(SimulateLR(4)(dict(results)))
    assert out["lr"] is out["img"]
    assert out["lr_shape"] == (16, 24)


def test_feed_hr_alone(results):
    with pytest.raises(KeyError, match="must stand after mmisr.SimulateLR"):
        FeedHR()(results)


def test_unknown_argument_fails_by_name():
    with pytest.raises(TypeError, match="quality"):
        SimulateLR(4, quality=3)
