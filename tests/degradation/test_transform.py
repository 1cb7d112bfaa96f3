"""The transforms that put an LR image beside the HR image."""

import numpy as np
import pytest
import torch
from skimage import data

from mmisr.degradation.corruptions import corruption
from mmisr.degradation.mixes import mix
from mmisr.degradation.pipeline import Pipeline
from mmisr.degradation.recipes import Degradation
from mmisr.degradation.steps.base import build_steps
from mmisr.degradation.transform import CorruptLR, FeedHR, NativeLR, SimulateLR
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


STEPS = [
    {"type": "Blur", "sigma": (0.5, 2)},
    {"type": "Resize", "mode": "area"},
    {"type": "JPEG", "quality": (10, 100)},
]


def as_batch(bgr: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(bgr[..., ::-1].copy()).permute(2, 0, 1)[None].float() / 255


def as_bgr(batch: torch.Tensor) -> np.ndarray:
    return (batch[0] * 255).round().byte().permute(1, 2, 0).numpy()[..., ::-1]


@pytest.mark.parametrize(
    ("values", "degrade"),
    [
        ({"steps": STEPS}, Pipeline(4, build_steps(STEPS))),
        ({"recipe": "cajnn"}, mix("cajnn", 4)),
        ({"recipe": "sr4ir"}, mix("sr4ir", 4)),
        ({"recipe": "aeris"}, mix("aeris", 4)),
    ],
)
def test_steps_and_mixes_on_arrays_are_those_on_tensors(results, values, degrade):
    out = SimulateLR(4, **values, seed=3)(dict(results))
    expected = degrade(as_batch(results["img"]), [image_seed("3:17")])
    np.testing.assert_array_equal(out["lr"], as_bgr(expected))
    assert out["lr_recipe"] == degrade.name
    assert out["lr_shape"] == (16, 24)


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ({"recipe": "cajnn", "steps": STEPS}, "recipe or steps, got both: recipe='cajnn' and 3"),
        ({"recipe": "cajnn", "noise_sigma": (0, 1)}, "'cajnn' must say all.*noise_sigma too"),
        ({"steps": STEPS, "jpeg_quality": (9, 9)}, "steps must say all that happens, got jpeg_q"),
        ({"recipe": "cajn"}, "recipe must be one of .*'cajnn'.*'matlab_bicubic'.*, got 'cajn'"),
        ({"steps": [{"type": "Jpeg"}]}, r"must be dict\(type=...\)"),
        ({"steps": [{"type": "JPEG", "quality": (0, 9)}]}, "step JPEG: quality must be"),
    ],
)
def test_who_says_what_happens(values, text):
    with pytest.raises(ValueError, match=text):
        SimulateLR(4, **values)


class TestCorruptLR:
    def test_it_is_the_batched_corruption(self, results):
        lr = SimulateLR(4)(dict(results))["lr"]
        out = CorruptLR("gaussian_noise", 3, seed=5)(SimulateLR(4)(dict(results)))
        seed = image_seed("corrupt:5:17")
        expected = corruption("gaussian_noise", 3)(as_batch(lr), [seed])
        np.testing.assert_array_equal(out["lr"], as_bgr(expected))
        assert out["lr_shape"] == (16, 24)
        np.testing.assert_array_equal(out["img"], results["img"])
        assert out["lr_recipe"].startswith("matlab_bicubic@1+x4+gaussian_noise@1:3+x1+Gaussian")

    def test_native_lr_is_not_written_over(self, results):
        before = results["img"].copy()
        out = CorruptLR("jpeg", 5)(NativeLR()(dict(results)))
        assert (out["lr"] != before).any()
        np.testing.assert_array_equal(out["img"], before)
        assert out["lr_recipe"].startswith("native+jpeg@1:5")

    def test_severity_0_changes_nothing(self, results):
        out = CorruptLR("h264", 0)(SimulateLR(4)(dict(results)))
        np.testing.assert_array_equal(out["lr"], SimulateLR(4)(dict(results))["lr"])

    def test_severities_differ_by_their_strength_alone(self, results):
        """The same draw of noise, more of it."""
        grey = {**results, "img": np.full((64, 96, 3), 120, np.uint8)}
        low, high = (CorruptLR("gaussian_noise", s)(NativeLR()(dict(grey)))["lr"] for s in (1, 4))
        noise = np.stack([low.ravel(), high.ravel()]).astype(float)
        assert np.corrcoef(noise)[0, 1] > 0.98

    def test_wrong_arguments(self, results):
        with pytest.raises(KeyError, match="mmisr.CorruptLR must stand after mmisr.SimulateLR, "):
            CorruptLR("jpeg", 1)(dict(results))
        with pytest.raises(ValueError, match="corruption must be one of"):
            CorruptLR("snow", 1)
        with pytest.raises(ValueError, match="severity must be"):
            CorruptLR("jpeg", 9)
