"""Files as cameras, editors and downloads leave them."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from skimage import data

from mmisr.analysis.set_check.findings import SetSource
from mmisr.analysis.set_check.images import (
    image_findings,
    kinds_of,
    scan_images,
    unlisted_findings,
)

PHOTO = np.ascontiguousarray(data.astronaut()[60:124, 180:276])


def encoded(image, kind, **options):
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def turned():
    exif = Image.Exif()
    exif[0x112] = 6
    return encoded(Image.fromarray(PHOTO.swapaxes(0, 1)), "JPEG", exif=exif)


def clear():
    image = Image.fromarray(PHOTO).convert("RGBA")
    image.putpixel((3, 3), (0, 0, 0, 0))
    return encoded(image, "PNG")


RGB = Image.fromarray(PHOTO)
FILES = {
    "a.png": encoded(RGB, "PNG"),
    "b.jpg": encoded(RGB, "JPEG"),
    "turned.jpg": turned(),
    "grey.png": encoded(RGB.convert("L"), "PNG"),
    "deep.png": encoded(Image.fromarray(PHOTO[..., 0].astype(np.uint16) * 257), "PNG"),
    "clear.png": clear(),
    "cut.jpg": encoded(RGB, "JPEG")[:-400],
    "text.png": b"no image",
    "small.png": encoded(RGB.resize((48, 32)), "PNG"),
    "copy.png": encoded(RGB, "PNG"),
}


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    folder = tmp_path_factory.mktemp("images")
    for name, content in FILES.items():
        (folder / name).write_bytes(content)
    return SetSource("val", "val.json", str(folder))


def entries(*names):
    return [{"file_name": name, "width": 96, "height": 64} for name in names]


def found_in(source, *names, decode=True):
    facts = scan_images(source, entries(*names), decode)
    return {finding.rule: finding for finding in image_findings(source, facts)}


def test_clean_files_break_no_rule(source):
    assert found_in(source, "a.png", "b.jpg") == {}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("deep.png", "8 bits a channel"),
        ("clear.png", "must be opaque"),
        ("cut.jpg", "truncated or damaged"),
        ("text.png", "no image that Pillow can read"),
        ("gone.png", "does not exist"),
    ],
)
def test_what_cannot_be_used_is_an_error_that_says_why(source, name, text):
    finding = found_in(source, "a.png", name)["unreadable"]
    assert (finding.severity, finding.count) == ("error", 1)
    assert name in finding.examples[0]
    assert text in finding.examples[0]


def test_sizes_tags_modes_and_copies(source):
    found = found_in(source, "a.png", "b.jpg", "turned.jpg", "grey.png", "small.png", "copy.png")
    assert {rule: (f.severity, f.count) for rule, f in found.items()} == {
        "size": ("error", 1),
        "orientation": ("warning", 1),
        "mixed-kinds": ("warning", 1),
        "copies": ("warning", 1),
    }
    assert "must be 96x64 as its annotation says, found 48x32" in found["size"].examples[0]
    assert found["orientation"].examples == ("turned.jpg (orientation 6)",)
    assert found["mixed-kinds"].examples == ("grey.png (L, 8 bits)",)
    assert found["copies"].examples == ("a.png = copy.png",)


def test_sixteen_bits_are_a_kind_of_their_own(source):
    facts = scan_images(source, entries("a.png", "b.jpg", "deep.png"))
    assert kinds_of(facts) == {"RGB, 8 bits": 2, "I;16, 16 bits": 1}


def test_headers_alone_miss_transparency_and_looks_and_nothing_else(source):
    quick = scan_images(source, entries("a.png", "clear.png", "cut.jpg"), decode=False)
    assert [bool(of_image.fault) for of_image in quick] == [False, False, True]
    assert all(of_image.look is None for of_image in quick)
    assert quick[0].hw == (64, 96)


def test_a_folder_that_two_sets_share_lists_what_neither_lists(source):
    facts = scan_images(source, entries("a.png", "b.jpg"), decode=False)
    listed = {Path(source.folder) / name for name in FILES if name != "grey.png"}
    (finding,) = unlisted_findings(source, facts, listed)
    assert (finding.severity, finding.examples) == ("note", ("grey.png",))
