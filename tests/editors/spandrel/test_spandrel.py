"""A checkpoint that spandrel recognises by its weights alone."""

import pytest
import torch

from mmisr.editors.spandrel.editor import SpandrelSR

pytest.importorskip("spandrel")


@pytest.fixture
def x2(tmp_path):
    from spandrel.architectures.Compact.__arch.SRVGG import SRVGGNetCompact

    torch.manual_seed(0)
    network = SRVGGNetCompact(num_feat=8, num_conv=2, upscale=2)
    path = tmp_path / "compact.pth"
    torch.save({"params": network.state_dict()}, path)
    return path, network.eval()


def test_the_network_is_recognised(x2):
    path, network = x2
    editor = SpandrelSR(str(path), scale=2).eval()
    assert (editor.info.name, editor.info.scale) == ("compact", 2)
    lr = torch.rand(2, 3, 17, 11)
    with torch.no_grad():
        image = editor.upscale(lr).image
        torch.testing.assert_close(image, network(lr).clamp(0, 1))
    assert tuple(image.shape) == (2, 3, 34, 22)


def test_another_scale_is_refused(x2):
    with pytest.raises(ValueError, match=r"SpandrelSR\(scale=4\): checkpoint .*compact.pth is a x2 .*; use scale=2"):
        SpandrelSR(str(x2[0]), scale=4)


def test_unknown_weights_are_refused(tmp_path):
    torch.save({"a.weight": torch.zeros(3, 3)}, tmp_path / "other.pth")
    with pytest.raises(ValueError, match="other.pth is of no architecture that spandrel .* knows.*use mmisr.PlainSR"):
        SpandrelSR(str(tmp_path / "other.pth"))
