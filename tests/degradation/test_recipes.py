"""Recipes against the programs they are named after, and the promises about seeds."""

import cv2
import numpy as np
import pytest
import torch
from mmagic.datasets.transforms.matlab_like_resize import MATLABLikeResize
from skimage import data

from mmisr.degradation.recipes import RECIPES, Degradation

EVERYTHING = {"blur_sigma": (0.2, 2.0), "noise_sigma": (1.0, 8.0), "jpeg_quality": (30, 90)}


@pytest.fixture(scope="module")
def photo() -> np.ndarray:
    """(72, 96, 3) uint8 RGB; both sides divide by 2, 3 and 4."""
    return np.ascontiguousarray(data.astronaut()[30:102, 170:266])


def as_batch(*pixels: np.ndarray) -> torch.Tensor:
    return torch.stack([torch.from_numpy(p.copy()).permute(2, 0, 1) for p in pixels]).float() / 255


def as_pixels(batch: torch.Tensor) -> np.ndarray:
    return (batch[0] * 255).round().byte().permute(1, 2, 0).numpy()


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_cv2_area_is_opencvs_to_the_last_bit(photo, scale):
    expected = cv2.resize(photo, None, fx=1 / scale, fy=1 / scale, interpolation=cv2.INTER_AREA)
    np.testing.assert_array_equal(
        as_pixels(Degradation(scale, "cv2_area")(as_batch(photo), [0])), expected
    )


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_matlab_bicubic_is_mmagics_reference(photo, scale):
    resized = MATLABLikeResize(keys=["img"], scale=1 / scale).transform({"img": photo / 255})["img"]
    expected = np.floor(np.clip(resized, 0, 1) * 255 + 0.5)
    found = as_pixels(Degradation(scale, "matlab_bicubic")(as_batch(photo), [0])).astype(float)
    differing = np.abs(found - expected)
    assert differing.max() <= 1  # of rounding alone
    assert (differing > 0).mean() < 0.001


@pytest.mark.parametrize("scale", [2, 4])
def test_torch_bicubic_noaa_reads_four_pixels(photo, scale):
    """At even factors the centre lies between two pixels.

    Keys' kernel with a = -0.75 at 0.5 and 1.5.
    """
    weights = np.array([-0.09375, 0.59375, 0.59375, -0.09375])

    def reduce(rows: np.ndarray) -> np.ndarray:
        centres = scale * np.arange(len(rows) // scale) + scale // 2 - 2
        taps = np.clip(centres[:, None] + np.arange(4), 0, len(rows) - 1)
        return np.einsum("k,nk...->n...", weights, rows[taps].astype(float))

    expected = reduce(reduce(photo).swapaxes(0, 1)).swapaxes(0, 1)
    found = as_pixels(Degradation(scale, "torch_bicubic_noaa")(as_batch(photo), [0]))
    np.testing.assert_array_equal(found, np.rint(np.clip(expected, 0, 255)))


@pytest.mark.parametrize("recipe", RECIPES)
def test_recipes_differ_and_give_8_bit_levels(photo, recipe):
    lr = Degradation(4, recipe)(as_batch(photo), [0])
    assert lr.shape == (1, 3, 18, 24)
    assert torch.allclose(lr * 255, (lr * 255).round(), atol=1e-4)
    others = [Degradation(4, other)(as_batch(photo), [0]) for other in RECIPES if other != recipe]
    assert all(not torch.equal(lr, other) for other in others)


@pytest.mark.parametrize("recipe", RECIPES)
def test_scale_1_is_the_image(photo, recipe):
    assert torch.equal(Degradation(1, recipe)(as_batch(photo), [0]), as_batch(photo))


@pytest.mark.parametrize("shape", ["iso", "aniso"])
def test_pixels_depend_on_the_seed_and_on_nothing_else(photo, shape):
    degrade = Degradation(4, **EVERYTHING, blur_shape=shape)
    flipped = np.ascontiguousarray(photo[::-1])
    alone = degrade(as_batch(photo), [7])
    torch.rand(3)
    second = degrade(as_batch(flipped, photo), [8, 7])[1:]
    assert torch.equal(alone, second)
    assert not torch.equal(alone, degrade(as_batch(photo), [8]))


@pytest.mark.parametrize("extra", EVERYTHING)
def test_every_extra_changes_the_pixels(photo, extra):
    plain = Degradation(4)(as_batch(photo), [3])
    assert not torch.equal(
        Degradation(4, **{extra: EVERYTHING[extra]})(as_batch(photo), [3]), plain
    )


def test_noise_has_the_deviation_asked_for():
    grey = torch.full((4, 3, 256, 256), 0.5)
    lr = Degradation(4, noise_sigma=(6, 6))(grey, range(4)) * 255
    assert float(lr.std()) == pytest.approx(6, rel=0.03)
    assert float(lr.mean()) == pytest.approx(127.5, abs=0.5)


def test_iso_and_aniso_blur():
    dot = torch.zeros(1, 3, 64, 64)
    dot[..., 31:33, 31:33] = 1
    iso = Degradation(1, blur_sigma=(1, 4), blur_shape="iso")(dot, [5])
    aniso = Degradation(1, blur_sigma=(1, 4))(dot, [5])
    assert torch.equal(iso, iso.mT)
    assert not torch.equal(aniso, aniso.mT)


def test_names_carry_version_and_extras():
    assert Degradation(4).name == "matlab_bicubic@1+x4"
    full = Degradation(2, "cv2_area", (0.2, 2), "iso", (0, 5), (30, 90))
    assert full.name == "cv2_area@1+x2+blur_iso=0.2-2+noise=0-5+jpeg=30-90"


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"recipe": "bicubic"}, "recipe must be one of .*matlab_bicubic.*, got 'bicubic'"),
        ({"scale": 0}, "scale must be a whole number >= 1, got 0"),
        ({"scale": 2.5}, "got 2.5"),
        ({"blur_shape": "round"}, "blur_shape must be 'iso' or 'aniso', got 'round'"),
        ({"blur_sigma": (2, 1)}, r"blur_sigma must be \(low, high\).*got \(2, 1\)"),
        ({"noise_sigma": (-1, 1)}, "noise_sigma"),
        ({"jpeg_quality": (0, 50)}, "jpeg_quality must be .*1 <= low"),
    ],
)
def test_wrong_arguments(arguments, text):
    with pytest.raises(ValueError, match=text):
        Degradation(**{"scale": 4, **arguments})


def test_wrong_batches(photo):
    with pytest.raises(
        ValueError, match="multiples of the scale 4, got 95x72; put mmisr.CropToMultiple before"
    ):
        Degradation(4)(as_batch(photo[:, :95]), [0])
    with pytest.raises(ValueError, match="one entry per image: 1 images, 2 seeds"):
        Degradation(4)(as_batch(photo), [0, 1])
