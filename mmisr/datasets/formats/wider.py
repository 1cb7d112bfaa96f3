"""WIDER FACE: one text file a split, with blocks of an image name, a count and its faces.

Source: readme.txt of wider_face_split. A face is left, top, width, height, blur, expression,
illumination, invalid, occlusion, pose. Which faces are easy, medium and hard stands in the tool's
own files (``eval_tools/ground_truth``), which are read where they lie beside the archives.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmisr.datasets.formats.records import (
    AnnotatedBox,
    AnnotatedImage,
    Options,
    Published,
    Split,
    Tally,
)
from mmisr.datasets.formats.source import FormatError, Line, first_of, read_lines

CLASSES = ("face",)
ATTRIBUTES = ("blur", "expression", "illumination", "invalid", "occlusion", "pose")
SUBSETS = ("easy", "medium", "hard")
GROUND_TRUTH = "eval_tools/ground_truth"
FACES = "wider_face_val.mat"
SUBSET_FILES = {subset: f"wider_{subset}_val.mat" for subset in SUBSETS}
WITHOUT = f"no easy, medium, hard: {GROUND_TRUTH} is not there"

PUBLISHED = {
    "train": Published(12880, "WIDER FACE", annotations=159424),
    "val": Published(3226, "WIDER FACE"),
}

RULE = f"a face must be ten whole numbers: left, top, width, height, {', '.join(ATTRIBUTES)}"


def splits(source: Path, options: Options) -> list[Split]:
    """``train`` and ``val``; the faces of ``test`` are not published.

    Args:
        source: Folder of ``wider_face_split`` and ``WIDER_{train,val}``.
        options: Its ``encoding`` is read.
    """
    lists = first_of(source, ["wider_face_split"], "the annotations of WIDER FACE")
    first_of(source, ["WIDER_train", "WIDER_val"], "images of WIDER FACE")
    found = []
    for name in PUBLISHED:
        root = source / f"WIDER_{name}"
        if not root.is_dir():
            continue
        file = f"wider_face_{name}_bbx_gt.txt"
        path = first_of(lists, [file], f"the boxes of {name}")
        folder = first_of(root, ["images"], f"the images of {name}")
        lines = read_lines(path, options.encoding)
        truth = source / GROUND_TRUTH
        files = [path]
        if name == "val":
            files += [truth / mat for mat in (FACES, *SUBSET_FILES.values())]
        split = _split(name, lines, folder, truth, tuple(files))
        found.append(split)
    return found


def _split(
    name: str, lines: Sequence[Line], folder: Path, truth: Path, files: tuple[Path, ...]
) -> Split:
    blocks = _blocks(lines)
    for head, _ in blocks:
        image = folder / head.text
        if not image.is_file():
            raise head.error(
                f"an image must lie in {folder}", head.text, f"Unpack WIDER_{name} again"
            )

    def read(tally: Tally) -> Iterator[AnnotatedImage]:
        counting = _counting(name, truth, tally)
        for head, of_image in blocks:
            faces = []
            for line in of_image:
                faces.append(_face(line, tally))
            if counting:
                faces = _with_subsets(head, faces, counting)
            path = folder / head.text
            yield AnnotatedImage(path, tuple(faces))

    return Split(name, CLASSES, len(blocks), read, files, PUBLISHED[name])


def _counting(name: str, truth: Path, tally: Tally) -> dict[str, Chosen]:
    if name != "val":
        return {}
    if truth.is_dir():
        return subsets(truth)
    tally.note(WITHOUT)
    return {}


def _blocks(lines: Sequence[Line]) -> list[tuple[Line, Sequence[Line]]]:
    """The name of each image, and the lines of its faces."""
    blocks = []
    place = 0
    while place < len(lines):
        head = lines[place]
        if place + 1 == len(lines) or not lines[place + 1].text.isdigit():
            raise head.error(
                "the name of an image must be followed by its number of faces",
                head.text,
                "The file is cut off or mixed up: unpack wider_face_split again",
            )
        count = int(lines[place + 1].text)
        # Images without faces have one line of zeros.
        end = place + 2 + max(count, 1)
        if end > len(lines):
            raise head.error(f"{count} faces must follow", len(lines) - place - 2, "Unpack again")
        faces = lines[place + 2 : end] if count else ()
        blocks.append((head, faces))
        place = end
    return blocks


def _face(line: Line, tally: Tally) -> AnnotatedBox:
    words = line.text.split()
    if len(words) != 10:
        raise line.error(RULE, line.text, "Unpack wider_face_split again")
    x, y, w, h, *rest = line.numbers(words, RULE)
    pairs = zip(ATTRIBUTES, rest, strict=True)
    attributes = dict(pairs)
    flags = {}
    if attributes["invalid"]:
        tally.note("invalid face, to be ignored")
        flags = {"ignore": 1}
    return AnnotatedBox(CLASSES[0], (x, y, w, h), flags, attributes)


@dataclass(frozen=True)
class Chosen:
    """What the published tool says about the faces of one image.

    Args:
        faces: How many there are.
        places: Which of them count, from 0 on, for each of :data:`SUBSETS`.
    """

    faces: int
    places: list[set[int]]


def subsets(folder: Path) -> dict[str, Chosen]:
    """Which faces of each image of ``val`` are easy, medium and hard.

    Args:
        folder: ``ground_truth`` of the published tool, with ``wider_face_val.mat``,
            ``wider_easy_val.mat`` and so on.

    Returns:
        By the name of the image without ending.

    Raises:
        FormatError: A file is not there, or scipy is not installed.
    """
    try:
        from scipy.io import loadmat
    except ImportError as error:
        raise FormatError(
            f"{folder} must be read with scipy, found none. pip install scipy, or move the folder "
            f"away"
        ) from error
    names, counts = _listed(loadmat(first_of(folder, [FACES], "the faces of val")))
    chosen: dict[str, list[set[int]]] = defaultdict(list)
    for subset, file in SUBSET_FILES.items():
        path = first_of(folder, [file], f"the {subset} faces")
        cells = _cells(loadmat(path)["gt_list"])
        for name, cell in zip(names, cells, strict=True):
            places = cell.reshape(-1).tolist()
            from_zero = {int(place) - 1 for place in places}
            of_image = chosen[name]
            of_image.append(from_zero)
    found = {}
    for name, count in zip(names, counts, strict=True):
        found[name] = Chosen(count, chosen[name])
    return found


def _listed(content: dict[str, Any]) -> tuple[list[str], list[int]]:
    """The images of the tool's own list, and how many faces each has."""
    names = []
    counts = []
    for cell in _cells(content["file_list"]):
        names.append(str(cell[0]))
    for cell in _cells(content["face_bbx_list"]):
        counts.append(len(cell))
    return names, counts


def _cells(events: NDArray[np.object_]) -> Iterator[NDArray[Any]]:
    """What a list of the tool has for each image, event by event."""
    for event in events[:, 0]:
        yield from event[:, 0]


def _with_subsets(
    head: Line, faces: list[AnnotatedBox], counting: dict[str, Chosen]
) -> list[AnnotatedBox]:
    stem = Path(head.text).stem
    counted = counting.get(stem)
    if counted is None or counted.faces != len(faces):
        listed = counted.faces if counted else "no such image"
        raise head.error(
            f"faces must be those of {GROUND_TRUTH}, which lists {listed}",
            len(faces),
            "Both must be of one version of WIDER FACE: get both again",
        )
    marked = []
    for place, face in enumerate(faces):
        places = zip(SUBSETS, counted.places, strict=True)
        belongs = [subset for subset, chosen in places if place in chosen]
        flags = {**face.flags, "subsets": belongs}
        marked.append(replace(face, flags=flags))
    return marked
