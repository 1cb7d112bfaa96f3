"""Clips: seeking gives what decoding in order gives; damage is named; times stay."""

import sys
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image
from skimage import data

from mmisr.datasets import video
from mmisr.datasets.images import ImageError
from mmisr.datasets.video import FrameError, VideoClip, open_clip

COUNT = 30
STAMPS = [40 * n + 7 * (n % 3) + (200 if n > 11 else 0) for n in range(COUNT)]
"""Milliseconds of a clip of variable frame rate."""


def pictures(count: int = COUNT) -> list[np.ndarray]:
    """A photo that moves: no two frames are equal."""
    photo = data.astronaut()
    return [np.ascontiguousarray(photo[60 : 60 + 64, 3 * n : 3 * n + 96]) for n in range(count)]


def write(path: Path, codec: str = "libx264", stamps=None, options=None, gop: int = 8) -> Path:
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=25, options=options or {})
        stream.width, stream.height = 96, 64
        stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
        stream.gop_size = gop
        if codec != "mjpeg":
            stream.max_b_frames = 2
        stream.codec_context.time_base = Fraction(1, 1000)
        for number, picture in enumerate(pictures()):
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts = 40 * number if stamps is None else stamps[number]
            frame.time_base = Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def in_order(path: Path) -> list[np.ndarray]:
    """All frames by PyAV's own loop."""
    with av.open(str(path)) as container:
        return [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]


@pytest.mark.parametrize(
    ("name", "codec", "options"),
    [
        ("clip.mp4", "libx264", {"bf": "2"}),
        ("open.mp4", "libx264", {"x264-params": "open-gop=1:bframes=3:keyint=7:scenecut=0"}),
        ("clip.mkv", "libx264", {"bf": "3"}),
        ("clip.mov", "mpeg4", {}),
        ("clip.avi", "mjpeg", {}),
        ("clip.ts", "libx264", {"bf": "3"}),
    ],
)
def test_a_frame_by_its_number_is_the_frame_of_decoding_in_order(tmp_path, name, codec, options):
    path = write(tmp_path / name, codec, options=options)
    expected = in_order(path)
    clip = open_clip(path)
    assert len(clip) == len(expected) == COUNT
    assert clip.hw == (64, 96)
    order = [*range(COUNT), 29, 3, 4, 5, 17, 0, 16, 15, 8, 9, 7, 28, 1, 1]
    order += np.random.default_rng(0).permutation(COUNT).tolist()
    for number in order:
        np.testing.assert_array_equal(clip[number], expected[number], err_msg=f"frame {number}")


def test_a_container_that_says_only_when_frames_are_decoded_is_refused(tmp_path):
    """An AVI of B-frames: its frames would come in the wrong order, without an error."""
    path = write(tmp_path / "clip.avi", options={"bf": "3"})
    with pytest.raises(ImageError, match=r"clip\.avi need a time stamp each.*new\.mp4"):
        open_clip(path)


