"""A clip is overfitted: labels, resuming, what is measured, what is refused."""

import math

import numpy as np
import pytest
import torch
from PIL import Image
from skimage import data

from mmisr.analysis.overfitting.frames import frames_of, store_patches
from mmisr.analysis.overfitting.playing import measure, play
from mmisr.analysis.overfitting.run import Overfitting, score
from mmisr.analysis.overfitting.settings import Settings, settings_of
from mmisr.datasets.video import open_clip
from mmisr.editors.stdo.chunks import patch_hw
from mmisr.editors.stdo.editor import STDO
from mmisr.editors.stdo.net import WDSR
from mmisr.editors.stdo.thumbnails import thumbnails_of
from mmisr.editors.stdo.training import Learner
from mmisr.ops.patches import split

SMALL = {"scale": 2, "grid": (2, 2), "channels": 4, "blocks": 1}
SETTINGS = Settings(**SMALL, epochs=3, general_epochs=2)
CLIP = "c" * 64
TILES = {**SMALL, "blocks": 2, "divide": "tiles"}
SPLIT_AT = 11.0
"""In dB, amid what the general network of few epochs gives the tiles of the clip below."""


@pytest.fixture
def clip(tmp_path):
    folder = tmp_path / "clip"
    folder.mkdir()
    photo = data.astronaut()
    for number in range(5):
        x = 8 * number
        Image.fromarray(photo[0:64, x : x + 64]).save(folder / f"{number}.png")
    return open_clip(folder)


def cut(clip, tmp_path, settings=SETTINGS):
    return store_patches(clip, settings, tmp_path / "patches", lambda _: None)


@pytest.fixture
def stored(clip, tmp_path):
    return cut(clip, tmp_path)


@pytest.fixture
def patches(stored):
    return stored.patches


def finished(patches, settings=SETTINGS, **options) -> Overfitting:
    run = Overfitting(settings, CLIP, patches, **options)
    for _ in run.run():
        pass
    return run


def test_patches_are_those_of_the_frames(clip, patches):
    frames = list(frames_of(clip, 2))
    assert [number for number, *_ in frames] == [0, 1, 2, 3, 4]
    lr, hr = patches.batch(torch.arange(4, 8), "cpu")
    _, whole, low = frames[1]
    assert torch.equal(lr, split(low, (16, 16)))
    assert torch.equal((hr * 255).round().byte(), split(whole, (32, 32)))
    assert (len(patches), patches.lr.dtype) == (20, np.uint8)


def test_a_frame_that_cannot_be_decoded_is_left_out_and_named(clip, tmp_path):
    clip.files[2].write_bytes(b"damaged")
    with pytest.warns(UserWarning, match="left out: frame 2 of"):
        stored = cut(clip, tmp_path)
    assert stored.frames.tolist() == [0, 1, 3, 4]
    assert len(stored.patches) == 16
    run = finished(stored.patches)
    model = run.model(stored, clip)
    assert model.chunks.shape == (5, 4)
    assert model.thumbnails[2].max() == 0
    assert torch.equal(model.chunks[[0, 1, 3, 4]].flatten().long(), run.chunks)


def test_labels_are_reproducible_and_follow_the_general_network(patches):
    first = finished(patches)
    second = finished(patches)
    assert torch.equal(first.chunks, second.chunks)
    assert first.chunks.bincount().tolist() == [10, 10]
    net = WDSR(folded=True, **SETTINGS.stages[0].sizes)
    net.load_state_dict(first.trained["general"])
    psnr = score(net, patches, SETTINGS.shave, "cpu")
    assert psnr[first.chunks == 0].max() <= psnr[first.chunks == 1].min()


@pytest.mark.parametrize(
    "change", [SMALL, {**SMALL, "divide": "joint"}, {**TILES, "split_at": SPLIT_AT}]
)
def test_a_run_that_stops_after_any_epoch_goes_on_bit_by_bit(patches, tmp_path, change):
    settings = Settings(**change, epochs=2, general_epochs=1)
    expected = finished(patches, settings)
    for stop in range(1, expected.epochs_in_all + 1):
        run = Overfitting(settings, CLIP, patches)
        for done, _ in enumerate(run.run(), 1):
            if done == stop:
                break
        torch.save(run.state_dict(), tmp_path / "state")
        again = Overfitting(settings, CLIP, patches)
        again.load_state_dict(torch.load(tmp_path / "state", weights_only=True))
        assert again.epochs_done == stop
        assert len(list(again.run())) == expected.epochs_in_all - stop
        assert torch.equal(again.chunks, expected.chunks)
        for stage, weights in expected.trained.items():
            for name, weight in weights.items():
                assert torch.equal(again.trained[stage][name], weight), (stop, stage, name)


