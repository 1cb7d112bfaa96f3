"""The random degradation of AERIS: what is drawn, how often, and what it does to pixels."""

import math
from collections import Counter

import numpy as np
import pytest
import torch
from scipy import ndimage, stats
from skimage import data

from mmisr.degradation.aeris import (
    KERNEL_SIDES,
    RESIZES,
    AerisViews,
    Blur,
    Draw,
    draw_blur,
    noisy,
)
from mmisr.degradation.recipes import Degradation
from mmisr.ops.resample import resize

COUNT = 4000
ALMOST_NEVER = 1e-3
"""Below it a test of a distribution fails; the seeds are fixed, so it never does by chance."""


@pytest.fixture(scope="module")
def photo() -> torch.Tensor:
    """(3, 64, 96) RGB in [0, 1]."""
    pixels = np.ascontiguousarray(data.astronaut()[30:94, 170:266])
    return torch.from_numpy(pixels).permute(2, 0, 1).float() / 255


@pytest.fixture(scope="module")
def drawn() -> list[Draw]:
    views = AerisViews()
    return [views.draw(torch.Generator().manual_seed(seed)) for seed in range(COUNT)]


def equally_often(values, options) -> None:
    counts = Counter(values)
    assert set(counts) == set(options)
    assert stats.chisquare([counts[option] for option in options]).pvalue > ALMOST_NEVER


def is_uniform(values, low: float, high: float) -> None:
    assert stats.kstest(values, "uniform", (low, high - low)).pvalue > ALMOST_NEVER


class TestTheSide:
    @pytest.mark.parametrize(
        ("arguments", "longest", "expected"),
        [
            ({}, 512, list(range(128, 513, 32))),
            ({}, 96, [32, 64, 96]),
            ({"scale": (6, 10), "multiple": 4}, 320, [32, 36, 40, 44, 48, 52]),
            ({"scale": (8, 8), "multiple": 1}, 320, [40]),
            ({"scale": (3.2, 3.2), "multiple": 10}, 320, [100]),
            ({"scale": (1, 4), "multiple": 1}, 3, [1, 2, 3]),
        ],
    )
    def test_table(self, arguments, longest, expected):
        assert AerisViews(**arguments).sides(longest) == expected

    def test_it_is_one_for_the_batch_and_each_as_likely(self, photo):
        views = AerisViews(mode="resolution", multiple=8)
        images = [photo, photo.flip(1), photo.flip(2)]
        widths = []
        for seed in range(390):
            found = views(images, seed, [3 * seed, 3 * seed + 1, 3 * seed + 2])
            (hw,) = {tuple(image.shape) for image in found}
            widths.append(hw[2])
        equally_often(widths, range(24, 97, 8))

    def test_it_is_the_batchs_whatever_its_images_drew(self, photo):
        """So that processes, which have other images, have the same."""
        views = AerisViews(mode="resolution", multiple=8)
        shapes = {tuple(views([photo], 3, [seed])[0].shape) for seed in range(20)}
        assert len(shapes) == 1

    def test_images_of_unlike_sizes_share_the_factor(self, photo):
        small, large = AerisViews(scale=(2, 2), multiple=4)([photo[:, :30, :50], photo], 0, [0, 1])
        assert small.shape == (3, 15, 25)
        assert large.shape == (3, 32, 48)

    def test_none_that_fits_is_an_error(self):
        with pytest.raises(
            ValueError, match=r"no multiple of 32 lies between 1/4 and 1/3 of an image's 90 pixels"
        ):
            AerisViews(scale=(3, 4)).sides(90)


