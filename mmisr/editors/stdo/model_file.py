"""What is sent along with a clip: small networks, and which patch belongs to which."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from mmisr.editors.stdo.net import WDSR
from mmisr.editors.stdo.thumbnails import SIDE
from mmisr.ops.files import write_whole
from mmisr.structures.checks import fits

FIELDS = {
    "clip": str,
    "scale": int,
    "grid": tuple[int, int],
    "lr_hw": tuple[int, int],
    "sizes": list[dict[str, int]],
    "parts": list[int],
    "chunks": Tensor,
    "weights": list[dict[str, Tensor]],
    "name": str,
    "thumbnails": Tensor,
}
LATER = {"parts", "name", "thumbnails"}
"""Keys that files of before tiles do not have."""


@dataclass(frozen=True)
class ClipModel:
    """The networks of one clip, and the chunk of each of its patches.

    Args:
        clip: Hash of the clip's content.
        scale: Factor per axis.
        grid: Rows and columns of patches of a frame.
        lr_hw: Height and width of an LR frame.
        sizes: Arguments of :class:`WDSR` for each network.
        parts: For each network the parts along each side that it takes a patch in; 1 for whole.
        chunks: (frames, rows * columns) uint8, the network of each patch.
        weights: Weights of each network by name, gains multiplied in, float16.
        name: The clip's file or folder, for messages.
        thumbnails: (frames, 16) uint8, :func:`mmisr.editors.stdo.thumbnails.thumbnails_of` its LR
            frames, zeros for those that nothing was learned of; (0, 16) where none were kept.
    """

    clip: str
    scale: int
    grid: tuple[int, int]
    lr_hw: tuple[int, int]
    sizes: list[dict[str, int]]
    parts: list[int]
    chunks: Tensor
    weights: list[dict[str, Tensor]]
    name: str
    thumbnails: Tensor

    @property
    def weight_bytes(self) -> int:
        """Bytes of the weights of all networks."""
        total = 0
        for state in self.weights:
            for weight in state.values():
                total += weight.numel() * weight.element_size()
        return total

    @property
    def chunk_bytes(self) -> int:
        """Bytes that the chunks of all patches need: a bit each for two."""
        bits = math.ceil(math.log2(len(self.weights)))
        return math.ceil(bits * self.chunks.numel() / 8)

    @property
    def thumbnail_bytes(self) -> int:
        """Bytes of the thumbnails, which playing does not need."""
        return self.thumbnails.numel()

    @property
    def costs_differ(self) -> bool:
        """Whether a frame costs more the more of its patches one of the networks takes."""
        first = self.sizes[0]
        return any(sizes != first for sizes in self.sizes)

    def networks(self) -> list[WDSR]:
        """The networks, in single precision.

        Raises:
            ValueError: Their weights are of other sizes.
        """
        networks = []
        for sizes, state in zip(self.sizes, self.weights, strict=True):
            net = WDSR(folded=True, **sizes)
            try:
                net.load_state_dict(state)
            except RuntimeError as error:
                raise ValueError(
                    f"the weights of this model are of other sizes than {sizes}: it is "
                    "damaged, make it anew with tools/overfit_video.py"
                ) from error
            networks.append(net)
        return networks

    def check_clip(self, clip: str) -> None:
        """See that a clip is the one that this was made for.

        Args:
            clip: Hash of its content.

        Raises:
            ValueError: It is another one.
        """
        if clip != self.clip:
            raise ValueError(
                f"this model was made for another clip (SHA-256 {self.clip[:12]}..., got "
                f"{clip[:12]}...); a clip that was encoded anew is another: give the file of the "
                "training, or overfit this one (tools/overfit_video.py)"
            )

    def write(self, path: Path) -> None:
        """Write it, whole or not at all.

        Args:
            path: The file.
        """
        content = asdict(self)
        write_whole(path, lambda unfinished: torch.save(content, unfinished))


def half(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Weights as they are stored.

    Args:
        state: Weights by name.

    Returns:
        The same in float16, in the computer's own memory.
    """
    return {name: weight.half().cpu() for name, weight in state.items()}


def model_of(content: Any, path: Path) -> ClipModel:
    """The model of a clip from what its file holds.

    Args:
        content: As a file that :meth:`ClipModel.write` wrote holds it.
        path: The file, for messages.

    Raises:
        ValueError: It is something else.
    """
    content = _with_later_keys(content)
    _check(content, path)
    return ClipModel(**content)


def _with_later_keys(content: Any) -> Any:
    """A file of before tiles as one of today; anything else as it is."""
    if not isinstance(content, dict) or content.keys() != FIELDS.keys() - LATER:
        return content
    if not isinstance(content["weights"], list):
        return content
    count = len(content["weights"])
    return {
        **content,
        "sizes": [content["sizes"]] * count,
        "parts": [1] * count,
        "name": "",
        "thumbnails": torch.zeros(0, SIDE**2, dtype=torch.uint8),
    }


def _check(content: Any, path: Path) -> None:
    """See that a file holds what a model of a clip does."""
    found = content if isinstance(content, dict) else {}
    if found.keys() != FIELDS.keys():
        _refuse(path, f"it has the keys {list(found)}")
    for key, kind in FIELDS.items():
        if not fits(found[key], kind):
            _refuse(path, f"its {key} is no {kind}")
    rows, cols = found["grid"]
    chunks = found["chunks"]
    most = len(found["weights"]) - 1
    if most < 0 or not isinstance(chunks, Tensor):
        _refuse(path, "it has no networks, or no chunks")
    if not len(found["sizes"]) == len(found["parts"]) == most + 1:
        _refuse(path, f"it does not say sizes and parts of each of its {most + 1} networks")
    if chunks.ndim != 2 or chunks.shape[1] != rows * cols or chunks.max() > most:
        _refuse(path, f"its chunks do not name {most + 1} networks for {rows} x {cols} patches")
    thumbnails = found["thumbnails"]
    shapes = [(0, SIDE**2), (len(chunks), SIDE**2)]
    if not isinstance(thumbnails, Tensor) or tuple(thumbnails.shape) not in shapes:
        _refuse(path, f"it has no thumbnails of {len(chunks)} frames")


def _refuse(path: Path, found: str) -> None:
    raise ValueError(
        f"{path} is no model of a clip: {found}; make one with tools/overfit_video.py CLIP --out "
        f"{path}"
    )
