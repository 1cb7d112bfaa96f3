"""Register mmagic's restoration networks, so that ``type='mmagic.EDSRNet'`` and its kin resolve.

mmagic's own registry imports all its editors at once; the door made that package lazy, so the rooms
that restore images or video are named here, one by one. Both mmisr's registry of models and
mmagic's import this module when they are first asked for a name. Another room of mmagic registers
when it is imported, e.g. by ``custom_imports=dict(imports=['mmagic.models.editors.pix2pix'])`` in a
config.
"""

from __future__ import annotations

from importlib import import_module

from mmisr.openmmlab.stack import EDITORS, prepare

RESTORATION_ROOMS = (
    "basicvsr",
    "basicvsr_plusplus_net",
    "deblurganv2",
    "dic",
    "duf",
    "edsr",
    "edvr",
    "esrgan",
    "glean",
    "iconvsr",
    "liif",
    "nafnet",
    "rdn",
    "real_basicvsr",
    "real_esrgan",
    "restormer",
    "srcnn",
    "srgan",
    "swinir",
    "tdan",
    "tof",
    "ttsr",
)

prepare()
for _room in RESTORATION_ROOMS:
    import_module(f"{EDITORS}.{_room}")
