"""Patches sorted by how well an editor recovers them."""

import pytest
import torch
from skimage.metrics import peak_signal_noise_ratio

from mmisr.analysis.psnr_classes import classify_patches, equal_thresholds, score_patches
from mmisr.openmmlab.editor import MagicDataSample
from mmisr.registry import MODELS
from mmisr.structures.pixels import to_bytes, to_unit


@pytest.fixture
def bicubic():
    return MODELS.build({"type": "mmisr.Resample", "scale": 2, "mode": "bicubic"}).eval()


def sample(img_id, hw=(20, 26)):
    torch.manual_seed(img_id)
    hr = torch.randint(256, (3, 2 * hw[0], 2 * hw[1])).byte()
    data = MagicDataSample(gt_img=hr)
    data.set_metainfo({"img_id": img_id})
    return {"inputs": hr[:, ::2, ::2].contiguous(), "data_samples": data}


def test_every_patch_is_scored_by_itself(bicubic):
    one = sample(5)
    corners, values = score_patches(bicubic, [one], 8, 6)["5"]
    assert corners == [(y, x) for y in (0, 6, 12) for x in (0, 6, 12, 18)]
    for (y, x), value in zip(corners, values, strict=True):
        lr = to_unit(one["inputs"][None, :, y : y + 8, x : x + 8])
        sr = to_bytes(bicubic.upscale(lr).image)[0].numpy()
        hr = one["data_samples"].gt_img[:, 2 * y : 2 * y + 16, 2 * x : 2 * x + 16].numpy()
        assert value == pytest.approx(peak_signal_noise_ratio(hr, sr))


def test_small_images_have_no_patches(bicubic):
    assert score_patches(bicubic, [sample(1, (7, 30))], 8, 6) == {"1": ([], [])}


def test_no_hr_is_named(bicubic):
    data = MagicDataSample()
    data.set_metainfo({"img_id": 4})
    with pytest.raises(ValueError, match="image 4 has no HR image"):
        score_patches(bicubic, [{"inputs": sample(1)["inputs"], "data_samples": data}], 8, 6)


def test_equal_thresholds_give_classes_of_equal_size():
    torch.manual_seed(0)
    values = torch.rand(100).tolist()
    borders = equal_thresholds(values, 3)
    scored = {"1": ([(n, 0) for n in range(100)], values)}
    found = classify_patches(scored, borders, 4, 32)
    assert sorted(found.histogram()) == [33, 33, 34]
    with pytest.raises(ValueError, match="3 classes need at least as many patches.* has 2"):
        equal_thresholds([1.0, 2.0], 3)


def test_the_easiest_is_the_first_and_a_border_is_easier():
    scored = {"7": ([(0, 0), (0, 1), (0, 2), (0, 3)], [20.0, 27.0, 35.0, 40.0])}
    found = classify_patches(scored, [27.0, 35.0], 4, 32)
    assert found.images == {"7": [[0, 0, 2], [0, 1, 1], [0, 2, 0], [0, 3, 0]]}
