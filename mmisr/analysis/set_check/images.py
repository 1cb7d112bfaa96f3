"""What is wrong with the image files of a set."""

from __future__ import annotations

import hashlib
import io
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from mmengine import fileio
from numpy.typing import NDArray
from PIL import Image
from tqdm import tqdm

from mmisr.analysis.set_check.findings import Finding, SetSource, found
from mmisr.analysis.set_check.near import image_hash
from mmisr.datasets.image_header import bits, orientation
from mmisr.datasets.images import MAX_PIXELS, ImageError, check_annotated_size, check_file

READERS = 4
"""Threads; Pillow decodes without Python's lock."""

IMAGE_ENDINGS = frozenset((".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp", ".ppm"))
"""Files of a folder that are taken for images."""


@dataclass(frozen=True, eq=False)
class ImageFacts:
    """What is known of an image file.

    Args:
        name: Its name in the annotation file.
        path: Where it lies.
        hw: Height and width, as it is read; None where it cannot be.
        kind: How its pixels are stored: Pillow's mode and the bits of a channel.
        orientation: By which EXIF or TIFF turn it, 1 for not at all.
        digest: Of its bytes; empty where there are none.
        fault: Why it cannot be used; empty where it can.
        size_fault: How its size differs from the annotated one; empty where it does not.
        look: (63,) bits of what it looks like; None where it was not decoded.
    """

    name: str
    path: str
    hw: tuple[int, int] | None = None
    kind: str = ""
    orientation: int = 1
    digest: str = ""
    fault: str = ""
    size_fault: str = ""
    look: NDArray[np.bool_] | None = None


def scan_images(
    source: SetSource, images: Sequence[dict[str, Any]], decode: bool = True
) -> list[ImageFacts]:
    """Read every image file of a set, with a progress bar.

    Args:
        source: The set.
        images: Entries of its annotation file.
        decode: Whether to decode them, which finds damage in the middle and what images look
            like; else headers and ends are read.

    Returns:
        One record per entry, in the same order.
    """
    read = partial(_facts, source, decode=decode)
    with ThreadPoolExecutor(READERS) as readers:
        records = readers.map(read, images)
        bar = tqdm(
            records, desc=f"reading {source.name}", total=len(images), unit="image", leave=False
        )
        return list(bar)


def _facts(source: SetSource, image: dict[str, Any], decode: bool) -> ImageFacts:
    path = fileio.join_path(source.folder, image["file_name"])
    facts = ImageFacts(image["file_name"], path)
    try:
        content = fileio.get(path)
        facts = _header(facts, content)
        may_be_clear = decode and "A" in facts.kind
        limit = source.max_pixels or MAX_PIXELS
        hw = check_file(path, decode=may_be_clear, max_pixels=limit)
        facts = replace(facts, hw=hw)
        if decode:
            facts = replace(facts, look=_look(content, path))
    except FileNotFoundError:
        return replace(facts, fault=f"{path} does not exist")
    except (ImageError, OSError) as error:
        return replace(facts, fault=str(error))
    try:
        check_annotated_size({**image, "img_path": path}, hw)
    except ImageError as error:
        return replace(facts, size_fault=str(error))
    return facts


def _header(facts: ImageFacts, content: bytes) -> ImageFacts:
    """What the header says, as far as it can be read; why not, others say better."""
    facts = replace(facts, digest=hashlib.sha256(content).hexdigest())
    try:
        with Image.open(io.BytesIO(content)) as image:
            depth = bits(image, content)
            facts = replace(facts, kind=f"{image.mode}, {depth} bits")
            return replace(facts, orientation=orientation(image, content))
    except Exception:  # decoders raise anything on damaged bytes
        return facts


def _look(content: bytes, path: str) -> NDArray[np.bool_]:
    try:
        with Image.open(io.BytesIO(content)) as image:
            return image_hash(image)
    except Exception as error:  # decoders raise anything on damaged bytes
        raise ImageError(
            f"{path} cannot be decoded: {error}; it is truncated or damaged, get it again"
        ) from error


