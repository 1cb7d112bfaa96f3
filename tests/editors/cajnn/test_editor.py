"""The editor: self-ensemble, the loss of the ablation, checkpoints of pairs, and bad input."""

import numpy as np
import pytest
import torch
from mmengine.config import Config
from skimage import data

from mmisr.analysis.comparison.named_arms import named_arms
from mmisr.datasets.crops import RandomPatch
from mmisr.degradation.recipes import Degradation
from mmisr.degradation.transform import SimulateLR
from mmisr.editors.cajnn.editor import clean_lr
from mmisr.registry import MODELS

SIZE = {"channels": 6, "growth": 3, "blocks": 1}


def build(**keys):
    torch.manual_seed(0)
    return MODELS.build({"type": "mmisr.CAJNN", "size": SIZE, **keys})


@torch.no_grad()
def loud(editor):
    """Fresh weights are near bilinear, which turns with its input by itself."""
    torch.manual_seed(1)
    for parameter in editor.parameters():
        parameter.add_(torch.randn_like(parameter) * 0.1)
    return editor


def views(image):
    return [
        torch.rot90(side, turns, (-2, -1)) for side in (image, image.flip(-1)) for turns in range(4)
    ]


@pytest.fixture(scope="module")
def hr():
    pixels = torch.from_numpy(data.astronaut()).permute(2, 0, 1).float() / 255
    return pixels[None, :, 60:156, 150:282]


@pytest.fixture(scope="module")
def lr(hr):
    return Degradation(4, jpeg_quality=(20, 20))(hr, [0])


@pytest.mark.parametrize("view", range(8))
def test_a_self_ensemble_turns_with_its_input(lr, view):
    editor = loud(build(self_ensemble=True)).eval()
    single = loud(build()).eval()
    with torch.no_grad():
        turned = editor.upscale(views(lr)[view]).image
        expected = views(editor.upscale(lr).image)[view]
        torch.testing.assert_close(turned, expected, atol=1e-5, rtol=0)
        if view:
            alone = single.upscale(views(lr)[view]).image - views(single.upscale(lr).image)[view]
            assert alone.abs().max() > 1e-3, "one pass turned with its input too"


def test_a_self_ensemble_is_the_mean_of_eight_unclamped_floats(lr):
    editor = loud(build(self_ensemble=True)).eval()
    back = {1: 3, 2: 2, 3: 1, 0: 0}
    with torch.no_grad():
        total = 0
        for turns in range(4):
            plain = editor.net(torch.rot90(lr, turns, (-2, -1)))
            mirrored = editor.net(torch.rot90(lr.flip(-1), turns, (-2, -1)))
            total = total + torch.rot90(plain, back[turns], (-2, -1))
            total = total + torch.rot90(mirrored, back[turns], (-2, -1)).flip(-1)
        assert (total / 8).max() > 1, "nothing was clamped in this test"
        torch.testing.assert_close(editor.upscale(lr).image, (total / 8).clamp(0, 1))
        assert editor.count_macs(lr) == 8 * loud(build()).eval().count_macs(lr)


@pytest.mark.parametrize("hw", [(1, 1), (1, 7), (5, 3)])
def test_a_self_ensemble_takes_odd_sizes(hw):
    editor = build(self_ensemble=True, scale=2).eval()
    with torch.no_grad():
        assert editor.upscale(torch.rand(2, 3, *hw)).image.shape[-2:] == (2 * hw[0], 2 * hw[1])


def test_training_takes_one_pass(lr):
    editor = loud(build(self_ensemble=True)).train()
    with torch.no_grad():
        torch.testing.assert_close(editor.upscale(lr).image, editor.net(lr))


def test_the_lr_loss_is_against_the_clean_lr_image(lr, hr):
    """Clean LR is what the recipe makes without JPEG, but for its rounding to 8 bits."""
    editor = loud(build(lr_weight=2.0)).train()
    losses = editor.losses(lr, hr)
    assert set(losses) == {"loss_pixel", "loss_cajnn_lr"}
    image, restored = editor.net.both(lr)
    clean = Degradation(4)(hr, [0])
    assert (clean_lr(hr, lr.shape[-2:]) - clean).abs().max() <= 0.5 / 255 + 1e-6
    expected = 2 * (restored - clean).abs().mean()
    torch.testing.assert_close(losses["loss_cajnn_lr"], expected, atol=1e-3, rtol=0)
    torch.testing.assert_close(losses["loss_pixel"], (image - hr).abs().mean())


