"""How mmengine writes checkpoints.

Whole or not at all, and what makes room for a new one goes when the new one stands.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from mmengine.fileio import LocalBackend, register_backend
from mmengine.hooks import CheckpointHook

from mmisr.ops.files import write_bytes

SAVERS = ("_save_checkpoint_with_step", "_save_best_checkpoint")
"""The methods of mmengine's hook that delete an old checkpoint before they save a new one."""


def save_whole() -> None:
    """Let mmengine save by these rules, in this process; calling it again changes nothing."""
    register_backend("local", WholeFiles, force=True, prefixes="")
    for name in SAVERS:
        save = getattr(CheckpointHook, name)
        if not hasattr(save, "__wrapped__"):
            setattr(CheckpointHook, name, _old_goes_last(save))


class WholeFiles(LocalBackend):
    """mmengine's local files; a write that is broken off leaves what was there before."""

    def put(self, obj: bytes, filepath: str | Path) -> None:
        """Write a file.

        Args:
            obj: The bytes to write.
            filepath: The file; its folder is made.
        """
        path = Path(os.path.realpath(filepath))  # a link stays a link
        if path.exists() and not path.is_file():  # a pipe, say, cannot be replaced
            super().put(obj, filepath)
            return
        write_bytes(path, obj)


class _LateDeletes:
    """A back end that remembers what it shall delete.

    Args:
        backend: The back end that does everything else, and the deleting in the end.
    """

    def __init__(self, backend: Any) -> None:
        self._backend = backend
        self._late: list[tuple[str, str]] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._backend, name)

    def remove(self, filepath: str) -> None:
        self._late.append(("remove", filepath))

    def rmtree(self, dir_path: str) -> None:
        self._late.append(("rmtree", dir_path))

    def delete(self, needed: set[Any]) -> None:
        """Delete what was to be deleted, but for what is needed after all."""
        for method, path in self._late:
            if path not in needed:
                with suppress(FileNotFoundError):
                    getattr(self._backend, method)(path)


def _old_goes_last(save: Callable) -> Callable:
    @functools.wraps(save)
    def wrapped(hook: CheckpointHook, *args: Any, **options: Any) -> None:
        backend = hook.file_backend
        late = hook.file_backend = _LateDeletes(backend)
        try:
            save(hook, *args, **options)
        finally:
            hook.file_backend = backend
        best = [
            getattr(hook, "best_ckpt_path", None),
            *getattr(hook, "best_ckpt_path_dict", {}).values(),
        ]
        # A best one may have been written again under its own name.
        late.delete({hook.last_ckpt, *best})

    return wrapped
