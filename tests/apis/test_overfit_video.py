"""``tools/overfit_video.py`` as a user starts it: overfit, play back, resume, refuse."""

import json
import runpy
import shutil
import sys
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from skimage import data

from mmisr.analysis.comparison.result import Comparison
from mmisr.apis import SRDetInferencer
from mmisr.apis import overfit_video as api
from mmisr.apis.compare import compare
from mmisr.apis.overfit_video import Settings, overfit_video, play_video
from mmisr.datasets.video import open_clip
from mmisr.datasets.video_writing import write_video
from mmisr.editors.stdo.editor import read_model

ROOT = Path(__file__).parents[2]
TOOL = ROOT / "tools" / "overfit_video.py"
PAIR = "configs/resample/bicubic-x4_gfl_mobilenet-v2_frozen_tree-crowns.py"
SETTINGS = Settings(scale=2, grid=(2, 2), channels=4, blocks=1, epochs=2, general_epochs=1)


def clip(path: Path, first: int = 0) -> Path:
    photo = data.astronaut()
    frames = [photo[0:64, first + 8 * n : first + 8 * n + 64] for n in range(4)]
    contiguous = map(np.ascontiguousarray, frames)
    write_video(path, zip((0.0, 0.1, 0.15, 0.4), contiguous, strict=True), 10)
    return path


@pytest.fixture
def run(monkeypatch, capsys):
    """The tool in this process, which has imported what it needs; what it prints."""

    def start(*arguments: object) -> str:
        monkeypatch.setattr(sys, "argv", [str(TOOL), *map(str, arguments)])
        runpy.run_path(str(TOOL), run_name="__main__")
        return capsys.readouterr().out

    return start


def test_overfit_then_play_back(tmp_path, run):
    source = clip(tmp_path / "clip.mkv")
    model = tmp_path / "clip.pth"
    sizes = "--scale 2 --grid 2 2 --channels 4 --blocks 1 --epochs 2 --general-epochs 1"
    said = run(source, "--out", model, *sizes.split())
    assert f"model: {model}" in said
    assert "2 network(s)" in said
    assert sorted(path.name for path in tmp_path.iterdir()) == ["clip.mkv", "clip.pth"]
    played = run(source, "--play", model, "--out", tmp_path / "sr.mkv")
    assert played.split(" dB")[0] == said.split(" dB")[0]
    sr = open_clip(tmp_path / "sr.mkv")
    assert (len(sr), sr.hw) == (4, (64, 64))
    assert sr.times == pytest.approx(open_clip(source).times, abs=0.001)


def test_a_run_that_is_stopped_goes_on(tmp_path, monkeypatch):
    source = str(clip(tmp_path / "clip.mkv"))
    whole = overfit_video(source, str(tmp_path / "whole.pth"), SETTINGS).model
    real = api.write_whole
    written = []

    def stop_after_three(path, write):
        real(path, write)
        written.append(path)
        if len(written) == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr(api, "write_whole", stop_after_three)
    with pytest.raises(KeyboardInterrupt):
        overfit_video(source, str(tmp_path / "again.pth"), SETTINGS)
    monkeypatch.undo()
    assert (tmp_path / "again.pth.state").is_file()
    with pytest.raises(ValueError, match="epochs=2, now it is 5"):
        longer = Settings(scale=2, grid=(2, 2), channels=4, blocks=1, epochs=5, general_epochs=1)
        overfit_video(source, str(tmp_path / "again.pth"), longer, resume=True)
    again = overfit_video(source, str(tmp_path / "again.pth"), SETTINGS, resume=True).model
    assert torch.equal(whole.chunks, again.chunks)
    for before, after in zip(whole.weights, again.weights, strict=True):
        assert all(torch.equal(before[name], after[name]) for name in before)
    assert not (tmp_path / "again.pth.state").exists()


@pytest.mark.parametrize(
    ("protocol", "scale", "hw", "options"),
    [("vsd4k", 4, (100, 200), []), ("dy-dca", 2, (70, 140), ["--split-at", "18"])],
)
def test_a_published_protocol_runs(tmp_path, run, protocol, scale, hw, options):
    """All but the epochs and the size of the clip; where Dy-DCA splits, so that it has both."""
    frames = [np.ascontiguousarray(data.astronaut()[y : y + hw[0], : hw[1]]) for y in (0, 8)]
    source = tmp_path / "clip.mkv"
    write_video(source, zip((0.0, 0.1), frames, strict=True), 10)
    model = tmp_path / "clip.pth"
    options += ["--epochs", "1", "--general-epochs", "1"]
    said = run(source, "--out", model, "--protocol", protocol, "--scale", scale, *options)
    assert "2 network(s)" in said
    written = read_model(model)
    assert written.grid == (5, 10)
    blocks = {"vsd4k": [16, 16], "dy-dca": [4, 2]}
    assert [sizes["blocks"] for sizes in written.sizes] == blocks[protocol]
    assert {sizes["width"] for sizes in written.sizes} == {32}