def test_a_stopped_run_of_other_settings_is_refused(patches):
    state = finished(patches).state_dict()
    for change, message in (
        ({"clip": "d" * 64}, "clip=c+, now it is d+"),
        ({"seed": 1}, "seed=226, now it is 1"),
        ({"settings": Settings(**SMALL, epochs=4)}, "epochs=3, now it is 4"),
    ):
        options = {"settings": SETTINGS, "clip": CLIP, "patches": patches, **change}
        with pytest.raises(ValueError, match=rf"{message}; resume it as it was begun"):
            Overfitting(**options).load_state_dict(state)


@pytest.mark.parametrize(
    ("change", "networks"), [({"k": 1}, 1), ({"k": 3}, 3), ({"divide": "joint"}, 1)]
)
def test_what_is_written_has_as_many_networks(clip, stored, change, networks):
    run = finished(stored.patches, Settings(**SMALL, epochs=1, general_epochs=1, **change))
    model = run.model(stored, clip)
    assert len(model.weights) == networks
    assert int(model.chunks.max()) == networks - 1
    assert model.parts == [1] * networks
    assert not model.costs_differ


def test_what_is_written_names_the_clip_and_shows_its_lr_frames(clip, stored):
    model = finished(stored.patches).model(stored, clip)
    assert model.name == "clip"
    lr_frames = torch.cat([lr for _, _, lr in frames_of(clip, 2)])
    assert torch.equal(model.thumbnails, thumbnails_of(lr_frames))


def test_tiles_are_split_by_the_general_network(clip, stored, tmp_path):
    settings = Settings(**TILES, epochs=1, general_epochs=2, split_at=SPLIT_AT)
    run = finished(stored.patches, settings)
    general, small, large = settings.stages
    net = WDSR(folded=True, **general.sizes)
    net.load_state_dict(run.trained["general"])
    psnr = score(net, stored.patches, settings.shave, "cpu")
    assert torch.equal(run.chunks == 0, psnr <= SPLIT_AT)
    assert 0 < run.chunks.sum() < 20
    model = run.model(stored, clip)
    assert model.parts == [2, 1]
    assert [sizes["blocks"] for sizes in model.sizes] == [2, 1]
    assert model.sizes[0]["width"] == model.sizes[1]["width"]
    assert model.chunk_bytes == 3  # 20 bits
    model.write(tmp_path / "model.pth")
    editor = STDO(str(tmp_path / "model.pth"))
    assert measure(editor, clip, lambda _: None).psnr > 5


def test_each_network_learns_its_own_tiles_and_no_others(patches, monkeypatch):
    seen = []
    learn = Learner.learn

    def watched(learner, of, order):
        seen.append((of.parts, order.sort().values))
        return learn(learner, of, order)

    monkeypatch.setattr(Learner, "learn", watched)
    run = finished(patches, Settings(**TILES, epochs=1, general_epochs=2, split_at=SPLIT_AT))
    of_general, _, of_small, of_large = seen
    assert (of_general[0], of_small[0], of_large[0]) == (1, 2, 1)
    assert of_general[1].tolist() == list(range(20))
    split = (run.chunks == 0).nonzero().flatten().tolist()
    assert of_small[1].tolist() == [4 * tile + part for tile in split for part in range(4)]
    assert of_large[1].tolist() == sorted(set(range(20)) - set(split))


@pytest.mark.parametrize(("split_at", "name"), [(1.0, "large tiles"), (99.0, "small tiles")])
def test_a_network_that_no_tile_is_left_for_is_not_written(clip, stored, split_at, name):
    settings = Settings(**TILES, epochs=1, general_epochs=1, split_at=split_at)
    with pytest.warns(UserWarning, match=r"between the \d+\.\d and \d+\.\d dB of the hardest"):
        run = finished(stored.patches, settings)
    assert list(run.trained) == ["general", name]
    assert run.epochs_done == run.epochs_in_all == 2
    model = run.model(stored, clip)
    assert (len(model.weights), model.chunk_bytes, int(model.chunks.max())) == (1, 0, 0)
    assert model.parts == [2 if name == "small tiles" else 1]


def test_what_is_measured_is_the_pooled_error_of_the_written_model(clip, stored, tmp_path):
    patches = stored.patches
    run = finished(patches)
    model = run.model(stored, clip)
    model.write(tmp_path / "model.pth")
    editor = STDO(str(tmp_path / "model.pth"))
    played = measure(editor, clip, lambda _: None)
    errors = []
    networks = model.networks()
    for number in range(20):
        lr, hr = patches.batch(torch.tensor([number]), "cpu")
        with torch.no_grad():
            sr = networks[model.chunks.flatten()[number]](lr)
        levels = (sr.clamp(0, 1) * 255).round() - (hr * 255).round()
        errors.append(levels[..., 6:-6, 6:-6].double().square().mean().item())
    mean = sum(errors) / len(errors)
    assert played.psnr == pytest.approx(10 * math.log10(255**2 / mean), abs=1e-4)
    assert played.fps > 0


