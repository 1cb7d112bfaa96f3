"""Text in any of its encodings, and files that are not there."""

import codecs

import pytest

from mmisr.datasets.formats.source import (
    FormatError,
    Line,
    around,
    by_stem,
    check_pairs,
    first_of,
    known_class,
    read_lines,
    read_text,
)

SAYS = "a, 1\r\n\r\n élan, 2\rc, 3\n"


@pytest.mark.parametrize(
    ("mark", "encoding"),
    [
        (b"", "utf-8"),
        (codecs.BOM_UTF8, "utf-8"),
        (codecs.BOM_UTF16_LE, "utf-16-le"),
        (codecs.BOM_UTF16_BE, "utf-16-be"),
        (codecs.BOM_UTF32_LE, "utf-32-le"),
    ],
)
def test_marks_and_line_ends(tmp_path, mark, encoding):
    path = tmp_path / "a.txt"
    path.write_bytes(mark + SAYS.encode(encoding))
    lines = read_lines(path)
    assert [(line.number, line.text) for line in lines] == [
        (1, "a, 1"),
        (3, "élan, 2"),
        (4, "c, 3"),
    ]


def test_an_encoding_must_be_said(tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes(SAYS.encode("latin-1"))
    with pytest.raises(
        FormatError, match=r"a.txt, line 3: .*utf-8, found byte 0xe9.*--encoding latin-1"
    ):
        read_text(path)
    assert read_lines(path, "latin-1")[1].text == "élan, 2"
    path.write_bytes("a, 1".encode("utf-16-le"))
    with pytest.raises(FormatError, match=r"zero bytes, as UTF-16 has them.*--encoding utf-16-le"):
        read_text(path)
    assert read_text(path, "utf-16-le") == "a, 1"


def test_an_encoding_that_does_not_exist(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("a")
    with pytest.raises(FormatError, match=r"encoding must be one that Python knows, found 'utf9'"):
        read_text(path, "utf9")


def test_what_is_not_there(tmp_path):
    with pytest.raises(FormatError, match=r"must hold boxes as a or b/c, found an empty folder"):
        first_of(tmp_path, ["a", "b/c"], "boxes")
    with pytest.raises(FormatError, match=r"gone must hold boxes as a, found no such folder"):
        first_of(tmp_path / "gone", ["a"], "boxes")
    (tmp_path / "b").mkdir()
    (tmp_path / "b/c").write_text("")
    (tmp_path / "train.tar.gz").write_text("")
    assert first_of(tmp_path, ["a", "b/c"], "boxes") == tmp_path / "b/c"
    with pytest.raises(FormatError, match=r"found b; train.tar.gz\. Unpack first: train.tar.gz"):
        first_of(tmp_path, ["a"], "boxes")


def test_images_by_name(tmp_path):
    with pytest.raises(FormatError, match=r"must hold the images of a set, found an empty folder"):
        by_stem(tmp_path, "a set")
    for name in ("b.JPG", "a.png", "a.txt"):
        (tmp_path / name).write_text("")
    assert list(by_stem(tmp_path, "a set")) == ["a", "b"]


def test_pairs(tmp_path):
    check_pairs(["a"], ["a"], tmp_path / "i", tmp_path / "l")
    with pytest.raises(FormatError, match=r"l must hold a file for each of the 2 of .*i, 1 are m"):
        check_pairs(["a", "b"], ["a"], tmp_path / "i", tmp_path / "l")
    with pytest.raises(
        FormatError, match=r"i must hold a file .* are missing: c\. .*half unpacked"
    ):
        check_pairs(["a"], ["a", "c"], tmp_path / "i", tmp_path / "l")


def test_a_class_and_numbers(tmp_path):
    line = Line(tmp_path / "a.txt", 4, "cat 1 x")
    assert known_class(line, "cat", ("cat", "dog"), "") == "cat"
    with pytest.raises(FormatError, match=r"line 4: a class must be one of cat; dog, found 'bird'"):
        known_class(line, "bird", ("cat", "dog"), "Mend it")
    assert line.numbers(["1", "2.5"], "numbers") == [1, 2.5]
    with pytest.raises(FormatError, match=r"line 4: two numbers, found 'cat 1 x'\. Mend the line"):
        line.numbers(["1", "x"], "two numbers")


@pytest.mark.parametrize(
    ("corners", "box"),
    [([0, 0, 2, 0, 2, 3, 0, 3], (0, 0, 2, 3)), ([5, 1, 9, 5, 5, 9, 1, 5], (1, 1, 8, 8))],
)
def test_around(corners, box):
    assert around(corners) == box
