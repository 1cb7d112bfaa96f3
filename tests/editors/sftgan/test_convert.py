"""A made-up state in the names of the release, run as its test code says, gives what ours gives."""

import pytest
import torch
from torch.nn import functional as F

from mmisr.editors.sftgan.convert import converted, is_released
from mmisr.editors.sftgan.net import SFTGenerator
from mmisr.registry import MODELS


def released_state() -> dict[str, torch.Tensor]:
    """Random weights by the names and shapes of the paper's network."""
    generator = torch.Generator().manual_seed(0)
    state = {}

    def add(name: str, outputs: int, inputs: int, kernel: int) -> None:
        shape = (outputs, inputs, kernel, kernel)
        spread = (inputs * kernel**2) ** -0.5
        state[f"{name}.weight"] = spread * torch.randn(shape, generator=generator)
        state[f"{name}.bias"] = 0.1 * torch.randn(outputs, generator=generator)

    def add_sft(name: str) -> None:
        for kind in ("scale", "shift"):
            add(f"{name}.SFT_{kind}_conv0", 32, 32, 1)
            add(f"{name}.SFT_{kind}_conv1", 64, 32, 1)

    add("conv0", 64, 3, 3)
    for number in range(16):
        for layer in (0, 1):
            add_sft(f"sft_branch.{number}.sft{layer}")
            add(f"sft_branch.{number}.conv{layer}", 64, 64, 3)
    add_sft("sft_branch.16")
    add("sft_branch.17", 64, 64, 3)
    for number, outputs in ((1, 64), (4, 64), (6, 64), (8, 3)):
        add(f"HR_branch.{number}", outputs, 64, 3)
    add("CondNet.0", 128, 8, 4)
    for number in (2, 4, 6):
        add(f"CondNet.{number}", 128, 128, 1)
    add("CondNet.8", 32, 128, 1)
    return state


class Released:
    """The paper's network by its description, with SFT as ``x * gamma + beta``."""

    def __init__(self, state):
        self.state = state

    def conv(self, name, x, padding=0, stride=1):
        weight, bias = self.state[f"{name}.weight"], self.state[f"{name}.bias"]
        return F.conv2d(x, weight, bias, stride, padding)

    def sft(self, name, x, cond):
        gamma = F.leaky_relu(self.conv(f"{name}.SFT_scale_conv0", cond), 0.01)
        beta = F.leaky_relu(self.conv(f"{name}.SFT_shift_conv0", cond), 0.01)
        scaled = x * self.conv(f"{name}.SFT_scale_conv1", gamma)
        return scaled + self.conv(f"{name}.SFT_shift_conv1", beta)

    def __call__(self, lr, maps):
        cond = self.conv("CondNet.0", maps, stride=4)
        for number in (2, 4, 6, 8):
            cond = self.conv(f"CondNet.{number}", F.leaky_relu(cond, 0.1))
        head = x = self.conv("conv0", lr, 1)
        for number in range(16):
            name = f"sft_branch.{number}"
            inner = self.conv(f"{name}.conv0", F.relu(self.sft(f"{name}.sft0", x, cond)), 1)
            x = x + self.conv(f"{name}.conv1", F.relu(self.sft(f"{name}.sft1", inner, cond)), 1)
        x = head + self.conv("sft_branch.17", self.sft("sft_branch.16", x, cond), 1)
        for number in (1, 4):
            x = x.repeat_interleave(2, 2).repeat_interleave(2, 3)
            x = F.relu(self.conv(f"HR_branch.{number}", x, 1))
        return self.conv("HR_branch.8", F.relu(self.conv("HR_branch.6", x, 1)), 1)


@torch.no_grad()
def test_ours_gives_what_the_release_gives():
    state = released_state()
    assert is_released(state)
    ours = SFTGenerator(4, 8, "paper")
    ours.load_state_dict(converted(state))
    lr = torch.rand(1, 3, 6, 7)
    maps = torch.rand(1, 8, 6, 7).softmax(1)
    at_hr = maps.repeat_interleave(4, 2).repeat_interleave(4, 3)
    expected = Released(state)(lr, at_hr)
    assert expected.std() > 1e-3
    torch.testing.assert_close(ours(lr, maps), expected, atol=1e-4, rtol=1e-4)


def test_the_editor_reads_it(tmp_path):
    path = tmp_path / "SFTGAN_torch.pth"
    state = released_state()
    torch.save(state, path)
    editor = MODELS.build(
        {"type": "mmisr.SFTGAN", "num_classes": 7, "size": "paper", "checkpoint": str(path)}
    )
    assert torch.equal(editor.net.head.weight, state["conv0.weight"])
    gamma = editor.net.blocks[3].sft2.gamma[2].bias
    assert torch.equal(gamma, state["sft_branch.3.sft1.SFT_scale_conv1.bias"] - 1)


def test_the_other_release_is_named():
    state = {"HR_branch.0.weight": torch.zeros(1), "sft_branch.17.bias": torch.zeros(1)}
    with pytest.raises(ValueError, match="variant with PixelShuffles.*SFTGAN_torch.pth"):
        converted(state)


@pytest.mark.parametrize("name", ["HR_branch.3.weight", "other.weight"])
def test_a_name_that_it_has_not_is_named(name):
    with pytest.raises(ValueError, match=f"has no weight '{name}'"):
        converted({name: torch.zeros(1), "sft_branch.17.bias": torch.zeros(1)})


def test_ours_are_none():
    assert not is_released(SFTGenerator(2, 2, "nano").state_dict())
