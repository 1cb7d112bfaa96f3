"""The one writer: whole files, whatever they are called and whatever fails."""

import os

import numpy as np
import pytest
from PIL import Image

from mmisr.ops.files import (
    LONGEST_NAME,
    UNFINISHED,
    fitting_name,
    unfinished_name,
    whole_files,
    write_bytes,
    write_image,
    write_text,
    write_whole,
)


@pytest.mark.parametrize("stem", ["a", "a" * 251, "é" * 125, "木" * 83, "a.b.c", "." + "x" * 200])
@pytest.mark.parametrize("ending", [".png", ".json"])
def test_any_name_that_can_be_written_can_be_written_whole(tmp_path, stem, ending):
    path = tmp_path / "new" / (stem + ending)
    if len(os.fsencode(path.name)) > LONGEST_NAME:
        pytest.skip("the name itself is too long")
    write_text(path, "whole é")
    write_bytes(path, path.read_bytes() * 2)
    assert path.read_text(encoding="utf-8") == "whole é" * 2
    assert [p.name for p in path.parent.iterdir()] == [path.name]


def test_temporary_names_are_short_and_the_same_again(tmp_path):
    long, other = (tmp_path / f"{'n' * 250}{k}.png" for k in (1, 2))
    assert unfinished_name(long) == unfinished_name(long) != unfinished_name(other)
    assert unfinished_name(long).parent == tmp_path
    assert unfinished_name(long).suffix == ".png"  # writers choose the format by it
    for name in (unfinished_name(long).name, unfinished_name(tmp_path / f"a.{'b' * 250}").name):
        assert len(name) < 40
        assert name.startswith(".")
        assert UNFINISHED in name


def test_what_a_killed_process_left_is_no_file(tmp_path):
    for name in ("b.json", "a.json", "a.txt"):
        (tmp_path / name).touch()
    unfinished_name(tmp_path / "c.json").touch()
    assert whole_files(tmp_path, ".json") == [tmp_path / "a.json", tmp_path / "b.json"]
    assert whole_files(tmp_path / "gone", ".json") == []


def test_a_failure_leaves_the_file_that_was_there_and_nothing_else(tmp_path):
    path = tmp_path / "x.txt"
    write_text(path, "before")

    def fail(unfinished):
        unfinished.write_text("half")
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space left"):
        write_whole(path, fail)
    assert path.read_text() == "before"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("name", "room", "expected"),
    [
        ("short", 5, "short"),
        ("n" * 250, 5, "n" * 250),
        ("n" * 251, 5, "n" * 237 + "-"),
        ("é" * 126, 5, "é" * 118 + "-"),
    ],
)
def test_names_are_cut_to_the_room_there_is(name, room, expected):
    found = fitting_name(name, room)
    assert found.startswith(expected)
    assert len(os.fsencode(found)) + room <= LONGEST_NAME
    assert fitting_name(name + "x", room) != found


@pytest.mark.parametrize(
    ("ending", "exact"), [(".png", True), (".PNG", True), (".jpg", False), (".webp", False)]
)
def test_a_picture_has_the_format_that_its_ending_names(tmp_path, ending, exact):
    pixels = np.random.default_rng(0).integers(0, 256, (16, 16, 3), dtype=np.uint8)
    write_image(tmp_path / f"a{ending}", Image.fromarray(pixels))
    with Image.open(tmp_path / f"a{ending}") as image:
        assert image.format == {".jpg": "JPEG", ".webp": "WEBP"}.get(ending, "PNG")
        assert np.array_equal(np.asarray(image), pixels) == exact