class TestDraws:
    def test_no_blur_isotropic_and_anisotropic_are_as_likely(self, drawn):
        kinds = []
        for one in drawn:
            variances = one.blur.variances if one.blur else None
            kinds.append("none" if variances is None else variances[0] == variances[1])
        equally_often(kinds, ("none", True, False))

    def test_sides_of_kernels(self, drawn):
        equally_often([one.blur.side for one in drawn if one.blur], KERNEL_SIDES)
        assert KERNEL_SIDES == (7, 9, 11, 13, 15, 17, 19, 21)

    def test_isotropic_variances(self, drawn):
        blurs = [one.blur for one in drawn if one.blur]
        iso = [b for b in blurs if b.variances[0] == b.variances[1]]
        assert {b.angle for b in iso} == {0.0}
        is_uniform([b.variances[0] for b in iso], 0.1, 2.4)

    def test_anisotropic_variances_and_angles(self, drawn):
        blurs = [one.blur for one in drawn if one.blur]
        aniso = [b for b in blurs if b.variances[0] != b.variances[1]]
        is_uniform([b.variances[0] for b in aniso], 0.5, 6)
        # U(0.5, l1), whatever l1 is
        is_uniform([(b.variances[1] - 0.5) / (b.variances[0] - 0.5) for b in aniso], 0, 1)
        is_uniform([b.angle for b in aniso], 0, math.pi)

    def test_resizes_and_noise(self, drawn):
        equally_often([one.resize for one in drawn], RESIZES)
        is_uniform([one.noise_sigma for one in drawn], 0, 25)

    def test_the_range_of_the_noise_can_be_set(self):
        views = AerisViews(noise_sigma=(3, 5))
        draws = [views.draw(torch.Generator().manual_seed(seed)) for seed in range(500)]
        is_uniform([one.noise_sigma for one in draws], 3, 5)


class TestKernel:
    @pytest.mark.parametrize("side", KERNEL_SIDES)
    def test_it_sums_to_1_whatever_it_cuts_off(self, side):
        kernel = Blur(side, (6.0, 2.0), 0.7).kernel
        assert kernel.shape == (side, side)
        assert float(kernel.sum()) == pytest.approx(1, abs=1e-12)

    # Below a variance of 0.4 the density on whole pixels has less of it than it says: 0.013 at 0.1.
    @pytest.mark.parametrize(
        ("variances", "angle"),
        [
            ((0.4, 0.4), 0.0),
            ((1.25, 1.25), 0.0),
            ((2.4, 2.4), 0.0),
            ((2.4, 0.5), 0.0),
            ((2.4, 0.5), 1.0),
            ((2.0, 0.6), 2.5),
        ],
    )
    def test_its_second_moment_is_sigma(self, variances, angle):
        kernel = Blur(21, variances, angle).kernel.numpy()
        y, x = np.mgrid[-10:11, -10:11]
        found = [[(kernel * a * b).sum() for a in (x, y)] for b in (x, y)]
        turn = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
        sigma = turn @ np.diag(variances) @ turn.T
        np.testing.assert_allclose(found, sigma, rtol=0.05, atol=1e-3)


