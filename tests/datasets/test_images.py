"""Image files of every kind that people have: read as they are meant, or refused with a reason."""

from pathlib import Path

import cv2
import mmcv
import numpy as np
import pytest
from PIL import Image
from skimage import data

from mmisr.datasets.images import ImageError, check_file, read_rgb

PHOTO = np.ascontiguousarray(data.astronaut()[60:124, 180:261])


@pytest.fixture
def path(tmp_path):
    return lambda name: str(tmp_path / name)


@pytest.mark.parametrize("name", ["x.png", "x.jpg", "x.bmp", "x.tif", "x.webp"])
def test_pixels_are_those_mmdet_loads(path, name):
    Image.fromarray(PHOTO).save(path(name))
    expected = mmcv.imfrombytes(Path(path(name)).read_bytes(), flag="color")[..., ::-1]
    np.testing.assert_array_equal(read_rgb(path(name)), expected)
    assert check_file(path(name)) == check_file(path(name), decode=True) == PHOTO.shape[:2]


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_applied_as_mmdet_does(path, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(PHOTO).save(path("x.jpg"), exif=exif)
    expected = mmcv.imfrombytes(Path(path("x.jpg")).read_bytes(), flag="color")[..., ::-1]
    np.testing.assert_array_equal(read_rgb(path("x.jpg")), expected)
    assert check_file(path("x.jpg")) == expected.shape[:2]


def test_grey_becomes_three_equal_channels(path):
    grey = PHOTO[..., 0]
    Image.fromarray(grey).save(path("x.png"))
    np.testing.assert_array_equal(read_rgb(path("x.png")), np.stack([grey] * 3, axis=-1))


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_opaque_alpha_is_dropped(path, mode):
    image = Image.fromarray(PHOTO).convert(mode)
    image.save(path("x.png"))
    np.testing.assert_array_equal(read_rgb(path("x.png")), np.asarray(image.convert("RGB")))


def test_palette_and_black_and_white(path):
    for mode in ("P", "1"):
        image = Image.fromarray(PHOTO).convert(mode)
        image.save(path("x.png"))
        np.testing.assert_array_equal(read_rgb(path("x.png")), np.asarray(image.convert("RGB")))


def test_cmyk_is_converted(path):
    Image.fromarray(PHOTO).convert("CMYK").save(path("x.jpg"), quality=95)
    assert Image.open(path("x.jpg")).mode == "CMYK"
    found = read_rgb(path("x.jpg"))
    assert found.shape == PHOTO.shape
    assert np.abs(found.astype(int) - PHOTO).mean() < 6  # the loss of JPEG, not an inverted picture


@pytest.mark.parametrize("name", ["x.png", "y.png"])
def test_transparency(path, name):
    if name == "x.png":
        pixels = np.dstack([PHOTO, np.full(PHOTO.shape[:2], 255, np.uint8)])
        pixels[3, 5, 3] = 17
        Image.fromarray(pixels).save(path(name))
    else:
        Image.fromarray(PHOTO).convert("P").save(path(name), transparency=b"\x11" * 256)
    with pytest.raises(ImageError, match=r"\.png must be opaque, found alpha down to 17; flatten it"):
        read_rgb(path(name))
    with pytest.raises(ImageError, match="must be opaque"):
        check_file(path(name), decode=True)


@pytest.mark.parametrize("name", ["grey.png", "colour.png", "grey.tif", "colour.tif", "colour.ppm"])
def test_sixteen_bits_are_never_cut_to_eight(path, name):
    deep = (PHOTO.astype(np.uint16) * 257)[..., : 1 if name.startswith("grey") else 3]
    assert cv2.imwrite(path(name), deep)
    for use in (read_rgb, check_file):
        with pytest.raises(ImageError, match=r"must have 8 bits a channel, found .*16.*divide by 257"):
            use(path(name))


def test_floats_are_refused(path):
    Image.fromarray(PHOTO[..., 0].astype(np.float32)).save(path("x.tif"))
    with pytest.raises(ImageError, match="must have 8 bits a channel, found Pillow mode 'F'"):
        read_rgb(path("x.tif"))


def test_missing_and_empty_and_text(path):
    with pytest.raises(ImageError, match=r"gone\.png does not exist; check data_root"):
        read_rgb(path("gone.png"))
    for content in (b"", b"<html>not found</html>"):
        Path(path("x.png")).write_bytes(content)
        for use in (read_rgb, check_file):
            with pytest.raises(ImageError, match=rf"x\.png is no image that Pillow can read \({len(content)} bytes\)"):
                use(path("x.png"))


@pytest.mark.parametrize("name", ["x.png", "x.jpg"])
@pytest.mark.parametrize("share", [0.4, 0.98])
def test_truncated_files_are_found_without_decoding_all_files(path, name, share):
    Image.fromarray(PHOTO).save(path(name))
    content = Path(path(name)).read_bytes()
    Path(path(name)).write_bytes(content[: int(share * len(content))])
    for use in (read_rgb, check_file):
        with pytest.raises(ImageError, match=r"cannot be decoded: .*truncated or damaged, get it again"):
            use(path(name))


def test_data_behind_the_end_is_no_truncation(path):
    Image.fromarray(PHOTO).save(path("x.jpg"))
    with open(path("x.jpg"), "ab") as file:
        file.write(b"camera's own" * 500)
    assert check_file(path("x.jpg")) == read_rgb(path("x.jpg")).shape[:2] == PHOTO.shape[:2]


@pytest.mark.parametrize("name", ["x.png", "x.jpg", "x.ppm", "x.webp"])
def test_damage_anywhere_gives_pixels_or_one_kind_of_error(path, name):
    Image.fromarray(PHOTO).save(path(name))
    content = bytearray(Path(path(name)).read_bytes())
    rng = np.random.default_rng(0)
    refused = 0
    for turn in range(60):
        damaged = bytearray(content)
        for place in rng.integers(0, (len(content), 16)[turn % 2], 5):
            damaged[place] = rng.integers(256)
        Path(path(name)).write_bytes(damaged)
        for use in (read_rgb, check_file):
            try:
                use(path(name))
            except ImageError:
                refused += 1
    assert refused > 0


def test_an_image_too_large_to_be_meant(path, monkeypatch):
    Image.fromarray(PHOTO).save(path("x.png"))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    with pytest.raises(ImageError, match="too large.*cut it into tiles"):
        read_rgb(path("x.png"))