def image_findings(source: SetSource, facts: Sequence[ImageFacts]) -> list[Finding]:
    """What the files of a set say.

    Args:
        source: The set.
        facts: Of :func:`scan_images`.

    Returns:
        Findings, in the order of the checks.
    """
    return [
        *found(
            "error",
            source.name,
            "unreadable",
            "images that cannot be used",
            [of_image.fault for of_image in facts if of_image.fault],
            "mend them, or set unreadable='skip' of mmisr.SRCocoDataset",
        ),
        *found(
            "error",
            source.name,
            "size",
            "images that are not of the annotated size",
            [of_image.size_fault for of_image in facts if of_image.size_fault],
            "boxes lie elsewhere: get the images that were annotated, or annotate these",
        ),
        *_turned(source, facts),
        *_kinds(source, facts),
        *_copies(source, facts),
    ]


def _turned(source: SetSource, facts: Iterable[ImageFacts]) -> list[Finding]:
    turned = [f"{i.name} (orientation {i.orientation})" for i in facts if i.orientation != 1]
    return found(
        "warning",
        source.name,
        "orientation",
        "images with a tag that turns them",
        turned,
        "mmdet and mmisr turn them, annotation tools may not have: look at their boxes with "
        "tools/analysis/browse_dataset.py, or save their pixels without the tag",
    )


def _kinds(source: SetSource, facts: Iterable[ImageFacts]) -> list[Finding]:
    """Grey beside colour, 16 bits beside 8: what is rare is named."""
    by_kind: dict[str, list[str]] = defaultdict(list)
    for of_image in facts:
        if of_image.kind:
            by_kind[of_image.kind].append(of_image.name)
    kinds = sorted(by_kind, key=lambda kind: -len(by_kind[kind]))
    rare = [f"{name} ({kind})" for kind in kinds[1:] for name in by_kind[kind]]
    usual = f" ({len(by_kind[kinds[0]])}: {kinds[0]})" if rare else ""
    return found(
        "warning",
        source.name,
        "mixed-kinds",
        "images of another mode or depth than the others" + usual,
        rare,
        "grey is repeated to three channels, opaque alpha is dropped, more than 8 bits are "
        "refused: convert the set to one kind",
    )


def _copies(source: SetSource, facts: Iterable[ImageFacts]) -> list[Finding]:
    """Files of one content under several names."""
    by_digest: dict[str, set[str]] = defaultdict(set)
    for of_image in facts:
        if of_image.digest:
            by_digest[of_image.digest].add(of_image.name)
    copies = [" = ".join(sorted(names)) for names in by_digest.values() if len(names) > 1]
    return found(
        "warning",
        source.name,
        "copies",
        "images that are there under several names",
        copies,
        "delete all but one: they count several times",
    )


def unlisted_findings(
    source: SetSource, facts: Iterable[ImageFacts], listed: set[Path]
) -> list[Finding]:
    """Images beside those of a set that no set lists: an archive of another version, perhaps.

    Args:
        source: The set.
        facts: Of :func:`scan_images`.
        listed: Paths of the images of all sets, which may share a folder.
    """
    folders = {Path(of_image.path).parent for of_image in facts}
    unlisted = []
    for folder in sorted(folders):
        if not folder.is_dir():
            continue
        for path in sorted(folder.iterdir()):
            is_image = path.suffix.lower() in IMAGE_ENDINGS
            if is_image and path not in listed:
                unlisted.append(path.name)
    return found(
        "note", source.name, "unlisted", "images that lie beside them and are not listed", unlisted
    )


def kinds_of(facts: Iterable[ImageFacts]) -> dict[str, int]:
    """How many images are stored in which way.

    Args:
        facts: Of :func:`scan_images`.
    """
    return dict(Counter(of_image.kind for of_image in facts if of_image.kind))
