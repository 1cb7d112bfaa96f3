"""Images through an encoder and back: Pillow's formats, and H.264 by PyAV."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, features
from torch import Tensor
from torch.nn import functional as F

from mmisr.structures.pixels import to_bytes, to_unit

X264 = "libx264"
INSTALL_AV = "pip install 'mmisr[video]'"
RATE = 25
"""Frames a second that a clip says it has."""


def recoded(image: Tensor, kind: str, **options: Any) -> Tensor:
    """Write and read back one image in a format of Pillow's.

    Args:
        image: (3, H, W) RGB in [0, 1].
        kind: Pillow's name of the format.
        **options: Options of its encoder.

    Returns:
        (3, H, W) RGB in [0, 1], on 8-bit levels.
    """
    picture = Image.fromarray(_pixels(image))
    buffer = io.BytesIO()
    picture.save(buffer, format=kind, **options)
    decoded = Image.open(buffer).convert("RGB")
    return _image(np.array(decoded), image)


def webp(image: Tensor, quality: int) -> Tensor:
    """Write and read back one image as lossy WebP.

    Args:
        image: (3, H, W) RGB in [0, 1].
        quality: Quality from 1 to 100, on libwebp's scale.

    Returns:
        (3, H, W) RGB in [0, 1], on 8-bit levels.

    Raises:
        ValueError: ``quality`` is not in 1..100.
        ImportError: This Pillow cannot write WebP.
    """
    if not 1 <= quality <= 100:
        raise ValueError(f"WebP quality must be in 1..100, got {quality}")
    check_webp()
    return recoded(image, "WEBP", quality=quality)


def check_webp() -> None:
    """See that WebP can be written, before work begins.

    Raises:
        ImportError: It cannot.
    """
    if not features.check("webp"):
        raise ImportError(
            "this Pillow was built without WebP: pip install --force-reinstall pillow (its wheels "
            "have it), or leave WebP out"
        )


def h264(image: Tensor, crf: int, frames: int = 1) -> Tensor:
    """Write and read back one image as a frame of a video that x264 encodes.

    Convention: 4:2:0, BT.601 in limited range, preset ``medium``, one thread, so that the bytes do
    not depend on the machine's cores. Odd sides are made even by repeating the last row or column.

    Args:
        image: (3, H, W) RGB in [0, 1].
        crf: Constant rate factor, 0 (near lossless) to 51; x264's own default is 23.
        frames: Length of the clip. With 1 the image is a keyframe; else it is the last frame of a
            pan of one pixel a frame, predicted from those before.

    Returns:
        (3, H, W) RGB in [0, 1], on 8-bit levels.

    Raises:
        ValueError: ``crf`` is not in 0..51, or ``frames`` is below 1.
        ImportError: PyAV is not installed, or was built without x264.
    """
    if not 0 <= crf <= 51:
        raise ValueError(f"H.264 crf must be in 0..51, got {crf}")
    if frames < 1:
        raise ValueError(f"H.264 frames must be at least 1, got {frames}")
    height, width = image.shape[1:]
    even = _even(image)
    pictures = [_panned(even, left) for left in range(frames - 1, -1, -1)]
    packets = _encode(pictures, crf)
    last = _decode(packets)
    return _image(last[:height, :width], image)


def check_h264() -> None:
    """See that x264 is there, before work begins.

    Raises:
        ImportError: It is not.
    """
    try:
        import av
    except ImportError as error:
        raise ImportError(f"H.264 is encoded by PyAV: {INSTALL_AV}, or leave H264 out") from error
    if X264 not in av.codec.codecs_available:
        raise ImportError(
            f"this PyAV was built without {X264}: {INSTALL_AV} (its wheels have it), or leave "
            "H264 out"
        )


def _even(image: Tensor) -> Tensor:
    """An image whose sides are even, its last row and column repeated."""
    height, width = image.shape[1:]
    padded = F.pad(image[None], [0, width % 2, 0, height % 2], mode="replicate")
    return padded[0]


def _panned(image: Tensor, left: int) -> NDArray[np.uint8]:
    """The image so many pixels further to the right, its first column repeated."""
    width = image.shape[-1]
    moved = F.pad(image[None], [left, 0, 0, 0], mode="replicate")
    return _pixels(moved[0, ..., :width])


def _encode(pictures: list[NDArray[np.uint8]], crf: int) -> list[Any]:
    """(H, W, 3) pictures as packets of one clip."""
    check_h264()
    import av

    height, width = pictures[0].shape[:2]
    encoder: Any = av.CodecContext.create(X264, "w")
    encoder.width = width
    encoder.height = height
    encoder.pix_fmt = "yuv420p"
    encoder.framerate = RATE
    encoder.thread_count = 1
    # Without frames that look ahead the last one is a P-frame, as in live video.
    encoder.options = {"crf": str(crf), "preset": "medium", "bf": "0"}
    packets = []
    for number, picture in enumerate(pictures):
        frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
        frame.pts = number
        packets += encoder.encode(frame)
    packets += encoder.encode(None)
    return packets


def _decode(packets: list[Any]) -> NDArray[np.uint8]:
    """The last picture of a clip."""
    import av

    decoder: Any = av.CodecContext.create("h264", "r")
    decoder.thread_count = 1
    decoded: list[Any] = []
    for packet in [*packets, None]:
        decoded += decoder.decode(packet)
    last: NDArray[np.uint8] = decoded[-1].to_ndarray(format="rgb24")
    return last


def _pixels(image: Tensor) -> NDArray[np.uint8]:
    """(3, H, W) in [0, 1] to (H, W, 3) uint8."""
    pixels = to_bytes(image).permute(1, 2, 0)
    array: NDArray[np.uint8] = pixels.cpu().contiguous().numpy()
    return array


def _image(pixels: NDArray[np.uint8], like: Tensor) -> Tensor:
    """(H, W, 3) uint8 to (3, H, W) in [0, 1], of the type and device of another."""
    contiguous = np.ascontiguousarray(pixels)
    image = torch.from_numpy(contiguous).permute(2, 0, 1)
    return to_unit(image.to(like))
