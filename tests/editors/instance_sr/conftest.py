"""Small networks with weights that matter, and one real image with boxes."""

import numpy as np
import pytest
import torch
from skimage import data

from mmisr.degradation.recipes import Degradation
from mmisr.editors.instance_sr.decoder import Decoder, DecoderSize
from mmisr.editors.instance_sr.engine.all_hard import AllHardIfFaster
from mmisr.editors.instance_sr.engine.planner import Planner
from mmisr.editors.instance_sr.engine.sparse import SparseDecoder
from mmisr.editors.instance_sr.execution import read_execution
from mmisr.editors.instance_sr.net import InstanceSRNet


def loud_net(
    scale=4, token=8, fusion=False, easy="exit1", blocks=(1, 1, 2), channels=8
) -> InstanceSRNet:
    """A net whose exits differ and whose fusion is no identity.

    Fresh weights would hide mistakes there.
    """
    torch.manual_seed(0)
    net = InstanceSRNet(scale, DecoderSize(channels, blocks, fusion), token, easy).eval()
    for parameter in net.decoder.parameters():
        torch.nn.init.normal_(parameter, std=0.1)
    return net


@pytest.fixture(scope="session")
def make_net():
    return loud_net


def sparse_decoder(decoder: Decoder, token=8, **execution) -> SparseDecoder:
    """What runs a decoder under an ``execution`` as configs write it; its step may overrule."""
    run = read_execution(execution)
    planner = Planner(decoder, token, run.planning)
    step = AllHardIfFaster(planner) if run.all_hard_if_faster else None
    return SparseDecoder(decoder, planner, step, run.running)


@pytest.fixture(scope="session")
def make_sparse():
    return sparse_decoder


@pytest.fixture(scope="session")
def street() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """LR (3, 48, 64), HR (3, 192, 256), and boxes (2, 4) in the lr frame, of a real photo."""
    photo = np.ascontiguousarray(data.astronaut()[0:192, 100:356])
    hr = torch.from_numpy(photo).permute(2, 0, 1).float() / 255
    lr = Degradation(4)(hr[None], [0])[0].float()
    return lr, hr, torch.tensor([[18.0, 8.0, 42.0, 40.0], [50.0, 30.0, 55.0, 35.0]])