def test_networks_of_a_clip_are_an_arm_of_a_comparison(tmp_path, tree_crops, monkeypatch):
    """Three crops as the frames of a clip; numbers that are shifted by one are noticed."""
    monkeypatch.chdir(ROOT)
    data_root = Path(tree_crops["test_dataloader.dataset.data_root"])
    name = tree_crops["test_dataloader.dataset.ann_file"]
    content = json.loads((data_root / name).read_text())
    frames = tmp_path / "frames"
    frames.mkdir()
    for number, image in enumerate(content["images"][:3]):
        shutil.copy(data_root / image["file_name"], frames / f"{number}.png")
        image["frame_index"] = number
    model = str(tmp_path / "clip.pth")
    settings = Settings(
        divide="tiles", split_at=8.5, grid=(2, 2), channels=4, blocks=2, epochs=1, general_epochs=1
    )
    written = overfit_video(str(frames), model, settings).model
    whole_then_split = torch.tensor([[1] * 4, [0] * 4, [0] * 4], dtype=torch.uint8)
    replace(written, chunks=whole_then_split).write(Path(model))
    arm = {"name": "stdo", "editor": {"type": "mmisr.STDO", "checkpoint": model}}

    def compared(folder: str, indices: int) -> Comparison:
        ann_file = tmp_path / f"{folder}.json"
        ann_file.write_text(json.dumps(content))
        options = {**tree_crops, "test_dataloader.dataset.indices": indices}
        options["test_dataloader.dataset.ann_file"] = str(ann_file)
        return compare(PAIR, [arm], tmp_path / folder, None, "cpu", 10, cfg_options=options)

    with warnings.catch_warnings():
        warnings.filterwarnings("error", message="STDO")
        found = compared("right", 2)
    whole, split = (image.tokens for image in found.runs["stdo"].images)
    assert (whole, split) == ({"large": 1, "small": 0}, {"large": 0, "small": 1})
    for image in content["images"][:3]:
        image["frame_index"] = (image["frame_index"] + 1) % 3
    with pytest.warns(UserWarning, match="STDO: LR frame 1 that is played is not the one"):
        compared("shifted", 1)


def test_another_clip_is_refused(tmp_path):
    source = str(clip(tmp_path / "clip.mkv"))
    model = str(tmp_path / "clip.pth")
    overfit_video(source, model, SETTINGS)
    assert read_model(model).clip == open_clip(source).content_hash
    other = str(clip(tmp_path / "other.mkv", first=100))
    with pytest.raises(ValueError, match="made for another clip"):
        play_video(model, other)


def test_the_tool_says_what_is_missing(run, capsys):
    with pytest.raises(SystemExit):
        run("clip.mkv")
    assert "--out MODEL is where the networks go" in capsys.readouterr().err


def test_a_pair_plays_the_lr_clip_and_detects_in_it(tmp_path, monkeypatch):
    monkeypatch.chdir(ROOT)  # the config names its checkpoints from there
    source = clip(tmp_path / "clip.mkv")
    model = str(tmp_path / "clip.pth")
    low = str(tmp_path / "low.mkv")
    settings = Settings(grid=(1, 2), channels=4, blocks=1, epochs=2, general_epochs=1)
    overfit_video(str(source), model, settings, lr_out=low)
    pair = SRDetInferencer(PAIR, device="cpu", show_progress=False)
    pair.play_clip(model)
    out = tmp_path / "out"
    found = pair(low, batch_size=3, out_dir=str(out), save_sr=True, no_save_vis=True)
    assert len(found["predictions"]) == 4
    play_video(model, str(source), str(tmp_path / "sr.mkv"))
    files = sorted((out / "sr").iterdir())
    for file, expected in zip(files, open_clip(tmp_path / "sr.mkv"), strict=True):
        # In batches of three, sums are rounded otherwise than one by one: a level, here and there.
        difference = np.asarray(Image.open(file)).astype(int) - expected
        assert np.abs(difference).max() <= 1
        assert np.abs(difference).mean() < 1e-3
    photo = data.astronaut()[:16, :16, ::-1].copy()
    with pytest.raises(ValueError, match="frame_index, and got none"):
        pair(photo)
    another = str(clip(tmp_path / "another.mkv", first=300))
    overfit_video(another, str(tmp_path / "another.pth"), settings, lr_out=low)
    with pytest.warns(UserWarning, match=r"LR frame \d .*clip\.pth learned from, .*of clip\.mkv"):
        pair(low, out_dir=str(out), no_save_vis=True)
    other = Settings(scale=2, grid=(1, 2), channels=4, blocks=1, epochs=1, general_epochs=1)
    overfit_video(str(source), model, other)
    with pytest.raises(ValueError, match="scale must be that of its model.*is 2, got 4"):
        pair.play_clip(model)