def test_a_clip_that_was_cut_off_names_what_is_missing(tmp_path, monkeypatch):
    path = write(tmp_path / "whole.mp4")
    packed = tmp_path / "first.mp4"
    with (
        av.open(str(path)) as whole,
        av.open(str(packed), "w", options={"movflags": "faststart"}) as container,
    ):  # the index before the pictures, as on the web
        stream = container.add_stream_from_template(whole.streams.video[0])
        for packet in whole.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                container.mux(packet)
    content = packed.read_bytes()
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(content[: len(content) * 6 // 10])
    expected = in_order(path)
    said = []
    monkeypatch.setattr(video, "print_log", lambda text, **keys: said.append(text))
    clip = open_clip(cut)
    count = len(clip)
    assert 8 < count < COUNT
    assert f"frames {count} to {COUNT - 1} are missing" in said[0]
    np.testing.assert_array_equal(clip[5], expected[5])


def test_the_clip_of_the_test_has_b_frames_and_several_keyframes(tmp_path):
    clip = VideoClip(write(tmp_path / "clip.mp4"))
    packets = [p.pts for p in av.open(str(clip.path)).demux(video=0) if p.pts is not None]
    assert packets != sorted(packets)
    assert 1 < len(clip._keys) < COUNT


def test_frames_in_order_are_decoded_once(tmp_path, monkeypatch):
    clip = VideoClip(write(tmp_path / "clip.mp4"))
    jumps = []
    real = VideoClip._seek
    monkeypatch.setattr(VideoClip, "_seek", lambda self, at: jumps.append(at) or real(self, at))
    list(clip)
    assert len(jumps) <= len(clip._keys)


def test_a_variable_frame_rate_keeps_its_times(tmp_path):
    path = write(tmp_path / "vfr.mkv", stamps=STAMPS)
    clip = open_clip(path)
    assert [round(1000 * time) for time in clip.times] == STAMPS
    expected = in_order(path)
    for number in (20, 11, 12, 13, 29, 0):
        np.testing.assert_array_equal(clip[number], expected[number])
    assert clip.fps == pytest.approx(1000 * (COUNT - 1) / STAMPS[-1])


def damage(path: Path, number: int) -> None:
    """Overwrite the data of the packet that is shown as frame ``number``."""
    with av.open(str(path)) as container:
        packets = [p for p in container.demux(video=0) if p.pts is not None]
        by_time = sorted(packets, key=lambda packet: packet.pts)
        place, size = by_time[number].pos, by_time[number].size
    content = bytearray(path.read_bytes())
    content[place + 4 : place + size] = bytes([0x5A, 0xA5] * size)[: size - 4]
    path.write_bytes(content)


def test_a_damaged_frame_is_named_and_the_others_are_usable(tmp_path):
    path = write(tmp_path / "clip.mov", "mjpeg")
    expected = in_order(path)
    damage(path, 9)
    clip = open_clip(path)
    assert len(clip) == COUNT
    with pytest.raises(FrameError, match=r"frame 9 of .*clip\.mov.*the other frames can be used"):
        clip[9]
    for number in (8, 10, 0, 29):
        np.testing.assert_array_equal(clip[number], expected[number])
    with pytest.raises(FrameError, match="frame 9"):
        clip[9]


def test_damage_reaches_to_the_next_keyframe_and_no_wrong_pixel_is_given(tmp_path, monkeypatch):
    path = write(tmp_path / "clip.mp4", options={"x264-params": "keyint=10:scenecut=0:bframes=0"})
    expected = in_order(path)
    damage(path, 13)
    clip = open_clip(path)
    jumps = []
    real = VideoClip._seek
    monkeypatch.setattr(VideoClip, "_seek", lambda self, at: jumps.append(at) or real(self, at))
    refused = []
    for number in [*reversed(range(COUNT)), *range(COUNT)]:
        try:
            np.testing.assert_array_equal(clip[number], expected[number])
        except FrameError:
            refused.append(number)
    assert sorted(set(refused)) == list(range(13, 20))
    assert len(jumps) <= 2 * COUNT  # no search through the keyframes before


def test_a_folder_of_frames(tmp_path):
    frames = pictures(4)
    for number, frame in enumerate(frames):
        Image.fromarray(frame).save(tmp_path / f"{number:03d}.png")
    clip = open_clip(tmp_path, fps=10)
    assert (len(clip), clip.hw, clip.times) == (4, (64, 96), (0.0, 0.1, 0.2, 0.3))
    np.testing.assert_array_equal(clip[np.int64(2)], frames[2])
    with pytest.raises(ValueError, match="fps must be above 0, got 0"):
        open_clip(tmp_path, fps=0)
    (tmp_path / "001.png").write_bytes(b"no image")
    with pytest.raises(FrameError, match="frame 1 of"):
        clip[1]
    np.testing.assert_array_equal(clip[3], frames[3])


def test_the_hash_is_of_the_content(tmp_path):
    first = write(tmp_path / "a.mp4")
    again = tmp_path / "b.mp4"
    again.write_bytes(first.read_bytes())
    assert open_clip(first).content_hash == open_clip(again).content_hash
    damage(again, 3)
    assert open_clip(first).content_hash != open_clip(again).content_hash


def test_frames_without_times_of_their_own_are_refused(tmp_path):
    path = write(tmp_path / "clip.avi", "mpeg4")  # AVI keeps no times, and B-frames need them
    with pytest.raises(ImageError, match=r"need a time stamp each, found 0 for 30.*new\.mp4"):
        open_clip(path)


def test_what_is_no_clip_is_refused(tmp_path, monkeypatch):
    with pytest.raises(FileNotFoundError, match=r"clip .*none\.mp4 does not exist"):
        open_clip(tmp_path / "none.mp4")
    with pytest.raises(ImageError, match="holds no image"):
        open_clip(tmp_path)
    text = tmp_path / "text.mp4"
    text.write_text("no video")
    with pytest.raises(ImageError, match="no video that FFmpeg reads"):
        open_clip(text)
    clip = open_clip(write(tmp_path / "clip.mp4"))
    for number in (-1, COUNT, 1.5):
        with pytest.raises(IndexError, match=f"frames 0 to {COUNT - 1}"):
            clip[number]
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(ImportError, match=r"pip install 'mmisr\[video\]'"):
        open_clip(text)
