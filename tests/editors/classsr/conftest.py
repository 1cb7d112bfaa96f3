"""A ClassSR of tiny branches."""

import pytest
import torch

from mmisr.registry import MODELS

CONFIG = {
    "type": "mmisr.ClassSR",
    "scale": 2,
    "branches": [
        {"type": "mmisr.ResidualSR", "channels": width, "scale": 2, "units": 1}
        for width in (4, 6, 8)
    ],
    "tiles": {"size": 16, "stride": 12},
}


def _spread(classifier):
    """So that the tiles of an image fall into several classes."""
    smooth = torch.rand(64, 3, 2, 2)
    tiles = torch.nn.functional.interpolate(smooth, size=(16, 16), mode="bilinear")
    classifier.last.weight.normal_(std=300.0)
    classifier.last.bias.sub_(classifier(tiles).mean(0))


@pytest.fixture
def build():
    """Builds the editor, with changes of its config, in evaluation and with weights that differ."""

    def make(**changes):
        torch.manual_seed(0)
        editor = MODELS.build({**CONFIG, **changes})
        with torch.no_grad():
            for branch in editor.net.branches:
                branch.tail.weight.normal_(std=0.1)
            _spread(editor.net.classifier)
        return editor.eval()

    return make
