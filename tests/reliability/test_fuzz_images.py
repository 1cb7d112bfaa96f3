"""Damaged image files by the hundred: the pixels that mmcv reads, or an error that names the file.

No hang, no blow-up.

A seeded sample in every test run; many more with ``MMISR_FUZZ=2000 python -m pytest
tests/reliability``.
"""

import io
import os
import random
import struct
import time
import warnings
import zlib
from collections import Counter
from pathlib import Path

import cv2
import mmcv
import numpy as np
import pytest
from PIL import Image, features
from skimage import data

from mmisr.datasets.images import ImageError, check_file, read_rgb

CASES = int(os.environ.get("MMISR_FUZZ", "100"))
BLOCKS = 4
MAX_PIXELS, MEGABYTES, SECONDS = 4_000_000, 160, 20
"""The limit that is set, and what reading under it may take."""

UNLIKE, FEW = "read unlike mmcv", 0.001
"""Part of the files that the two may read differently.

Two tags of one name, of which one decoder takes the first and one the
last, and bit streams that say nothing right any more.
"""

PHOTO = np.ascontiguousarray(data.astronaut()[60:124, 180:261])


def encoded(format_: str, mode: str = "RGB", **options) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(PHOTO).convert(mode).save(buffer, format_, **options)
    return buffer.getvalue()


def oriented(value: int) -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = value
    exif[0x010F] = "a camera"
    return exif


def by_opencv(ending: str, pixels: np.ndarray) -> bytes:
    return cv2.imencode(ending, pixels)[1].tobytes()


FILES = {
    "jpeg": encoded("JPEG", quality=90),
    "jpeg, progressive": encoded("JPEG", progressive=True, quality=80),
    "jpeg, turned": encoded("JPEG", exif=oriented(6)),
    "jpeg, grey": encoded("JPEG", "L"),
    "png": encoded("PNG"),
    "png, turned": encoded("PNG", exif=oriented(8)),
    "png, palette": encoded("PNG", "P"),
    "png, black and white": encoded("PNG", "1"),
    "png, alpha": encoded("PNG", "RGBA"),
    "png, deep": by_opencv(".png", PHOTO.astype(np.uint16) * 257),
    "webp": encoded("WEBP", quality=90),
    "webp, turned": encoded("WEBP", lossless=True, exif=oriented(3)),
    "tiff": encoded("TIFF"),
    "tiff, turned": encoded("TIFF", tiffinfo={0x0112: 5}),
    "tiff, lzw": encoded("TIFF", compression="tiff_lzw"),
    "tiff, grey": encoded("TIFF", "L"),
    "tiff, cmyk": encoded("TIFF", "CMYK"),
    "tiff, lab": encoded("TIFF", "LAB"),
    "tiff, float": encoded("TIFF", "F"),
    "bmp": encoded("BMP"),
    "bmp, palette": encoded("BMP", "P"),
    "ppm": encoded("PPM"),
    "pgm": encoded("PPM", "L"),
    "gif": encoded("GIF", "P"),
    "jpeg 2000": encoded("JPEG2000"),
    "jpeg 2000, deep": by_opencv(".jp2", PHOTO.astype(np.uint16) * 257),
}
if features.check("avif"):
    FILES["avif"] = encoded("AVIF", quality=90)


def truncate(content: bytearray, draw: random.Random) -> None:
    del content[draw.randrange(len(content)) :]


def flip_bits(content: bytearray, draw: random.Random) -> None:
    for _ in range(draw.choice((1, 1, 2, 8, 40))):
        content[draw.randrange(len(content))] ^= 1 << draw.randrange(8)


def change_header(content: bytearray, draw: random.Random) -> None:
    for _ in range(draw.choice((1, 1, 2, 4))):
        content[draw.randrange(min(64, len(content)))] = draw.choice(
            (0, 1, 2, 8, 16, 127, 255, draw.randrange(256))
        )


def change_end(content: bytearray, draw: random.Random) -> None:
    content[-draw.randrange(1, min(64, len(content))) :] = draw.randbytes(draw.randrange(64))


def claim_a_size(content: bytearray, draw: random.Random) -> None:
    """Another size where the format has it; of a PNG with the checksum that belongs to it."""
    side = draw.choice((0, 1, 63, 65, 400, 1999, 5000, 65535, 2**31 - 1, 2**32 - 1))
    if content.startswith(b"\x89PNG"):
        place = 16 + 4 * draw.randrange(2)
        content[place : place + 4] = struct.pack(">I", side)
        content[29:33] = struct.pack(">I", zlib.crc32(content[12:29]))
        return
    for kind in ("<H", ">H", "<I", ">I"):
        for length in PHOTO.shape[:2]:
            old = struct.pack(kind, length)
            place = content.find(old)
            if place >= 0 and draw.random() < 0.5:
                new = struct.pack(kind, side % 2 ** (8 * len(old)))
                content[place : place + len(old)] = new


