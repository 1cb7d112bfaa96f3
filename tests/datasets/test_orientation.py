"""Orientation, in every format and by every kind of tag.

The check, the loader and mmcv read one image, or it is refused.
"""

import io
import re
import struct
import zlib
from pathlib import Path

import mmcv
import numpy as np
import pytest
from PIL import Image, features
from PIL.PngImagePlugin import PngInfo
from skimage import data

from mmisr.datasets.image_header import exif_orientation, webp_is_turned
from mmisr.datasets.images import ImageError, check_file, read_rgb

PHOTO = np.ascontiguousarray(data.astronaut()[60:124, 180:261])
UPRIGHT = {
    1: lambda a: a,
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.transpose(1, 0, 2),
    6: lambda a: np.rot90(a, -1),
    7: lambda a: a[::-1, ::-1].transpose(1, 0, 2),
    8: lambda a: np.rot90(a),
}
"""What the orientations of EXIF 2.32, section 4.6.4, ask of a reader."""

XMP = """<x:xmpmeta xmlns:x="adobe:ns:meta/">
<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description xmlns:tiff="http://ns.adobe.com/tiff/1.0/" tiff:Orientation="{}"/>
</rdf:RDF></x:xmpmeta>"""


def exif(value, order="<", kind=3, count=1):
    """An EXIF block of one entry."""
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "IH", 8, 1)
    field = struct.pack(order + ("I" if kind == 4 else "Hxx"), value)
    return head + struct.pack(order + "HHI", 0x112, kind, count) + field + bytes(4)


def after_text(block, length):
    """The block with the maker's name, of a length that may be a lie, before its entry."""
    maker = struct.pack("<HHII", 0x10F, 2, length, 8 + 2 + 24 + 4)
    return block[:8] + struct.pack("<H", 2) + maker + block[10:] + b"a camera\0" + bytes(20)


def save(format_, image=PHOTO, **options):
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, format_, **options)
    return buffer.getvalue()


def jpeg(*segments):
    content = save("JPEG")
    start = content.index(b"\xff\xdb")
    parts = [b"\xff\xe1" + struct.pack(">H", len(s) + 2) + s for s in segments]
    return content[:start] + b"".join(parts) + content[start:]


def png(*chunks, at_end=False):
    content = save("PNG")
    place = len(content) - 12 if at_end else 33
    parts = [
        struct.pack(">I", len(d)) + k + d + struct.pack(">I", zlib.crc32(k + d)) for k, d in chunks
    ]
    return content[:place] + b"".join(parts) + content[place:]


def png_xmp(value):
    text = PngInfo()
    text.add_itxt("XML:com.adobe.xmp", XMP.format(value))
    return save("PNG", pnginfo=text)


def raw_profile(value):
    """EXIF in a text chunk, as ImageMagick wrote it before PNG had a place for it."""
    block = b"Exif\0\0" + exif(value)
    return b"Raw profile type exif\0\0" + zlib.compress(
        b"\nexif\n%8d\n" % len(block) + block.hex().encode() + b"\n"
    )


def as_exif(value):
    found = Image.Exif()
    found[0x112] = value
    return found


def packed_tiff(value):
    """The tag is set afterwards, because libtiff writes no other than 1 to 8."""
    tag = struct.Struct("<HHIHxx")
    content = save("TIFF", tiffinfo={0x112: 1}, compression="tiff_lzw")
    assert content.count(tag.pack(0x112, 3, 1, 1)) == 1
    return content.replace(tag.pack(0x112, 3, 1, 1), tag.pack(0x112, 3, 1, value))


