"""Shifts that were made, found again below a pixel."""

import numpy as np
import pytest
from skimage import data

from mmisr.analysis.set_check.alignment import shift_between

SCALE = 4
PHOTO = data.astronaut()


def reduced(image):
    height, width = (side // SCALE for side in image.shape[:2])
    cells = image.reshape(height, SCALE, width, SCALE, 3)
    return cells.mean((1, 3))


def test_convention_lr_that_shows_things_further_right_has_positive_x():
    """The sensor of LR stood 3 HR pixels further left and 6 further up."""
    hr = PHOTO[64:448, 64:448]
    lr = reduced(PHOTO[58:442, 61:445]).round().astype(np.uint8)
    x, y, response = shift_between(lr, hr)
    assert (x, y) == pytest.approx((3 / SCALE, 6 / SCALE), abs=0.1)
    assert response > 0.5


@pytest.mark.parametrize("shift", [(0, 0), (1, 0), (-2, 5), (9, -7)])
def test_other_light_noise_and_blur_do_not_move_it(shift):
    dx, dy = shift
    draws = np.random.default_rng(0)
    hr = PHOTO[64:448, 64:448]
    levels = reduced(PHOTO[64 - dy : 448 - dy, 64 - dx : 448 - dx])
    darker = 0.7 * levels + 10 + draws.normal(0, 4, levels.shape)
    lr = darker.clip(0, 255).astype(np.uint8)
    x, y, _ = shift_between(lr, hr)
    assert (x, y) == pytest.approx((dx / SCALE, dy / SCALE), abs=0.15)
