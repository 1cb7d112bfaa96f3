"""The steps that make LR, each against the recorded output of the program it is named after."""

import pytest
import torch

from mmisr.degradation.recipes import RECIPES, Degradation
from mmisr.ops.blur import blur, gaussian_kernel
from mmisr.ops.jpeg import jpeg


def levels(image: torch.Tensor) -> torch.Tensor:
    """(3, H, W) in [0, 1] to (H, W, 3) levels, as the recorded rows are."""
    return (image * 255).permute(1, 2, 0)


@pytest.mark.parametrize("recipe", RECIPES)
@pytest.mark.parametrize("scale", [2, 4])
def test_recipe(golden, pattern, recipe, scale):
    expected = torch.tensor(golden("lr_recipes")["results"][f"{recipe} x{scale}"])
    lr = Degradation(scale, recipe)(pattern(16, 24) / 255, [0])[0]
    assert torch.equal(levels(lr).round(), expected.double())


def test_blur(golden, pattern):
    expected = torch.tensor(golden("lr_recipes")["results"]["blur 1.5"], dtype=torch.float64)
    blurred = blur(pattern(16, 24), gaussian_kernel((1.5, 1.5)))[0].permute(1, 2, 0)
    assert torch.allclose(blurred, expected, rtol=0, atol=1e-4)


@pytest.mark.parametrize("quality", [30, 90])
def test_jpeg(golden, pattern, quality):
    """Builds of libjpeg may round differently by a level."""
    expected = torch.tensor(golden("lr_recipes")["results"][f"jpeg {quality}"]).double()
    read = levels(jpeg(pattern(16, 24)[0] / 255, quality))
    assert (read - expected).abs().max() <= 1.001


def test_the_whole_recipe_is_its_steps_in_order(pattern):
    """Blur, reduce, compress: what SimulateLR documents, with nothing left to chance."""
    hr = pattern(16, 24) / 255
    whole = Degradation(2, "cv2_area", (1.5, 1.5), "iso", None, (90, 90))(hr, [0])[0]
    blurred = blur(hr * 255, gaussian_kernel((1.5, 1.5)))
    means = blurred.reshape(1, 3, 8, 2, 12, 2).mean(dim=(3, 5))
    reduced = torch.floor(means + 0.5).clamp(0, 255) / 255
    assert torch.allclose(whole, jpeg(reduced[0], 90))
