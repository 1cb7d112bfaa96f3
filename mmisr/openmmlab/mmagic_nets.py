"""Register mmagic's restoration networks, so that ``type='mmagic.EDSRNet'`` and its kin resolve.

mmagic's own registry imports all its editors at once; the door made that package lazy, so the rooms that restore images
are named here, one by one.
"""

from __future__ import annotations

from importlib import import_module

from mmisr.openmmlab.stack import prepare

RESTORATION_ROOMS = (
    "edsr",
    "srgan",
    "esrgan",
    "real_esrgan",
    "rdn",
    "srcnn",
    "swinir",
    "nafnet",
    "restormer",
    "liif",
    "dic",
    "ttsr",
    "glean",
)

prepare()
for _room in RESTORATION_ROOMS:
    import_module(f"mmagic.models.editors.{_room}")
