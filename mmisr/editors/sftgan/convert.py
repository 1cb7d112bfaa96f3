"""Weights of the released SFTGAN, in the names and the form of ours."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

RELEASED = "sft_branch."
"""Prefix that tells a released file from ours."""

SHUFFLED = "HR_branch.0.weight"
"""What the release with PixelShuffles has and the paper's has not."""

SFT_LAYERS = {
    "SFT_scale_conv0": "gamma.0",
    "SFT_scale_conv1": "gamma.2",
    "SFT_shift_conv0": "beta.0",
    "SFT_shift_conv1": "beta.2",
}
BLOCK_LAYERS = {"sft0": "sft1", "conv0": "conv1", "sft1": "sft2", "conv1": "conv2"}
FIRST_CONDITION = "CondNet.0.weight"


def is_released(state: Mapping[str, Tensor]) -> bool:
    """Whether weights are those of a released SFTGAN.

    Args:
        state: Weights by name.
    """
    return any(name.startswith(RELEASED) for name in state)


def converted(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The released weights of the paper's network (x4, seven classes) as ours.

    Source: the official test code, ``SFT_Net_torch``. There SFT is ``x * gamma + beta``; ours is
    ``x * (gamma + 1) + beta``, so 1 is taken off the bias of gamma. The first convolution of the
    condition network sees each LR pixel 4x4 times there; ours has the sum of its kernel, which is
    the same on maps that are constant within LR pixels.

    Args:
        state: Weights by the names of the release.

    Returns:
        Weights by the names of :class:`~mmisr.editors.sftgan.net.SFTGenerator`.

    Raises:
        ValueError: They are of the release with PixelShuffles, which is another network, or a name
            is not known.
    """
    if SHUFFLED in state:
        raise ValueError(
            "these weights are of SFTGAN's variant with PixelShuffles and ReLUs after its "
            "convolutions, another network; take the release of the paper's (SFTGAN_torch.pth)"
        )
    last = _last_of_branch(state)
    weights = {}
    for name, value in state.items():
        ours = _renamed(name, last)
        weights[ours] = _in_our_form(name, value)
    return weights


def _last_of_branch(state: Mapping[str, Tensor]) -> int:
    """Number of the convolution that ends the branch; the SFT layer before it has one less."""
    numbers = [int(name.split(".")[1]) for name in state if name.startswith(RELEASED)]
    return max(numbers)


def _in_our_form(name: str, value: Tensor) -> Tensor:
    if name == FIRST_CONDITION:
        return value.sum((2, 3), keepdim=True)
    if name.endswith("SFT_scale_conv1.bias"):
        return value - 1
    return value


def _renamed(name: str, last: int) -> str:
    part, *inner, kind = name.split(".")
    if part == "conv0":
        return f"head.{kind}"
    if part == "CondNet":
        return f"conditions.{inner[0]}.{kind}"
    if part == "HR_branch":
        return f"{_upsampling(int(inner[0]), name)}.{kind}"
    if part == "sft_branch":
        return f"{_trunk(inner, last)}.{kind}"
    raise _unknown(name)


def _upsampling(number: int, name: str) -> str:
    """The layer of a number in HR_branch: enlargement, convolution, ReLU, twice, then two more."""
    layers = {1: "doublings.0", 4: "doublings.1", 6: "smooth", 8: "tail"}
    if number not in layers:
        raise _unknown(name)
    return layers[number]


def _trunk(inner: list[str], last: int) -> str:
    """A layer of the trunk, by what stands between its prefix and ``weight`` or ``bias``."""
    number = int(inner[0])
    if number == last:
        return "merge"
    if number == last - 1:
        return f"sft.{SFT_LAYERS[inner[1]]}"
    layer = BLOCK_LAYERS[inner[1]]
    path = f"blocks.{number}.{layer}"
    return path if len(inner) == 2 else f"{path}.{SFT_LAYERS[inner[2]]}"


def _unknown(name: str) -> ValueError:
    return ValueError(
        f"a released SFTGAN has no weight {name!r}; give the file as it was published, or one of "
        "mmisr.SFTGAN"
    )
