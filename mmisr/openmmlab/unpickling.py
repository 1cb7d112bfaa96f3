"""Unpickle data without running code.

The rules for weights, for a training state, and for predictions.

A pickle names functions and has them called. These unpicklers know what data is made of and refuse
every other name.
"""

from __future__ import annotations

import io
import pickle
from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
import torch
import yaml
from mmengine.fileio.handlers import PickleHandler, YamlHandler
from mmengine.logging import HistoryBuffer

NUMPY = ("ndarray", "dtype", "_reconstruct", "scalar", "_frombuffer")
PLAIN = {
    ("collections", "OrderedDict"),
    ("collections", "defaultdict"),
    ("collections", "deque"),
    *(
        ("builtins", name)
        for name in ("dict", "list", "set", "tuple", "slice", "complex", "bytearray")
    ),
    ("_codecs", "encode"),
    ("torch._utils", "_rebuild_tensor_v2"),
    ("torch._utils", "_rebuild_parameter"),
    *(("torch", name) for name in ("Size", "device")),
    *(
        ("torch", f"{kind}Storage")
        for kind in ("Float", "Half", "BFloat16", "Double", "Long", "Int", "Short", "Byte", "Bool")
    ),
}
"""What numbers, tensors and containers are rebuilt with."""

STRUCTURES = ("mmengine.structures", "mmdet.structures")
"""Packages whose classes hold predictions and nothing else."""


class DataUnpickler(pickle._Unpickler):
    """Rebuilds tensors, arrays and plain containers, and refuses everything else by name.

    It is Python's own in Python: the one in C makes room for as many remembered objects as a file
    says that there are, which a damaged or made-up file of a few bytes says are billions.
    """

    def find_class(self, module: str, name: str) -> Any:
        """Resolve a global of the pickle, or refuse it.

        Raises:
            pickle.UnpicklingError: It is none of those that data is made of.
        """
        module = {"__builtin__": "builtins"}.get(module, module)  # protocol 2 writes the old name
        numpy = module.partition(".")[0] == "numpy" and name in NUMPY
        if numpy or (module, name) in PLAIN:
            return super().find_class(module, name)
        if (
            module == "numpy.dtypes" and "." not in name
        ):  # a dotted name would lead from the module to its loader
            found = super().find_class(module, name)
            if isinstance(found, type) and issubclass(found, np.dtype):
                return found
        raise pickle.UnpicklingError(f"it would run `{module}.{name}`")


class Inert:
    """Stands for an object that has nothing to do with weights.

    Calling or setting it does nothing.
    """

    def __init__(self, *args: Any) -> None:
        pass

    def __call__(self, *args: Any) -> Inert:
        """Do nothing."""
        return self

    def __setstate__(self, state: Any) -> None:
        pass


class WeightsUnpickler(DataUnpickler):
    """Data; what else mmengine wrote beside the weights becomes inert."""

    def find_class(self, module: str, name: str) -> Any:
        """Resolve a global of the pickle, or refuse it."""
        if module.partition(".")[0] == "mmengine" or (module, name) in GETATTR:
            return Inert
        return super().find_class(module, name)


class StateUnpickler(DataUnpickler):
    """Data and mmengine's log buffers, which a resumed run goes on with."""

    def find_class(self, module: str, name: str) -> Any:
        """Resolve a global of the pickle, or refuse it."""
        if (module, name) == (HistoryBuffer.__module__, HistoryBuffer.__name__):
            return HistoryBuffer
        if (module, name) in GETATTR:
            return _statistic
        return super().find_class(module, name)


class PredictionsUnpickler(DataUnpickler):
    """Data and the structures that predictions come in."""

    def find_class(self, module: str, name: str) -> Any:
        """Resolve a global of the pickle, or refuse it."""
        if (module, name) == (
            "torch.storage",
            "_load_from_bytes",
        ):  # how a tensor goes into a plain pickle
            return _storage
        if _in_structures(module) and "." not in name:
            found = pickle._Unpickler.find_class(self, module, name)
            if (
                isinstance(found, type)
                and not issubclass(found, type)
                and _in_structures(found.__module__)
            ):
                return found
        return super().find_class(module, name)


GETATTR = {("builtins", "getattr"), ("__builtin__", "getattr")}


def _in_structures(module: str) -> bool:
    return any(module == package or module.startswith(f"{package}.") for package in STRUCTURES)


def _statistic(owner: Any, name: str) -> Callable:
    """A log buffer pickles its statistics as attributes of its class; nothing else is looked up."""
    if owner is not HistoryBuffer or name.startswith("_"):
        raise pickle.UnpicklingError(f"it would look up `{name}` of {owner!r}")
    return getattr(owner, name)


def _storage(content: bytes) -> Any:
    return torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)


def _as_module(unpickler: type[pickle._Unpickler]) -> ModuleType:
    """What ``torch.load`` takes as ``pickle_module``.

    It reads the head of files in its old format with ``load``.
    """

    def load(file: Any, **options: Any) -> Any:
        return unpickler(file, **options).load()

    module = ModuleType(unpickler.__name__)
    module.Unpickler = unpickler  # type: ignore[attr-defined]
    module.load = load  # type: ignore[attr-defined]
    return module


WEIGHTS = _as_module(WeightsUnpickler)
STATE = _as_module(StateUnpickler)


NAMELESS = "(a file without a name)"
"""What an error calls what mmengine has read into memory before it asks us.

:mod:`mmisr.openmmlab.doors` puts the name in.
"""


class DataFileError(ValueError):
    """A file of data is damaged or would run code; the text begins with its name."""


class SafePickleHandler(PickleHandler):
    """mmengine's reader of ``.pkl`` files, for data alone."""

    def load_from_fileobj(self, file: Any, **kwargs: Any) -> Any:
        """Read predictions, proposals or annotations.

        Raises:
            DataFileError: The file is no pickle, is damaged, or would run code.
        """
        name = getattr(file, "name", NAMELESS)
        try:
            return PredictionsUnpickler(file, **kwargs).load()
        except pickle.UnpicklingError as error:
            raise DataFileError(
                f"{name} is not a plain file of predictions or annotations: {error}; make it "
                f"again, as JSON where you can"
            ) from error
        except Exception as error:  # whatever a damaged file makes it raise
            raise DataFileError(
                f"{name} cannot be read: it is truncated or no pickle ({error}); make it again"
            ) from error

    def load_from_path(self, filepath: Any, **kwargs: Any) -> Any:
        """Read a file by its path; as :meth:`load_from_fileobj`."""
        with open(filepath, "rb") as file:
            return self.load_from_fileobj(file, **kwargs)


class SafeYamlHandler(YamlHandler):
    """mmengine's reader of YAML files, without the tags that call functions.

    Mmengine's own runs them.
    """

    def load_from_fileobj(self, file: Any, **kwargs: Any) -> Any:
        """Read data, tuples and the like among it.

        Raises:
            DataFileError: The file is no YAML, or would run code.
        """
        try:
            return yaml.load(file, **{**kwargs, "Loader": yaml.FullLoader})
        except yaml.YAMLError as error:
            name = getattr(file, "name", NAMELESS)
            raise DataFileError(
                f"{name} is not a plain file of data: {' '.join(str(error).split())}; make it "
                f"again, as JSON where you can"
            ) from error