HEAD, ADOBE = b"Exif\0\0", b"http://ns.adobe.com/xap/1.0/\0"
XMP_BYTES = lambda n: XMP.format(n).encode()  # noqa: E731
KINDS = {
    # by which mmcv turns
    "jpeg exif": (lambda n: save("JPEG", exif=as_exif(n)), True),
    "jpeg exif, big-endian": (lambda n: jpeg(HEAD + exif(n, ">")), True),
    "jpeg exif before other xmp": (lambda n: jpeg(HEAD + exif(n), ADOBE + XMP_BYTES(3)), True),
    "jpeg exif twice": (lambda n: jpeg(HEAD + exif(n), HEAD + exif(3)), True),
    "jpeg exif as long": (lambda n: jpeg(HEAD + exif(n, "<", 4)), True),
    "jpeg exif as byte": (lambda n: jpeg(HEAD + exif(n, "<", 1)), True),
    "jpeg exif of three values": (lambda n: jpeg(HEAD + exif(n, "<", 3, 3)), True),
    "jpeg exif with an odd byte order": (lambda n: jpeg(HEAD + b"XX" + exif(n, ">")[2:]), True),
    "jpeg exif after a text": (lambda n: jpeg(HEAD + after_text(exif(n), 20)), True),
    "png eXIf": (lambda n: save("PNG", exif=as_exif(n)), True),
    "png eXIf behind the pixels": (lambda n: png((b"eXIf", exif(n)), at_end=True), True),
    "png eXIf after text": (lambda n: png((b"zTXt", raw_profile(3)), (b"eXIf", exif(n))), True),
    "png eXIf twice": (lambda n: png((b"eXIf", exif(n)), (b"eXIf", exif(6))), True),
    "webp exif": (lambda n: save("WEBP", lossless=True, exif=as_exif(n)), webp_is_turned()),
    "tiff tag": (lambda n: save("TIFF", tiffinfo={0x112: n}), True),
    "tiff tag, lzw": (packed_tiff, True),
    "tiff tag, grey": (lambda n: save("TIFF", PHOTO[..., 0], tiffinfo={0x112: n}), True),
    "tiff tag before other xmp": (
        lambda n: save("TIFF", tiffinfo={0x112: n, 700: XMP_BYTES(3)}),
        True,
    ),
    # by which nobody turns
    "jpeg xmp": (lambda n: save("JPEG", xmp=XMP_BYTES(n)), False),
    "jpeg xmp and upright exif": (lambda n: jpeg(HEAD + exif(1), ADOBE + XMP_BYTES(n)), False),
    "jpeg exif as big-endian long": (lambda n: jpeg(HEAD + exif(n, ">", 4)), False),
    "jpeg exif with a bad byte order": (lambda n: jpeg(HEAD + b"XX" + exif(n)[2:]), False),
    "jpeg exif after a text that is outside": (
        lambda n: jpeg(HEAD + after_text(exif(n), 2000)),
        False,
    ),
    "png eXIf with an odd byte order": (lambda n: png((b"eXIf", b"XX" + exif(n, ">")[2:])), False),
    "jpeg exif cut off": (lambda n: jpeg(HEAD + exif(n)[:18]), False),
    "png xmp": (png_xmp, False),
    "png eXIf with the head of a JPEG": (lambda n: png((b"eXIf", HEAD + exif(n))), False),
    "png exif as text": (lambda n: png((b"zTXt", raw_profile(n))), False),
    "png exif as text that names eXIf": (
        lambda n: png((b"tEXt", b"eXIf\0eXIf"), (b"zTXt", raw_profile(n))),
        False,
    ),
    "webp xmp": (lambda n: save("WEBP", lossless=True, xmp=XMP_BYTES(n)), False),
    "tiff xmp": (lambda n: save("TIFF", tiffinfo={700: XMP_BYTES(n)}), False),
    "tiff xmp, lzw": (
        lambda n: save("TIFF", tiffinfo={700: XMP_BYTES(n)}, compression="tiff_lzw"),
        False,
    ),
    "bmp": (lambda n: save("BMP", exif=as_exif(n)), False),
    "jpeg 2000": (lambda n: save("JPEG2000", exif=as_exif(n)), False),
}
if features.check("avif"):
    KINDS["avif exif"] = (lambda n: save("AVIF", exif=as_exif(n)), False)
    KINDS["avif xmp"] = (lambda n: save("AVIF", xmp=XMP_BYTES(n)), False)
UNLIKE_MMCV = ("webp exif", "avif exif", "avif xmp")
"""Formats that Pillow turns, and mmcv (some versions of it) does not."""


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("value", range(10))
def test_check_loader_and_mmcv_see_one_image(tmp_path, kind, value):
    make, turns = KINDS[kind]
    path = str(tmp_path / f"x.{kind.split()[0]}")
    Path(path).write_bytes(make(value))
    try:
        found = read_rgb(path)
    except ImageError as error:
        assert kind in UNLIKE_MMCV
        assert not turns
        assert re.search(
            rf"has EXIF orientation {value}, by which mmcv turns .*; turn its pixels and save",
            str(error),
        )
        with pytest.raises(ImageError, match="has EXIF orientation"):
            check_file(path)
        return
    assert check_file(path) == check_file(path, decode=True) == found.shape[:2]
    expected = mmcv.imread(path)
    if expected is not None:  # mmcv without AVIF
        np.testing.assert_array_equal(found, expected[..., ::-1])
    meant = UPRIGHT[value if turns and value in UPRIGHT else 1](PHOTO)
    assert found.shape == meant.shape
    colour = meant if kind != "tiff tag, grey" else meant[..., :1]
    assert (
        np.abs(found.astype(int) - colour).mean() < 12
    )  # JPEG's and AVIF's loss; the nearest other turn is at 40


def test_other_turns_are_far():
    """The tolerance above tells all turns apart."""
    square = PHOTO[:64, :64].astype(int)
    for value in range(2, 9):
        assert np.abs(UPRIGHT[value](square) - square).mean() > 24


@pytest.mark.parametrize(
    "block", [b"", b"II*\0", b"II*\0" + b"\xff" * 40, HEAD + exif(6)[:9], b"MM\0*" + bytes(300)]
)
def test_blocks_that_say_nothing(block):
    assert exif_orientation(block) == 1
