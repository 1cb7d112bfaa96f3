"""torchvision kernels behind the names of ``mmcv._ext``.

For an mmcv that was installed without compiled ops. Every kernel runs on CPU and CUDA, forward and
backward, and computes in at least float32. Batched NMS is mmcv's own Python around ``nms``.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

import torch

from mmisr.openmmlab.kernels import deform, focal, pooling, suppression

HOW_TO_COMPILE = (
    "pip install --no-build-isolation --no-binary onedl-mmcv --no-deps --force-reinstall "
    "onedl-mmcv "
    "(needs a C++ compiler, nvcc for CUDA, and up to half an hour)"
)


def substitute_module() -> ModuleType:
    """Make a module that can stand as ``sys.modules['mmcv._ext']``.

    Returns:
        The module. A name that it does not cover resolves to a function that raises
        ``NotImplementedError`` with the name of the op and the way to get compiled ones.
    """
    module = ModuleType("mmcv._ext", "torchvision kernels in place of mmcv's compiled ones")
    module.__spec__ = ModuleSpec("mmcv._ext", None)  # mmengine and mmcv ask find_spec() for it
    module.IS_TORCHVISION_SUBSTITUTE = True  # type: ignore[attr-defined]
    for name, kernel in KERNELS.items():
        setattr(module, name, kernel)
    module.__getattr__ = _missing  # type: ignore[method-assign]
    return module


def _missing(name: str) -> Callable[..., Any]:
    if name.startswith("__"):
        raise AttributeError(name)

    def refuse(*_args: Any, **_kwargs: Any) -> Any:
        raise NotImplementedError(
            f"mmcv op `{name}` has no torchvision kernel, and this mmcv was installed without "
            f"compiled ops; to build "
            f"them: {HOW_TO_COMPILE}"
        )

    refuse.__name__ = name
    return refuse


def get_compiler_version() -> str:
    """What mmcv's environment report prints for the compiler."""
    return "none (torchvision kernels)"


def get_compiling_cuda_version() -> str:
    """What mmcv's environment report prints for the CUDA that the kernels were built with."""
    return torch.version.cuda or "not available"


KERNELS: dict[str, Callable[..., Any]] = {
    kernel.__name__: kernel
    for kernel in (
        suppression.nms,
        suppression.softnms,
        pooling.roi_align_forward,
        pooling.roi_align_backward,
        pooling.roi_pool_forward,
        pooling.roi_pool_backward,
        deform.deform_conv_forward,
        deform.deform_conv_backward_input,
        deform.deform_conv_backward_parameters,
        deform.modulated_deform_conv_forward,
        deform.modulated_deform_conv_backward,
        deform.ms_deform_attn_forward,
        deform.ms_deform_attn_backward,
        focal.sigmoid_focal_loss_forward,
        focal.sigmoid_focal_loss_backward,
        get_compiler_version,
        get_compiling_cuda_version,
    )
}
"""Name in ``mmcv._ext`` to the function that takes its place."""
