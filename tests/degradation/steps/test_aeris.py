"""AERIS's degradation as a step: that of its views."""

import pytest
import torch

from mmisr.degradation.aeris import AerisViews
from mmisr.degradation.steps.aeris import Aeris


def test_it_is_a_view_of_aeris(alone, levels):
    found = alone(Aeris(), levels, 9)
    views, draw = AerisViews(), torch.Generator().manual_seed(9)
    view = views.view((levels / 255).float(), (16, 22), views.draw(draw), draw)
    assert torch.equal(found, view.clamp(0, 1).double() * 255)


def test_the_noise_can_be_set(alone, levels):
    quiet = alone(Aeris((0, 0)), levels, 9)
    assert not torch.equal(quiet, alone(Aeris((25, 25)), levels, 9))
    with pytest.raises(ValueError, match="step Aeris: noise_sigma must be .*0 <= low"):
        Aeris((-1, 3))
