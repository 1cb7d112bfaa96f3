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
from mmisr.analysis.overfitting.settings import Settings
from mmisr.datasets.video import open_clip
from mmisr.editors.stdo.editor import STDO
from mmisr.editors.stdo.net import WDSR
from mmisr.ops.patches import split

SMALL = {"scale": 2, "grid": (2, 2), "channels": 4, "blocks": 1}
SETTINGS = Settings(**SMALL, epochs=3, general_epochs=2)
CLIP = "c" * 64


@pytest.fixture
def clip(tmp_path):
    folder = tmp_path / "clip"
    folder.mkdir()
    photo = data.astronaut()
    for number in range(5):
        x = 8 * number
        Image.fromarray(photo[0:64, x : x + 64]).save(folder / f"{number}.png")
    return open_clip(folder)


@pytest.fixture
def patches(clip, tmp_path):
    return store_patches(clip, SETTINGS, tmp_path / "patches", lambda _: None)[0]


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
        patches, frames = store_patches(clip, SETTINGS, tmp_path / "p", lambda _: None)
    assert frames.tolist() == [0, 1, 3, 4]
    assert len(patches) == 16
    run = finished(patches)
    model = run.model(frames, len(clip), (32, 32))
    assert model.chunks.shape == (5, 4)
    assert torch.equal(model.chunks[[0, 1, 3, 4]].flatten().long(), run.chunks)


def test_labels_are_reproducible_and_follow_the_general_network(patches):
    first = finished(patches)
    second = finished(patches)
    assert torch.equal(first.chunks, second.chunks)
    assert first.chunks.bincount().tolist() == [10, 10]
    net = WDSR(folded=True, **SETTINGS.sizes)
    net.load_state_dict(first.trained["general"])
    psnr = score(net, patches, SETTINGS.shave, "cpu")
    assert psnr[first.chunks == 0].max() <= psnr[first.chunks == 1].min()


@pytest.mark.parametrize("joint", [False, True])
def test_a_run_that_stops_after_any_epoch_goes_on_bit_by_bit(patches, tmp_path, joint):
    settings = Settings(**SMALL, epochs=3, general_epochs=2, joint=joint)
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
    ("change", "networks"), [({"k": 1}, 1), ({"k": 3}, 3), ({"joint": True}, 1)]
)
def test_what_is_written_has_as_many_networks(patches, change, networks):
    run = finished(patches, Settings(**SMALL, epochs=1, general_epochs=1, **change))
    model = run.model(torch.arange(5), 5, (32, 32))
    assert len(model.weights) == networks
    assert int(model.chunks.max()) == networks - 1


def test_what_is_measured_is_the_pooled_error_of_the_written_model(clip, patches, tmp_path):
    run = finished(patches)
    model = run.model(torch.arange(5), 5, (32, 32))
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
    patches = store_patches(clip, settings, tmp_path / "patches", lambda _: None)[0]
    _, whole, low = next(iter(frames_of(clip, 2)))
    lr, hr = patches.batch(torch.arange(3), "cpu")
    assert torch.equal(lr[2], low[0, :, :, 21:])
    assert torch.equal((hr[2] * 255).round().byte(), whole[0, :, :, 42:])
    model = finished(patches, settings).model(torch.arange(5), 5, (32, 32))
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
        Settings(k=1, joint=True)


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
