"""Frames written as a video come back, at their times."""

import numpy as np
import pytest

from mmisr.datasets.video import open_clip
from mmisr.datasets.video_writing import write_video

TIMES = [0.0, 0.04, 0.05, 0.3]


def pictures() -> list[np.ndarray]:
    draw = np.random.default_rng(0)
    return [draw.integers(0, 256, (16, 24, 3), dtype=np.uint8) for _ in TIMES]


def test_mkv_is_without_loss_and_keeps_variable_times(tmp_path):
    frames = pictures()
    write_video(tmp_path / "new" / "clip.mkv", zip(TIMES, frames, strict=True), 25)
    clip = open_clip(tmp_path / "new" / "clip.mkv")
    assert clip.times == pytest.approx(TIMES, abs=0.001)  # a .mkv counts milliseconds
    for found, expected in zip(clip, frames, strict=True):
        np.testing.assert_array_equal(found, expected)


def test_mp4_is_compressed(tmp_path):
    smooth = [np.full((16, 24, 3), 40 * n, dtype=np.uint8) for n in range(4)]
    write_video(tmp_path / "clip.mp4", zip(TIMES, smooth, strict=True), 25)
    clip = open_clip(tmp_path / "clip.mp4")
    assert clip.times == pytest.approx(TIMES, abs=1e-4)
    for found, expected in zip(clip, smooth, strict=True):
        assert np.abs(found.astype(int) - expected).max() <= 4


def test_no_frames_is_an_error_and_leaves_nothing(tmp_path):
    with pytest.raises(ValueError, match="would have no frames"):
        write_video(tmp_path / "clip.mkv", [], 25)
    assert list(tmp_path.iterdir()) == []
