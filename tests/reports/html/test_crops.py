"""Cut-outs: the same place in every picture, at a quality that fits, and boxes in their frame."""

import base64
import io

import numpy as np
import pytest
from PIL import Image

from mmisr.reports.html.crops import (
    BYTES,
    RUNGS,
    Window,
    cut,
    pack,
    place_window,
    routing_uri,
)

NOWHERE = np.zeros((0, 2))


def picture_of(uri):
    head, _, content = uri.partition(",")
    return head, Image.open(io.BytesIO(base64.b64decode(content)))


@pytest.mark.parametrize(
    ("lr_hw", "side", "points", "window"),
    [
        ((32, 40), 64, NOWHERE, Window(0, 0, 40, 32)),
        ((100, 100), 20, NOWHERE, Window(40, 40, 20, 20)),
        ((100, 100), 20, np.array([[3.0, 97.0]]), Window(0, 80, 20, 20)),
        (
            (100, 100),
            20,
            np.array([[10.0, 10.0], [70.0, 70.0], [75.0, 72.0]]),
            Window(60, 60, 20, 20),
        ),
        ((30, 100), 50, np.array([[90.0, 2.0]]), Window(50, 0, 50, 30)),
    ],
)
def test_the_window_holds_most_points(lr_hw, side, points, window):
    assert place_window(lr_hw, side, points) == window


def test_a_window_is_the_same_place_in_every_picture():
    window, lr_hw = Window(3, 5, 8, 6), (20, 30)
    lr = np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8)
    sr = lr.repeat(4, 0).repeat(4, 1)
    small, large = (np.asarray(cut(Image.fromarray(p), window, lr_hw)) for p in (lr, sr))
    np.testing.assert_array_equal(small, lr[5:11, 3:11])
    np.testing.assert_array_equal(large[::4, ::4], small)
    assert window.source((80, 120), lr_hw) == (12, 20, 32, 24)
    assert window.source((20, 30), lr_hw) == (3, 5, 8, 6)


def test_pictures_fit_and_are_packed_alike():
    noise = Image.fromarray(
        np.random.default_rng(0).integers(0, 256, (512, 512, 3), dtype=np.uint8)
    )
    smooth = Image.linear_gradient("L").convert("RGB")
    packed = pack({"a": noise, "b": noise, "c": smooth})
    assert sum(len(base64.b64decode(u.partition(",")[2])) for u in packed.uris.values()) <= BYTES
    assert (
        picture_of(packed.uris["a"])[1].size == picture_of(packed.uris["b"])[1].size != (512, 512)
    )
    assert "reduced to 1/" in packed.note
    easy = pack({"c": smooth})
    head, picture = picture_of(easy.uris["c"])
    assert (head, picture.size) == ("data:image/webp;base64", (256, 256))
    assert easy.note == f"WebP at quality {RUNGS[0][1]}"
    assert np.abs(np.asarray(picture, dtype=int) - np.asarray(smooth, dtype=int)).mean() < 2


def test_nothing_fits_and_the_smallest_is_taken():
    assert pack({"a": Image.new("RGB", (1, 1))}, limit=1).note.endswith("reduced to 1/4")


def test_routing_is_a_pixel_a_token():
    head, picture = picture_of(routing_uri(np.array([[0, 1, 2]], dtype=np.int8)))
    pixels = np.asarray(picture.convert("RGBA"))
    assert head == "data:image/png;base64"
    assert pixels.shape == (1, 3, 4)
    assert pixels[0, 0, 3] == 0
    assert pixels[0, 1, :3].tolist() != pixels[0, 2, :3].tolist()