def test_a_grid_that_does_not_divide_the_frame(clip, tmp_path):
    """Three columns of 11 LR pixels on 32: the last overlaps, and the whole frame is played."""
    settings = Settings(**{**SMALL, "grid": (1, 3)}, epochs=2, general_epochs=1)
    stored = cut(clip, tmp_path, settings)
    patches = stored.patches
    _, whole, low = next(iter(frames_of(clip, 2)))
    lr, hr = patches.batch(torch.arange(3), "cpu")
    assert torch.equal(lr[2], low[0, :, :, 21:])
    assert torch.equal((hr[2] * 255).round().byte(), whole[0, :, :, 42:])
    model = finished(patches, settings).model(stored, clip)
    model.write(tmp_path / "model.pth")
    editor = STDO(str(tmp_path / "model.pth"))
    (frame, *_) = play(editor, clip)
    assert frame.sr.shape == frame.hr.shape == (1, 3, 64, 64)
    networks = model.networks()
    with torch.no_grad():
        parts = [networks[model.chunks[0, n]](lr[n : n + 1]) for n in range(3)]
    middle = ((parts[1][..., 20:] + parts[2][..., :2]) / 2).clamp(0, 1)
    shown = frame.sr[..., 42:44].float() / 255
    torch.testing.assert_close(shown, middle, atol=0.6 / 255, rtol=0)
    assert measure(editor, clip, lambda _: None).psnr > 5


@pytest.mark.parametrize("name", ["scale", "k", "channels", "blocks", "epochs", "general_epochs"])
def test_settings_are_at_least_1(name):
    with pytest.raises(ValueError, match=f"{name} must be at least 1, got 0"):
        Settings(**{name: 0})


def test_a_joint_network_needs_chunks():
    with pytest.raises(ValueError, match="joint needs k of at least 2.*got k=1"):
        Settings(k=1, divide="joint")


@pytest.mark.parametrize("change", [{"k": 3}, {"k": 1}, {"blocks": 3}])
def test_tiles_have_two_sizes(change):
    with pytest.raises(ValueError, match="k must be 2, and blocks even"):
        Settings(divide="tiles", **change)


def test_a_division_has_a_name():
    with pytest.raises(ValueError, match=r"divide must be one of .*'tiles'.*got 'halves'"):
        Settings(divide="halves")


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_protocols_are_the_published_settings_at_1080p(scale):
    """STDO: HR patches of 96 x 108 at x2. Dy-DCA: LR tiles of 96 x 108, and a quarter of them."""
    stdo = settings_of("vsd4k", scale=scale)
    assert stdo == Settings(scale=scale, grid=(10, 20) if scale == 2 else (5, 10))
    high, wide = patch_hw((1080 // scale, 1920 // scale), stdo.grid)
    assert (scale * high, scale * wide) == ((108, 96) if scale == 2 else (216, 192))
    general, small, large = settings_of("dy-dca", scale=scale).stages
    assert (small.sizes["blocks"], large.sizes["blocks"]) == (4, 2)
    assert (small.sizes["width"], small.sizes["expansion"]) == (32, 2)
    assert (general.epochs, small.epochs, small.parts, large.parts) == (30, 80, 2, 1)
    if scale == 2:
        assert patch_hw((540, 960), settings_of("dy-dca", scale=2).grid) == (108, 96)


def test_what_is_given_goes_before_a_protocol():
    assert settings_of(None, k=3) == Settings(k=3)
    assert settings_of("vsd4k", scale=8, grid=(2, 2), epochs=1) == Settings(
        scale=8, grid=(2, 2), epochs=1
    )
    with pytest.raises(ValueError, match=r"grids for the scales \[2, 3, 4\], got 8"):
        settings_of("vsd4k", scale=8)
    with pytest.raises(ValueError, match=r"one of \['dy-dca', 'vsd4k'\], got 'vsd'"):
        settings_of("vsd")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"scale": 3, "grid": (1, 1)}, "must be multiples of the scale 3, got 64 x 64"),
        ({"scale": 2, "grid": (17, 2)}, "cover the LR frame of 32 x 32"),
        ({"scale": 2, "grid": (8, 8)}, r"patches of \(8, 8\) HR pixels are too small"),
    ],
)
def test_frames_that_do_not_fit_are_refused(clip, tmp_path, change, message):
    with pytest.raises(ValueError, match=message):
        store_patches(clip, Settings(**change), tmp_path, lambda _: None)
