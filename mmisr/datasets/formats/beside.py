"""Sets with a text file of boxes beside each image."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from mmisr.datasets.formats.records import (
    AnnotatedBox,
    AnnotatedImage,
    Options,
    Published,
    Split,
    Tally,
)
from mmisr.datasets.formats.source import Line, by_stem, check_pairs, read_lines

LineReader = Callable[[Line, Tally], AnnotatedBox | None]
"""Gives the box of a line, or None where it is left out, which it counts."""


@dataclass(frozen=True)
class Beside:
    """Where the files of a split lie.

    Args:
        name: Of the split.
        folder: Of its images.
        label_dir: Of its text files, of the images' names.
        published: Its size, where it is known.
    """

    name: str
    folder: Path
    label_dir: Path
    published: Published | None = None

    def split(self, classes: tuple[str, ...], read_line: LineReader, options: Options) -> Split:
        """The split, once each image has its text file and the other way round.

        Args:
            classes: Names of the classes.
            read_line: What a line is.
            options: Its ``encoding`` is read.

        Raises:
            FormatError: A file is missing.
        """
        images = by_stem(self.folder, self.name)
        labels = {}
        for path in self.label_dir.glob("*.txt"):
            labels[path.stem] = path
        check_pairs(images, labels, self.folder, self.label_dir)
        files = {}
        for stem, image in images.items():
            files[image] = labels[stem]

        def read(tally: Tally) -> Iterator[AnnotatedImage]:
            for image, label in files.items():
                boxes = []
                lines = read_lines(label, options.encoding)
                for line in lines:
                    box = read_line(line, tally)
                    if box is not None:
                        boxes.append(box)
                yield AnnotatedImage(image, tuple(boxes))

        count = len(files)
        return Split(self.name, classes, count, read, tuple(files.values()), self.published)
