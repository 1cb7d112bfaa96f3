"""Losses through a fixed network: read once, when used, and no part of the model."""

import pytest
import torch
from mmengine.optim import build_optim_wrapper

from mmisr.losses.network import imagenet_pixels
from mmisr.openmmlab.samples import MagicDataSample
from mmisr.registry import MODELS
from mmisr.structures.hints import ImageHints

HINTS = [ImageHints(boxes_lr=torch.tensor([[2.0, 2.0, 6.0, 7.0]]), lr_hw=(16, 20))]
IMAGE = torch.rand(1, 3, 32, 40, generator=torch.Generator().manual_seed(0))
SROBB = {
    "type": "mmisr.SROBBLoss",
    "network": {"type": "mmisr.VGG", "depth": 16, "last": "relu1_2"},
    "terms": {"boundary": {"tap": "relu1_2", "weight": 0.5}},
}


@pytest.fixture
def vgg_file(tmp_path):
    path = tmp_path / "vgg.pth"
    torch.manual_seed(0)
    torch.save(MODELS.build(SROBB["network"]).state_dict(), path)
    return str(path)


def editor(checkpoint):
    return MODELS.build(
        {
            "type": "mmisr.PlainSR",
            "scale": 2,
            "generator": {
                "type": "mmagic.EDSRNet",
                "in_channels": 3,
                "out_channels": 3,
                "mid_channels": 8,
                "num_blocks": 1,
                "upscale_factor": 2,
            },
            "pixel_loss": {**SROBB, "checkpoint": checkpoint},
        }
    )


def test_a_model_that_only_predicts_needs_no_file():
    model = editor("nowhere.pth").eval()
    model.init_weights()
    assert model.upscale(IMAGE).image.shape == (1, 3, 64, 80)


@pytest.mark.parametrize("checkpoint", ["nowhere.pth", None])
def test_a_file_that_is_not_there_is_named(checkpoint):
    model = editor(checkpoint)
    text = (
        rf"SROBBLoss.checkpoint must be the file of its network's weights, and {checkpoint!r} is "
        r"none; `python tools/data/mobilenet_v2.py` makes .* vgg16-397923af.pth from https"
    )
    with pytest.raises(FileNotFoundError, match=text):
        model.losses(IMAGE[..., ::2, ::2], IMAGE, HINTS)


def test_a_file_of_another_network_is_refused(tmp_path):
    path = tmp_path / "other.pth"
    torch.save({"conv1_1.weight": torch.zeros(8, 3, 3, 3)}, path)
    with pytest.raises(ValueError, match=r"other.pth does not fit VGG"):
        editor(str(path)).losses(IMAGE[..., ::2, ::2], IMAGE, HINTS)


def test_a_tap_that_the_network_lacks_is_named(vgg_file):
    terms = {"boundary": {"tap": "relu1_9", "weight": 1.0}}
    loss = MODELS.build({**SROBB, "checkpoint": vgg_file, "terms": terms})
    with pytest.raises(ValueError, match="VGG has no module 'relu1_9' to tap.*relu1_2"):
        loss(IMAGE, IMAGE, HINTS)


def test_the_network_is_no_part_of_the_model(vgg_file):
    model = editor(vgg_file).train()
    before = dict(model.named_parameters())
    wrapper = build_optim_wrapper(
        model, {"type": "OptimWrapper", "optimizer": {"type": "SGD", "lr": 0.1}}
    )
    weights = {name: value.clone() for name, value in before.items()}
    sample = MagicDataSample(
        metainfo={"img_id": 1, "boxes_lr": HINTS[0].boxes_lr.numpy(), "source_shape": (32, 40)}
    )
    sample.set_tensor_data({"gt_img": IMAGE[0] * 255})
    logs = model.train_step(
        {"inputs": [IMAGE[0, :, ::2, ::2] * 255], "data_samples": [sample]}, wrapper
    )
    assert set(logs) == {"loss", "loss_srobb_pixel", "loss_srobb_boundary"}
    assert float(logs["loss"]) == pytest.approx(
        float(logs["loss_srobb_pixel"] + logs["loss_srobb_boundary"])
    )
    network = model.pixel_loss.network
    fixed = torch.load(vgg_file)
    assert all(torch.equal(fixed[name], value) for name, value in network.state_dict().items())
    assert not network.training
    assert not any("relu" in name or "network" in name for name in model.state_dict())
    assert dict(model.named_parameters()).keys() == before.keys()
    assert any(not torch.equal(weights[name], value) for name, value in before.items())


def test_reading_the_network_draws_no_random_number(vgg_file):
    loss = MODELS.build({**SROBB, "checkpoint": vgg_file})
    torch.manual_seed(3)
    expected = torch.rand(4)
    torch.manual_seed(3)
    loss(IMAGE, IMAGE, HINTS)
    assert torch.equal(torch.rand(4), expected)


def test_the_network_is_read_once(vgg_file):
    loss = MODELS.build({**SROBB, "checkpoint": vgg_file})
    loss(IMAGE, IMAGE, HINTS)
    first = loss.network
    loss(IMAGE, IMAGE, HINTS)
    assert loss.network is first


def test_pixels_of_imagenet():
    from torchvision.transforms.functional import normalize

    expected = normalize(IMAGE, (0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
    assert torch.allclose(imagenet_pixels(IMAGE), expected)