class TestPixels:
    def test_blur_then_resize(self, photo):
        """Against scipy's filter, the kernel written out."""
        change = Blur(9, (4.0, 1.0), 0.6)
        views = AerisViews(scale=(2, 2))
        found = views.view(photo, (32, 48), Draw(change, "nearest", 0.0), torch.Generator())
        y, x = np.mgrid[-4:5, -4:5]
        along = x * math.cos(0.6) + y * math.sin(0.6)
        across = y * math.cos(0.6) - x * math.sin(0.6)
        kernel = np.exp(-0.5 * (along**2 / 4 + across**2 / 1))
        soft = [ndimage.correlate(c, kernel / kernel.sum(), mode="nearest") for c in photo.numpy()]
        expected = np.stack(soft)[:, 1::2, 1::2]
        np.testing.assert_allclose(found, expected, atol=1e-5)

    @pytest.mark.parametrize("mode", RESIZES)
    def test_the_resize_does_not_filter_unless_asked(self, photo, mode):
        for antialias in (False, True):
            views = AerisViews(scale=(4, 4), mode="resolution", antialias=antialias)
            found = views.view(photo, (16, 24), Draw(None, mode, 9.0), torch.Generator())
            assert torch.equal(found, resize(photo[None], (16, 24), mode, antialias)[0])

    def test_noise_has_the_deviation_drawn_and_comes_after_the_resize(self):
        grey = torch.full((3, 256, 256), 0.5)
        drawn = Draw(Blur(21, (2.0, 2.0)), "bilinear", 12.0)
        draw = torch.Generator().manual_seed(4)
        found = AerisViews(scale=(2, 2)).view(grey, (128, 128), drawn, draw)
        noise = (found - 0.5) * 255
        assert float(noise.std()) == pytest.approx(12, rel=0.02)
        assert float(noise.mean()) == pytest.approx(0, abs=0.2)
        neighbours = np.corrcoef(noise[:, :, 1:].flatten(), noise[:, :, :-1].flatten())
        assert abs(neighbours[0, 1]) < 0.02

    def test_nb_is_the_full_view_enlarged(self, photo):
        seeds = {"batch_seed": 5, "seeds": [6]}
        (full,) = AerisViews(scale=(3, 3))([photo], **seeds)
        (back,) = AerisViews(scale=(3, 3), mode="nb")([photo], **seeds)
        assert full.shape != photo.shape
        assert torch.equal(back, resize(full[None], (64, 96), "bicubic")[0])

    def test_resolution_has_neither_blur_nor_noise(self):
        grey = torch.full((3, 64, 96), 0.25)
        for seed in range(10):
            (found,) = AerisViews(mode="resolution")([grey], seed, [seed])
            assert torch.allclose(found, torch.full_like(found, 0.25), atol=1e-6)

    def test_what_an_x8_pair_sees_at_test_is_among_the_views(self, photo):
        """But for the rounding to 8 bits: no blur, no noise, the bicubic kernel."""
        views = AerisViews(scale=(6, 10), mode="nb", multiple=4, antialias=True)
        assert 12 in views.sides(96)
        found = views.view(photo, (8, 12), Draw(None, "bicubic", 0.0), torch.Generator())
        lr = Degradation(8, "matlab_bicubic")(photo[None], [0])
        pair = resize(lr, (64, 96), "bicubic")[0]
        assert float((found - pair).abs().max()) < 1 / 255

    def test_a_view_depends_on_its_seed_and_the_batchs(self, photo):
        views = AerisViews()
        (alone,) = views([photo], 1, [7])
        torch.rand(3)
        _, second = views([photo.flip(2), photo], 1, [8, 7])
        assert torch.equal(alone, second)
        (other,) = views([photo], 1, [8])
        assert not torch.equal(alone, other)

    def test_noise_is_of_the_images_type(self, photo):
        draw = torch.Generator().manual_seed(0)
        assert noisy(photo.half(), 0.1, draw).dtype == torch.float16


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"mode": "blur"}, "views.mode must be one of full, nb, resolution, got 'blur'"),
        ({"scale": (4, 2)}, r"1 <= low <= high, got \(4, 2\)"),
        ({"scale": (0.5, 2)}, "views.scale must be"),
        ({"scale": (1, math.inf)}, "views.scale must be"),
        ({"scale": 4}, "views.scale must be"),
        ({"multiple": 0}, "multiple >= 1 .* got multiple=0"),
        ({"noise_sigma": (5, 1)}, r"noise_sigma=\(5, 1\)"),
        ({"noise_sigma": (0, 256)}, r"noise_sigma=\(0, 256\)"),
        ({"antialias": "no"}, "views.antialias must be bool"),
    ],
)
def test_wrong_values_are_named(arguments, text):
    with pytest.raises(ValueError, match=text):
        AerisViews(**arguments)


def test_a_blur_is_drawn_from_its_generator_alone():
    one = draw_blur(torch.Generator().manual_seed(3))
    torch.rand(5)
    assert draw_blur(torch.Generator().manual_seed(3)) == one
