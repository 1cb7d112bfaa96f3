"""Thumbnails: what of a frame they keep, and what they tell apart."""

import io

import torch
from PIL import Image
from skimage import data

from mmisr.editors.stdo.thumbnails import LIMIT, difference, thumbnails_of


def frames() -> torch.Tensor:
    """Two pictures of 96 x 160."""
    photos = [data.astronaut()[100:196, 100:260], data.coffee()[100:196, 100:260]]
    return torch.stack([torch.tensor(photo).permute(2, 0, 1) for photo in photos]) / 255


def test_a_thumbnail_holds_the_mean_of_each_part():
    lr = frames()
    found = thumbnails_of(lr)
    assert (found.shape, found.dtype) == ((2, 16), torch.uint8)
    means = lr.mean(1).view(2, 4, 24, 4, 40).mean((2, 4)).flatten(1)
    torch.testing.assert_close(found.float(), (255 * means).round(), atol=1, rtol=0)


def test_frames_of_any_size_have_one():
    assert thumbnails_of(torch.full((1, 3, 3, 5), 0.5).half()).tolist() == [[128] * 16]


def test_compression_stays_below_the_limit_and_another_picture_does_not():
    lr = frames()
    buffer = io.BytesIO()
    Image.fromarray((255 * lr[0]).byte().permute(1, 2, 0).numpy()).save(buffer, "JPEG", quality=5)
    compressed = torch.tensor(list(Image.open(buffer).tobytes()), dtype=torch.uint8)
    again = compressed.view(1, 96, 160, 3).permute(0, 3, 1, 2) / 255
    first, second = thumbnails_of(lr).split(1)
    assert 0 < difference(thumbnails_of(again), first) < LIMIT / 2
    assert difference(second, first) > 2 * LIMIT
    assert difference(first, first) == 0
