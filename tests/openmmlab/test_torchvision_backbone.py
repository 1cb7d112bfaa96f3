"""torchvision's networks as backbones."""

import pytest
import torch
import torchvision
from torch import nn

from mmisr.registry import MODELS


def backbone(**options):
    return MODELS.build({"type": "mmisr.TorchvisionBackbone", **options})


def test_maps_are_those_of_torchvisions_own_detector():
    """Faster R-CNN MobileNetV3-Large FPN reads features 13 and 16."""
    torch.manual_seed(0)
    ours = backbone(name="mobilenet_v3_large", out_indices=[13, 16]).eval()
    theirs = torchvision.models.detection.fasterrcnn_mobilenet_v3_large_fpn(
        weights=None, weights_backbone=None
    ).backbone.body.eval()
    # Theirs has batch norms that are fixed for good, under the same names.
    state = {k: v for k, v in ours.features.state_dict().items() if "num_batches" not in k}
    theirs.load_state_dict(state)
    for module in theirs.modules():
        if hasattr(module, "eps"):
            module.eps = 0.001
    images = torch.rand(1, 3, 64, 96)
    with torch.no_grad():
        found = ours(images)
        expected = list(theirs(images).values())
    assert [x.shape[1] for x in found] == [160, 960]
    for a, b in zip(found, expected, strict=True):
        torch.testing.assert_close(a, b, atol=1e-5, rtol=1e-4)


def test_torchvisions_own_file_is_taken(tmp_path):
    network = torchvision.models.mobilenet_v3_large(weights=None)
    torch.save(network.state_dict(), tmp_path / "v3.pth")
    init = {"type": "Pretrained", "checkpoint": str(tmp_path / "v3.pth")}
    ours = backbone(name="mobilenet_v3_large", out_indices=[16], init_cfg=init)
    ours.init_weights()
    weight = network.features[4].block[0][0].weight
    assert torch.equal(ours.features[4].block[0][0].weight, weight)


def test_batch_norms_rest_in_training():
    model = backbone(name="mobilenet_v3_small", out_indices=[3]).train()
    norms = [m for m in model.modules() if isinstance(m, nn.BatchNorm2d)]
    assert norms
    assert not any(m.training for m in norms)
    model = backbone(name="mobilenet_v3_small", out_indices=[3], norm_eval=False).train()
    assert all(m.training for m in model.modules() if isinstance(m, nn.BatchNorm2d))


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"name": "mobilenet_v9", "out_indices": [1]}, "must be one of torchvision's networks"),
        ({"name": "resnet18", "out_indices": [1]}, "and resnet18 has none"),
        ({"name": "mobilenet_v3_small", "out_indices": [3, 2]}, "must be ascending entries"),
        ({"name": "mobilenet_v3_small", "out_indices": [13]}, "0 to 12, got"),
        ({"name": "mobilenet_v3_small", "out_indices": []}, "must be ascending entries"),
    ],
)
def test_wrong_values_are_named(options, text):
    with pytest.raises(ValueError, match=text):
        backbone(**options)
