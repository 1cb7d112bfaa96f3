"""What looks alike: the same scene otherwise stored, brighter or a little moved; and what not."""

import io

import numpy as np
import pytest
from PIL import Image
from skimage import data

from mmisr.analysis.set_check.near import BLOCK, NEAR, image_hash, near_duplicates

PHOTO = data.astronaut()
SCENES = [data.astronaut(), data.coffee(), data.chelsea(), data.rocket(), data.retina()]


def bits(a, b):
    return int((image_hash(a) != image_hash(b)).sum())


def jpeg(image, quality):
    file = io.BytesIO()
    image.save(file, "JPEG", quality=quality)
    return Image.open(file)


def test_the_same_scene_is_near():
    image = Image.fromarray(PHOTO)
    brighter = Image.fromarray(np.minimum(PHOTO.astype(int) + 15, 255).astype(np.uint8))
    moved = Image.fromarray(np.roll(PHOTO, (3, 5), axis=(0, 1)))
    assert bits(image, jpeg(image, 30)) <= 2
    assert bits(image, image.resize((200, 200))) <= 2
    assert bits(image, brighter) <= 4
    assert bits(image, moved) <= NEAR


def test_other_scenes_are_far():
    images = [Image.fromarray(scene) for scene in SCENES]
    for place, a in enumerate(images):
        for b in images[:place]:
            assert bits(a, b) > NEAR


def test_every_image_gets_its_nearest_most_alike_first():
    draws = np.random.default_rng(0)
    ours = draws.random((40, 63)) < 0.5
    theirs = draws.random((BLOCK + 3, 63)) < 0.5
    theirs[7] = ours[3]
    theirs[7, :4] ^= True
    theirs[BLOCK + 1] = ours[5]
    found = near_duplicates(range(BLOCK + 3), theirs, range(40), ours, near=6)
    assert [(pair.name, pair.like, pair.bits) for pair in found] == [(BLOCK + 1, 5, 0), (7, 3, 4)]


@pytest.mark.parametrize("counts", [(0, 3), (3, 0), (0, 0)])
def test_nothing_is_like_nothing(counts):
    names = [list("abc")[:count] for count in counts]
    looks = [np.zeros((count, 63), bool) for count in counts]
    assert near_duplicates(names[0], looks[0], names[1], looks[1]) == []
