"""UAVDT, detection: a text file of boxes a sequence, and one of regions that do not count.

Source: the readme of UAV-benchmark-MOTD_v1.0. A line of ``*_gt_whole.txt`` is frame, target, left,
top, width, height, out-of-view, occlusion, category (car 1, truck 2, bus 3); of
``*_gt_ignore.txt`` the first six count. Which sequences are train and test, ``M_attr`` says.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from mmisr.datasets.formats.records import (
    REGION,
    AnnotatedBox,
    AnnotatedImage,
    Options,
    Split,
    Tally,
)
from mmisr.datasets.formats.source import FormatError, Line, by_stem, first_of, read_lines

CLASSES = ("car", "truck", "bus")
FRAMES = ("UAV-benchmark-M",)
TRUTH = ("UAV-benchmark-MOTD_v1.0/GT", "GT")
LISTS = ("M_attr",)
FRAME = "img{:06d}"
"""How the frames of a sequence are named."""

RULE = (
    "a line must be nine whole numbers with commas: frame, target, left, top, width, height, "
    "out-of-view, occlusion, category"
)


def splits(source: Path, options: Options) -> list[Split]:
    """``train`` and ``test``, by the lists in ``M_attr``.

    Args:
        source: Folder of the three unpacked archives.
        options: Its ``encoding`` is read.
    """
    frames = first_of(source, FRAMES, "the frames of UAVDT")
    truth = first_of(source, TRUTH, "the ground truth of UAVDT")
    lists = first_of(source, LISTS, "the attributes of UAVDT, which say what train is")
    found = []
    for name in ("train", "test"):
        folder = first_of(lists, [name], "the sequences of a split")
        files = [path.name for path in folder.glob("*_attr.txt")]
        sequences = [file.removesuffix("_attr.txt") for file in sorted(files)]
        split = _split(name, sequences, frames, truth, options)
        found.append(split)
    return found


def _split(name: str, sequences: list[str], frames: Path, truth: Path, options: Options) -> Split:
    if not sequences:
        raise FormatError(
            f"M_attr/{name} must hold a file M0101_attr.txt a sequence, found none. Unpack M_attr "
            f"again"
        )
    images = {}
    files = []
    for sequence in sequences:
        folder = first_of(frames, [sequence], "the frames of a sequence")
        images[sequence] = by_stem(folder, sequence)
        for kind in ("whole", "ignore"):
            file = f"{sequence}_gt_{kind}.txt"
            files.append(first_of(truth, [file], "the boxes of a sequence"))
    counts = [len(of_sequence) for of_sequence in images.values()]

    def read(tally: Tally) -> Iterator[AnnotatedImage]:
        for sequence, of_sequence in images.items():
            boxes = _boxes(sequence, set(of_sequence), truth, options, tally)
            for stem, path in of_sequence.items():
                yield AnnotatedImage(path, tuple(boxes[stem]))

    return Split(name, CLASSES, sum(counts), read, tuple(files))


def _boxes(
    sequence: str, stems: set[str], truth: Path, options: Options, tally: Tally
) -> dict[str, list[AnnotatedBox]]:
    """What is annotated in each frame of a sequence."""
    boxes = defaultdict(list)
    for kind in ("whole", "ignore"):
        path = truth / f"{sequence}_gt_{kind}.txt"
        for line in read_lines(path, options.encoding):
            frame, box = _object(line) if kind == "whole" else _region(line)
            stem = FRAME.format(frame)
            if stem not in stems:
                raise line.error(
                    f"a frame must have its image, sequence {sequence} has {len(stems)}",
                    f"{stem}.jpg",
                    "The frames are half unpacked: unpack UAV-benchmark-M again",
                )
            boxes[stem].append(box)
            if kind == "ignore":
                tally.note("ignored region")
    return boxes


def _values(line: Line) -> list[float]:
    words = line.text.rstrip(",").split(",")
    if len(words) != 9:
        raise line.error(RULE, line.text, "Take *_gt_whole.txt of the detection benchmark")
    return line.numbers(words, RULE)


def _object(line: Line) -> tuple[int, AnnotatedBox]:
    frame, target, x, y, w, h, view, occlusion, category = _values(line)
    if category not in (1, 2, 3):
        raise line.error(
            "a category must be 1 (car), 2 (truck) or 3 (bus)",
            category,
            "The file may be *_gt.txt of tracking: take *_gt_whole.txt",
        )
    attributes = {"target": target, "out_of_view": view, "occlusion": occlusion}
    name = CLASSES[int(category) - 1]
    return int(frame), AnnotatedBox(name, (x, y, w, h), attributes=attributes)


def _region(line: Line) -> tuple[int, AnnotatedBox]:
    frame, _, x, y, w, h, *_ = _values(line)
    return int(frame), AnnotatedBox(CLASSES[0], (x, y, w, h), REGION)
