"""torchvision's MobileNetV2 under mmdet's names."""

import pytest
import torch
from mmdet.models.backbones import MobileNetV2
from torchvision.models import mobilenet_v2

from mmisr.openmmlab.mobilenet import to_mmdet


def test_the_renamed_network_computes_the_same():
    torch.manual_seed(0)
    theirs = mobilenet_v2(weights=None).eval()
    ours = MobileNetV2(out_indices=(7,))
    ours.eval()
    missing, unknown = ours.load_state_dict(to_mmdet(theirs.state_dict()), strict=False)
    assert unknown == []
    assert all(name.endswith("num_batches_tracked") for name in missing)
    image = torch.rand(1, 3, 64, 96)
    with torch.no_grad():
        # mmdet clips at 6 as torchvision does; the last layer's features are what both give.
        assert torch.allclose(ours(image)[0], theirs.features(image), atol=1e-5)


def test_weights_of_another_network_are_refused():
    state = mobilenet_v2(weights=None, width_mult=0.5).state_dict()
    with pytest.raises(ValueError, match="must be 260 tensors of mmdet's shapes, found 260"):
        to_mmdet(state)
