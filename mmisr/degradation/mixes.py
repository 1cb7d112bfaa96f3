"""Mixes of steps that papers train on, by name."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from mmisr.degradation.pipeline import Pipeline
from mmisr.degradation.steps.aeris import Aeris
from mmisr.degradation.steps.base import Step
from mmisr.degradation.steps.blur import Sinc
from mmisr.degradation.steps.choices import OneOf
from mmisr.degradation.steps.codecs import JPEG, Quantise
from mmisr.degradation.steps.noise import GaussianNoise, PoissonNoise
from mmisr.degradation.steps.resize import TORCH_BICUBIC, Resize


@dataclass(frozen=True)
class Mix:
    """Steps that have a name.

    Args:
        version: Raised by every change of pixels; results name the mix as ``name@version``.
        steps: What happens, in this order.
    """

    version: int
    steps: tuple[Step, ...]


SHARP_SHARE = 0.1
"""Share of Real-ESRGAN's blurs that are a sinc filter."""
KERNEL_SHARES = {
    ("gaussian", "iso"): 0.45,
    ("gaussian", "aniso"): 0.25,
    ("generalised", "iso"): 0.12,
    ("generalised", "aniso"): 0.03,
    ("plateau", "iso"): 0.12,
    ("plateau", "aniso"): 0.03,
}
"""Shares of its other blurs, by profile and shape."""
BETAS = {"gaussian": (1.0, 1.0), "generalised": (0.5, 4.0), "plateau": (1.0, 2.0)}
SIDES = (7, 21)
SINCS = {
    Sinc(cutoff=(math.pi / 3, math.pi), side=(7, 11)): 3 / 8,
    Sinc(cutoff=(math.pi / 5, math.pi), side=(13, 21)): 5 / 8,
}
"""Its sincs and their shares: sides are 7, 9, ..., 21, each as likely; large ones may cut more."""
RESIZES = ("area", "bilinear", TORCH_BICUBIC)
GREY = 0.4
"""Share of its noise that is the same in all channels."""


def _blurs(sigma: tuple[float, float]) -> OneOf:
    """One of Real-ESRGAN's seven kinds of blur."""
    options: list[Any] = []
    shares = []
    rest = 1 - SHARP_SHARE
    for (profile, shape), share in KERNEL_SHARES.items():
        beta = BETAS[profile]
        blur = {
            "type": "Blur",
            "sigma": sigma,
            "shape": shape,
            "side": SIDES,
            "profile": profile,
            "beta": beta,
        }
        options.append(blur)
        shares.append(rest * share)
    for sinc, share in SINCS.items():
        options.append(sinc)
        shares.append(SHARP_SHARE * share)
    return OneOf(options, tuple(shares))


def _resize(low: float, high: float, shares: tuple[float, ...], of: Any) -> OneOf:
    """Up, down or neither."""
    up = (1.0, high)
    down = (low, 1.0)
    neither = (1.0, 1.0)
    options = []
    for factor in (up, down, neither):
        option = Resize(RESIZES, antialias=False, factor=factor, of=of)
        options.append(option)
    return OneOf(options, shares)


def _noise(sigma: tuple[float, float], scale: tuple[float, float]) -> OneOf:
    gaussian = GaussianNoise(sigma, GREY)
    poisson = PoissonNoise(scale=scale, gray_share=GREY)
    return OneOf([gaussian, poisson])


def _real_esrgan() -> tuple[Step, ...]:
    """Blur, resize, noise, JPEG, twice over; the last resize and a sinc before or after the JPEG.

    Source: Wang et al., ICCVW 2021, and the official code with ``train_realesrgan_x4plus.yml``.
    What differs: JPEG is libjpeg's and its quality whole; borders are repeated, not reflected; each
    image draws for itself; sharpening of the HR image is no part of it.
    """
    jpeg = JPEG((30, 95))
    final_sinc = OneOf([Sinc(), []], (0.8, 0.2))
    to_lr = [Resize(RESIZES, antialias=False), final_sinc]
    second_blurs = _blurs((0.2, 1.5))
    return (
        _blurs((0.2, 3.0)),
        _resize(0.15, 1.5, (0.2, 0.7, 0.1), "image"),
        _noise((1.0, 30.0), (0.05, 3.0)),
        jpeg,
        OneOf([second_blurs, []], (0.8, 0.2)),
        _resize(0.3, 1.2, (0.3, 0.4, 0.3), "lr"),
        _noise((1.0, 25.0), (0.05, 2.5)),
        OneOf([[*to_lr, jpeg], [jpeg, *to_lr]]),
    )


CAJNN = (Resize("bicubic"), Quantise("up"), JPEG((10, 100)))
MIXES: dict[str, Mix] = {
    "aeris": Mix(1, (Aeris(),)),
    "cajnn": Mix(1, CAJNN),
    "cajnn_twice": Mix(1, (*CAJNN, JPEG((10, 100), shift=7))),
    "real_esrgan": Mix(1, _real_esrgan()),
    "sr4ir": Mix(1, (Resize(TORCH_BICUBIC, antialias=False),)),
}
"""The mixes by name.

``aeris``: blur, resize and noise of AERIS (Cui et al., ECCV 2022). ``cajnn``: antialiased bicubic,
then JPEG of quality 10 to 100 (Xiang et al., "Boosting High-Level Vision with Joint Compression
Artifacts Reduction and Super-Resolution"); that its chroma is 4:2:0 is ours. ``cajnn_twice``: the
same, saved once more with a shifted grid, which is ours. ``real_esrgan``: two stages. ``sr4ir``:
torch's bicubic without antialias (SR4IR, Kim et al., CVPR 2024).
"""


def mix(name: str, scale: int) -> Pipeline:
    """A mix as a degradation.

    Args:
        name: A name of :data:`MIXES`.
        scale: Reduction factor.

    Example:
        >>> mix("sr4ir", 4).name
        'sr4ir@1+x4+Resize@1(mode=torch_bicubic,antialias=False,factor=none,size=none,of=image)'
    """
    named = MIXES[name]
    return Pipeline(scale, named.steps, f"{name}@{named.version}")