def test_without_a_weight_there_is_no_head_and_no_term(lr, hr):
    editor = build().train()
    assert set(editor.losses(lr, hr)) == {"loss_pixel"}
    assert editor.net.lr_head is None
    shared = build(lr_weight=1.0).net.state_dict()
    for name, value in editor.net.state_dict().items():
        assert torch.equal(value, shared[name]), "the ablation starts from other weights"


def test_it_learns_an_image_by_heart(lr, hr):
    """Clearly better than the bilinear image that it starts from."""
    editor = build().train()
    lr, hr = lr[..., 4:16, 4:16], hr[..., 16:64, 16:64]
    optimizer = torch.optim.Adam(editor.parameters(), lr=5e-3)
    losses = []
    for _ in range(120):
        loss = editor.losses(lr, hr)["loss_pixel"]
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.8 * losses[0]


def test_a_checkpoint_of_a_pair_is_read(tmp_path):
    editor = loud(build())
    state = {f"editor.{name}": value for name, value in editor.state_dict().items()}
    state["detector.backbone.weight"] = torch.zeros(2)
    torch.save({"state_dict": state}, tmp_path / "pair.pth")
    read = build(checkpoint=str(tmp_path / "pair.pth"))
    for name, value in editor.state_dict().items():
        assert torch.equal(value, read.state_dict()[name])
    with pytest.raises(ValueError, match="pair.pth"):
        build(scale=2, checkpoint=str(tmp_path / "pair.pth"))


def test_arms_come_from_its_info():
    arms = named_arms({"type": "mmisr.CAJNN", "size": "nano"})
    assert {"lr", "bicubic", "editor", "hr"} <= set(arms)
    info = MODELS.build({"type": "mmisr.CAJNN"}).info
    assert (info.name, info.scale, info.adaptive) == ("cajnn_nano", 4, False)


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"size": "huge"}, r"CAJNN\.size must be one of \['paper', 'nano'\], or a dict.*'huge'"),
        ({"lr_weight": -1}, r"CAJNN: lr_weight must be >= 0, got -1"),
        ({"lr_weight": "1"}, r"CAJNN\.lr_weight must be float, got '1'"),
        ({"self_ensemble": 8}, r"CAJNN\.self_ensemble must be bool, got 8"),
        ({"scale": 1, "lr_weight": 1.0}, r"CAJNN\.lr_weight must be 0 at scale 1, got 1\.0"),
        ({"scale": 3}, r"CAJNN\.scale must be one of \(1, 2, 4, 8\), got 3"),
    ],
)
def test_wrong_values_are_named(keys, message):
    with pytest.raises(ValueError, match=message):
        build(**keys)


def test_training_without_hr_is_named(lr):
    with pytest.raises(ValueError, match="CAJNN learns from HR images"):
        build().losses(lr, None)


def test_an_image_smaller_than_the_patch_gives_a_whole_patch():
    """It is mirrored out to the patch before anything is reduced: no training step fails."""
    photo = np.ascontiguousarray(data.astronaut()[:37, :50, ::-1])
    results = RandomPatch(size=128)({"img": photo, "img_id": 0, "img_path": "small.png"})
    results = SimulateLR(4, jpeg_quality=(10, 100), seed=None)(results)
    assert results["img"].shape == (128, 128, 3)
    assert results["lr"].shape == (32, 32, 3)


def test_its_own_quality_range_is_the_papers():
    cfg = Config.fromfile("configs/cajnn/cajnn-nano-x4_aerial-cars.py")
    steps = [s for s in cfg.train_pipeline if s["type"] == "mmisr.SimulateLR"]
    assert steps[0]["jpeg_quality"] == (10, 100)
    assert steps[0]["seed"] is None
