import pytest
import torch

from mmisr.ops.resample import MODES
from mmisr.registry import MODELS


def resample(**keys):
    return MODELS.build({"type": "mmisr.Resample", **keys}).eval()


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("hw", [(1, 1), (7, 5), (16, 9)])
def test_output_is_exactly_the_scale(mode, hw):
    image = resample(mode=mode, scale=3).upscale(torch.rand(2, 3, *hw)).image
    assert image.shape == (2, 3, 3 * hw[0], 3 * hw[1])
    assert 0 <= image.min() <= image.max() <= 1


def test_scale_one_is_the_identity_bit_for_bit():
    lr = torch.rand(1, 3, 9, 11)
    assert torch.equal(resample(scale=1).upscale(lr).image, lr)


@pytest.mark.parametrize("mode", MODES)
def test_a_flat_image_stays_flat(mode):
    image = resample(mode=mode, scale=4).upscale(torch.full((1, 3, 6, 6), 0.3)).image
    torch.testing.assert_close(image, torch.full_like(image, 0.3))


def test_errors_name_the_argument():
    with pytest.raises(ValueError, match="Resample.mode must be one of .*, got 'cubic'"):
        resample(mode="cubic", scale=2)
    with pytest.raises(ValueError, match="EditorInfo.scale must be at least 1, got 0"):
        resample(scale=0)
