"""The picture of feature maps."""

import numpy as np
from matplotlib import colormaps
from PIL import Image

from mmisr.analysis.feature_maps import FeatureMaps, TapMaps
from mmisr.reports.feature_maps import COLOURS, plot_feature_maps


def flat(value: float):
    return np.full((6, 9), value, dtype=np.float32)


def has_colour(picture: np.ndarray, share: float) -> bool:
    """Whether a patch of a colour of the map is there."""
    rgb = np.array(colormaps[COLOURS](share)[:3]) * 255
    near = np.abs(picture.astype(float) - rgb).max(-1) < 3
    return int(near.sum()) > 5000


def maps(*values: float) -> FeatureMaps:
    image = np.full((3, 24, 36), 0.5, dtype=np.float32)
    names = ("bicubic", "sr", "hr")
    images = dict.fromkeys(names, image)
    strengths = {name: flat(value) for name, value in zip(names, values, strict=True)}
    return FeatureMaps(images, [TapMaps("neck.0", strengths, dict.fromkeys(names, 1.0))])


def test_the_three_versions_have_one_scale(tmp_path):
    """A value of half the largest has the colour of the middle, whatever panel it is in."""
    plot_feature_maps(maps(1.0, 2.0, 4.0), tmp_path / "maps.png")
    picture = np.asarray(Image.open(tmp_path / "maps.png").convert("RGB"))
    assert all(has_colour(picture, share) for share in (0.25, 0.5, 1.0))
    assert not has_colour(picture, 0.75)


def test_every_tap_adds_a_row(tmp_path):
    one = maps(1.0, 2.0, 4.0)
    two = FeatureMaps(one.images, [*one.taps, *one.taps])
    heights = []
    for number, drawn in enumerate((one, two)):
        plot_feature_maps(drawn, tmp_path / f"{number}.png")
        heights.append(Image.open(tmp_path / f"{number}.png").height)
    assert heights[1] == int(heights[0] * 1.5) or abs(heights[1] - heights[0] * 1.5) <= 2
