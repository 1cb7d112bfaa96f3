"""VIF: windows around boxes, what is too small, and no torchmetrics."""

import math
from importlib.util import find_spec

import pytest
import torch

from mmisr.evaluation.functional.quality import vif as room
from mmisr.evaluation.functional.quality.vif import vif, vif_in_boxes

needs_it = pytest.mark.skipif(find_spec("torchmetrics") is None, reason="torchmetrics is optional")


@pytest.fixture
def image() -> torch.Tensor:
    return 255 * torch.rand(60, 80, generator=torch.Generator().manual_seed(0)).double()


@needs_it
def test_equal_images_have_one_and_constant_ones_none(image):
    assert vif(image, image) == pytest.approx(1, abs=1e-4)
    assert vif(image, image.mean().expand(60, 80)) == pytest.approx(0, abs=1e-3)
    assert math.isnan(vif(torch.full_like(image, 3.0), image))


@needs_it
@pytest.mark.parametrize("mean", [3, 240])
def test_a_constant_changes_nothing_where_little_varies(mean):
    """Against double precision, whose squares lose nothing."""
    generator = torch.Generator().manual_seed(0)
    smooth = torch.arange(48).double() / 40
    reference = mean + smooth + 0.4 * torch.randn(48, 48, generator=generator).double()
    test = reference + torch.randn(48, 48, generator=generator).double()
    compute = room._torchmetrics()
    exact = float(compute(test[None, None], reference[None, None]))
    assert vif(reference, test) == pytest.approx(exact, rel=1e-3)
    assert vif(reference, torch.full_like(test, mean)) == 0


@needs_it
def test_an_odd_pixel_is_no_contrast(image):
    odd = torch.full_like(image, 200.0)
    odd[30, 40] += 10
    assert math.isnan(vif(odd, torch.full_like(image, 200.0)))


@needs_it
def test_in_boxes_it_is_the_mean_of_windows_of_41_pixels(image):
    test = image.clone()
    test[:, 41:] = 0
    corner = torch.tensor([[0.0, 0.0, 4.0, 4.0]])
    right = torch.tensor([[60.0, 20.0, 80.0, 40.0]])
    kept = vif(image[:41, :41], test[:41, :41])
    lost = vif(image[9:50, 39:80], test[9:50, 39:80])
    assert vif_in_boxes(image, test, corner) == kept == pytest.approx(1, abs=1e-4)
    both = torch.cat([corner, right])
    assert vif_in_boxes(image, test, both) == pytest.approx((kept + lost) / 2)
    assert math.isnan(vif_in_boxes(image, test, torch.zeros(0, 4)))


def test_small_images_are_refused(image):
    for function in (vif, lambda a, b: vif_in_boxes(a, b, torch.zeros(0, 4))):
        with pytest.raises(ValueError, match="VIF needs 41 pixels on each side, got 40x80"):
            function(image[:40], image[:40])


def test_without_torchmetrics_it_says_what_to_install(image, monkeypatch):
    monkeypatch.setattr(room, "has_vif", lambda: False)
    with pytest.raises(ImportError, match="pip install torchmetrics"):
        vif(image, image)
