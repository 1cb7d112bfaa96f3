"""What an inferencer is given: found, named and read, without any model."""

import cv2
import numpy as np
import pytest

from mmisr.datasets.inputs import Batches, InputImage, Video, open_inputs

PIXELS = np.arange(8 * 9 * 3, dtype=np.uint8).reshape(8, 9, 3)


@pytest.fixture
def folder(tmp_path):
    path = tmp_path / "photos"
    path.mkdir()
    for name in ("a.png", "a.BMP", "b.png"):
        cv2.imwrite(str(path / name), PIXELS)
    (path / "notes.txt").write_text("not an image")
    return path


def test_names_of_arrays_go_on():
    assert [image.name for image in open_inputs([PIXELS, PIXELS], 3)] == ["00000003", "00000004"]


def test_no_two_images_of_a_folder_share_a_name(folder):
    images = open_inputs(folder)
    assert [(image.name, image.path) for image in images] == [
        ("a", str(folder / "a.BMP")),
        ("a_2", str(folder / "a.png")),
        ("b", str(folder / "b.png")),
    ]
    assert np.array_equal(images[1].read(), PIXELS)  # BGR, as OpenCV wrote it


def test_an_address_gives_a_name_and_is_read_later():
    (image,) = open_inputs("https://example.org/a%20tree/oak%3F.png?size=1")
    assert image == InputImage("oak_", "https://example.org/a%20tree/oak%3F.png?size=1")


def test_an_array_is_read_as_it_is():
    (image,) = open_inputs(PIXELS)
    assert image.read() is PIXELS


@pytest.mark.parametrize(("size", "expected"), [(1, [1, 1, 1]), (2, [2, 1]), (5, [3])])
def test_batches_know_their_number(folder, size, expected):
    batches = Batches(open_inputs(folder), size, pipeline=dict, collate=list)
    assert len(batches) == len(expected)
    read = list(batches)
    assert [len(images) for images, _ in read] == expected
    images, data = read[0]
    assert [packed["img_id"] for packed in data] == [image.name for image in images]
    assert np.array_equal(data[0]["img"], PIXELS)


def test_frames_of_a_video_are_numbered(tmp_path):
    path = tmp_path / "flight.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 10.0, (16, 16))
    for _ in range(3):
        writer.write(np.full((16, 16, 3), 90, np.uint8))
    writer.release()
    video = open_inputs(path)
    assert isinstance(video, Video)
    assert (len(video), video.fps, video.name) == (3, 10.0, "flight")
    frames = list(video)
    assert [frame.name for frame in frames] == [f"flight_00000{n}" for n in range(3)]
    assert all(frame.read().shape == (16, 16, 3) for frame in frames)