def remove(content: bytearray, draw: random.Random) -> None:
    place = draw.randrange(len(content))
    del content[place : place + draw.choice((1, 2, 4, 12, 100))]


def insert(content: bytearray, draw: random.Random) -> None:
    place = draw.randrange(len(content))
    content[place:place] = draw.choice(
        (bytes(8), b"\xff" * 8, draw.randbytes(30), bytes(content[:200]))
    )


def splice(content: bytearray, draw: random.Random) -> None:
    """The beginning of one file and the end of another."""
    other = draw.choice(list(FILES.values()))
    content[draw.randrange(len(content)) :] = other[draw.randrange(len(other)) :]


def append(content: bytearray, draw: random.Random) -> None:
    content += draw.randbytes(draw.choice((1, 100, 5000)))


MUTATIONS = (
    truncate,
    flip_bits,
    flip_bits,
    change_header,
    change_header,
    change_end,
    claim_a_size,
    remove,
    insert,
    splice,
)
MUTATIONS += (append,)


def outcome(use, path: str) -> object:
    """What a reader gives: pixels, a size, or the error's text, which names the file."""
    try:
        return use(path)
    except ImageError as error:
        assert path in str(error)
        return str(error)


def peak_kib() -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))


def reset_peak() -> int:
    """The memory in use from which the peak is counted anew; 0 where the system does not tell."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
        return peak_kib()
    except OSError:
        return 0


def read(path: str) -> tuple[object, object, object]:
    """The three ways to read a file, within the time and the memory that they may take."""
    before, start = reset_peak(), time.monotonic()
    header = outcome(lambda p: check_file(p, max_pixels=MAX_PIXELS), path)
    whole = outcome(lambda p: check_file(p, decode=True, max_pixels=MAX_PIXELS), path)
    found = outcome(lambda p: read_rgb(p, max_pixels=MAX_PIXELS), path)
    assert time.monotonic() - start < SECONDS
    assert not before or peak_kib() - before < MEGABYTES * 1024
    return header, whole, found


def check(path: str) -> str:
    """Read a file in all ways; gives what came out."""
    header, whole, found = read(path)
    if isinstance(found, str):
        assert whole == found  # the thorough check finds what the loader finds
        return "refused by its header" if isinstance(header, str) else "refused when decoded"
    assert found.dtype == np.uint8
    assert found.shape[2:] == (3,)
    assert header == whole == found.shape[:2]
    expected = mmcv.imread(path)
    if expected is None:
        return "read, mmcv reads nothing"
    alike = (
        expected.shape == found.shape and np.abs(expected[..., ::-1].astype(int) - found).mean() < 3
    )
    return "read as mmcv reads it" if alike else UNLIKE


def case(number: int) -> tuple[str, str, bytes]:
    draw = random.Random(number)
    name = draw.choice(list(FILES))
    content = bytearray(FILES[name])
    steps = [draw.choice(MUTATIONS) for _ in range(draw.choice((1, 1, 1, 2)))]
    for step in steps:
        if content:
            step(content, draw)
    return name, "+".join(step.__name__ for step in steps), bytes(content)


@pytest.mark.parametrize("block", range(BLOCKS))
def test_a_damaged_image_is_read_as_mmcv_reads_it_or_refused_by_name(tmp_path, block):
    seen: Counter[str] = Counter()
    for number in range(block, CASES, BLOCKS):
        name, steps, content = case(number)
        path = tmp_path / f"{number}.{name.split()[0].rstrip(',')}"
        path.write_bytes(content)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                seen[check(str(path))] += 1
        except Exception as error:
            error.add_note(f"case {number}: {name}, {steps}; the file is {path}")
            raise
        path.unlink()
        if seen[UNLIKE] > FEW * CASES:
            pytest.fail(f"case {number}, {name}, {steps}: {UNLIKE}")
    print(dict(seen))
    assert sum(seen.values()) == len(range(block, CASES, BLOCKS))
    assert {"read as mmcv reads it", "refused by its header"} <= set(seen)


def test_files_before_they_are_damaged(tmp_path):
    for name, content in FILES.items():
        path = tmp_path / "x"
        path.write_bytes(content)
        refused = any(word in name for word in ("deep", "lab", "float"))
        assert check(str(path)).startswith("refused" if refused else "read"), name
