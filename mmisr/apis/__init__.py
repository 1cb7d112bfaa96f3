"""What tools and users call.

Names are looked up when they are first used: importing this package costs nothing.
"""

from importlib import import_module
from typing import Any

PUBLIC = {
    "ExportOptions": "mmisr.export.options",
    "SRDetInferencer": "mmisr.apis.inferencer",
    "check_export": "mmisr.export.folder",
    "export_sr": "mmisr.apis.export",
    "init_model": "mmisr.apis.models",
    "read_config": "mmisr.apis.configs",
    "serve": "mmisr.apis.app",
}

__all__ = sorted(PUBLIC)


def __getattr__(name: str) -> Any:
    if name not in PUBLIC:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(PUBLIC[name]), name)
