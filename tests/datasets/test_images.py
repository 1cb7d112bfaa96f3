"""Image files of every kind that people have: read as they are meant, or refused with a reason."""

import struct
import zlib
from pathlib import Path

import cv2
import mmcv
import numpy as np
import pytest
import tifffile
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
    with pytest.raises(
        ImageError, match=r"\.png must be opaque, found alpha down to 17; flatten it"
    ):
        read_rgb(path(name))
    with pytest.raises(ImageError, match="must be opaque"):
        check_file(path(name), decode=True)


@pytest.mark.parametrize(
    "name",
    ["grey.png", "colour.png", "grey.tif", "colour.tif", "colour.ppm", "grey.jp2", "colour.jp2"],
)
def test_sixteen_bits_are_never_cut_to_eight(path, name):
    deep = (PHOTO.astype(np.uint16) * 257)[..., : 1 if name.startswith("grey") else 3]
    assert cv2.imwrite(path(name), deep)
    for use in (read_rgb, check_file):
        with pytest.raises(
            ImageError, match=r"must have 8 bits a channel, found .*16.*divide by 257"
        ):
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
            with pytest.raises(
                ImageError,
                match=rf"x\.png is no image that Pillow can read \({len(content)} bytes\)",
            ):
                use(path("x.png"))


@pytest.mark.parametrize("name", ["x.png", "x.jpg"])
@pytest.mark.parametrize("share", [0.4, 0.98])
def test_truncated_files_are_found_without_decoding_all_files(path, name, share):
    Image.fromarray(PHOTO).save(path(name))
    content = Path(path(name)).read_bytes()
    Path(path(name)).write_bytes(content[: int(share * len(content))])
    for use in (read_rgb, check_file):
        with pytest.raises(
            ImageError, match=r"cannot be decoded: .*truncated or damaged, get it again"
        ):
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


@pytest.mark.parametrize("colours", ["L", "RGB"])
def test_an_image_larger_than_the_limit(path, colours):
    """A file of kilobytes that claims gigabytes is refused by its header, at the limit set."""
    Image.new(colours, (1300, 1000)).save(path("x.png"))
    for use in (read_rgb, check_file):
        with pytest.raises(
            ImageError,
            match=r"x.png must have at most max_pixels=1299999 pixels, found 1300x1000=1300000",
        ):
            use(path("x.png"), max_pixels=1_299_999)
    assert check_file(path("x.png"), max_pixels=1_300_000) == (1000, 1300)
    chunk = struct.pack(">IIBBBBB", 13300, 13300, 8, 0, 0, 0, 0)
    claimed = bytearray(Path(path("x.png")).read_bytes())
    claimed[16:33] = chunk + struct.pack(">I", zlib.crc32(b"IHDR" + chunk))
    Path(path("x.png")).write_bytes(claimed)
    for use in (read_rgb, check_file):
        with pytest.raises(
            ImageError,
            match=r"max_pixels=67108864 pixels, found 13300x13300.*or set max_pixels of mmisr",
        ):
            use(path("x.png"))


def test_pillows_own_limit_does_not_stand_before_ours(path, monkeypatch):
    Image.fromarray(PHOTO).save(path("x.png"))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    with pytest.raises(ImageError, match="must not have more than Pillow reads"):
        check_file(path("x.png"), max_pixels=None)
    assert read_rgb(path("x.png")).shape == PHOTO.shape


BANDS = {
    "eight bands": (
        np.dstack([PHOTO, PHOTO, PHOTO[..., :2]]),
        "rgb",
        r"must have 3 bands, .* found 8 bands; choose the three",
    ),
    "five bands": (
        np.dstack([PHOTO, PHOTO[..., :2]]),
        "rgb",
        r"must have 3 bands, .* found 5 bands",
    ),
    "four bands": (
        np.dstack([PHOTO, PHOTO[..., :1]]),
        "rgb",
        r"must have 3 bands, .* found 4 bands",
    ),
    "five grey bands": (
        np.dstack([PHOTO, PHOTO[..., :2]]),
        "minisblack",
        r"must have 1 band, .* found 5 bands",
    ),
    "sixteen-bit bands": (
        np.dstack([PHOTO, PHOTO]).astype(np.uint16),
        "rgb",
        r"must have 3 bands, .* found 6 bands",
    ),
    "LAB": (
        PHOTO,
        "cielab",
        r"must have grey, RGB.* found CIELAB \(PhotometricInterpretation 8\); "
        "convert it to 8-bit RGB",
    ),
    "ICC LAB": (PHOTO, 9, r"must have grey, RGB.* found ICC LAB \(PhotometricInterpretation 9\)"),
}


@pytest.mark.parametrize("planar", ["contig", "separate"])
@pytest.mark.parametrize("case", BANDS)
def test_bands_of_a_tiff(path, case, planar):
    pixels, colours, text = BANDS[case]
    pixels = pixels if planar == "contig" else np.ascontiguousarray(pixels.transpose(2, 0, 1))
    extra = ["unspecified"] if case == "four bands" else None
    tifffile.imwrite(
        path("x.tif"), pixels, photometric=colours, planarconfig=planar, extrasamples=extra
    )
    for use in (read_rgb, check_file):
        with pytest.raises(ImageError, match=rf"x.tif {text}"):
            use(path("x.tif"))


@pytest.mark.parametrize("alpha", [None, "unassalpha"])
def test_an_opaque_alpha_band_of_a_tiff(path, alpha):
    pixels = np.dstack([PHOTO, np.full(PHOTO.shape[:2], 255, np.uint8)])
    tifffile.imwrite(
        path("x.tif"),
        pixels if alpha else PHOTO,
        photometric="rgb",
        extrasamples=[alpha] if alpha else None,
    )
    np.testing.assert_array_equal(read_rgb(path("x.tif")), PHOTO)
