"""Checkpoints that were damaged in every way that we know.

The weights as they are in the file, or one error that names it.

A seeded sample in every test run; many more with ``MMISR_FUZZ=2000 python -m pytest
tests/reliability``. Every file goes through the doors by which weights come in: ``--checkpoint``,
``init_model``, ``load_from``, ``init_cfg``, ``--resume``. Nothing that is in one is run.
"""

import copy
import io
import math
import os
import pickle
import random
import time
import zipfile
from collections import Counter
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.registry import HOOKS
from safetensors.torch import load_file as load_safetensors
from safetensors.torch import save as save_safetensors
from torch import Tensor

from mmisr.apis.configs import read_config
from mmisr.apis.inferencer import SRDetInferencer
from mmisr.apis.models import init_model
from mmisr.apis.test import test as run_test
from mmisr.apis.train import train
from mmisr.registry import MODELS

CASES = int(os.environ.get("MMISR_FUZZ", "30"))
SECONDS, MEGABYTES = 20, 300
PLACES = ("state_dict", "params", "params_ema", "model", "net", "weights")
META_VALUES = [
    None,
    5,
    "x",
    [],
    [1],
    {},
    {"classes": 5},
    {"classes": ["a"]},
    {"classes": None},
    {"palette": [1]},
    {1: 2},
]


class RunsCode:
    """Makes a folder when it is unpickled."""

    def __init__(self, folder):
        self.folder = str(folder)

    def __reduce__(self):
        return os.mkdir, (self.folder,)


class Foreign:
    """A class that a trainer of another project might have left in a file."""


def some(content: dict, draw: random.Random) -> str:
    return draw.choice([k for k, v in content["state_dict"].items() if isinstance(v, Tensor)])


def renamed(content, draw):
    names = content["state_dict"]
    how = draw.choice(("one", "module", "generator", "editor", "part"))
    key = some(content, draw)
    if how == "one":
        names[f"{key}_"] = names.pop(key)
    elif how == "part":
        content["state_dict"] = {k.removeprefix("detector."): v for k, v in names.items()}
    else:
        content["state_dict"] = {f"{how}.{k}": v for k, v in names.items()}


def removed(content, draw):
    for key in draw.sample(list(content["state_dict"]), draw.choice((1, 3, 100))):
        del content["state_dict"][key]


def added(content, draw):
    new = draw.choice((torch.zeros(3), "text", 5, None, [torch.zeros(2)], {"a": torch.zeros(1)}))
    content["state_dict"][draw.choice(("more", 5, "detector.more", ("a", "b")))] = new


def reshaped(content, draw):
    key = some(content, draw)
    old = content["state_dict"][key]
    content["state_dict"][key] = draw.choice(
        (old[None], old.flatten()[:1], torch.zeros(()), old.new_zeros((0, 3)))
    )


def retyped(content, draw):
    key = some(content, draw)
    kinds = (
        torch.int64,
        torch.uint8,
        torch.bool,
        torch.complex64,
        torch.float16,
        torch.bfloat16,
        torch.float64,
    )
    content["state_dict"][key] = content["state_dict"][key].to(draw.choice(kinds))


def all_retyped(content, draw):
    kind = draw.choice((torch.float16, torch.bfloat16, torch.float64, torch.int32))
    content["state_dict"] = {
        k: v.to(kind) if isinstance(v, Tensor) else v for k, v in content["state_dict"].items()
    }


def odd_layout(content, draw):
    key = some(content, draw)
    old = content["state_dict"][key]
    content["state_dict"][key] = draw.choice(
        (old.to("meta"), torch.nn.Parameter(old.float()), old.to_sparse())
    )


def not_a_number(content, draw):
    for _ in range(draw.choice((1, 5))):
        key = some(content, draw)
        content["state_dict"][key] = torch.full(
            content["state_dict"][key].shape, draw.choice((math.nan, math.inf))
        )


def huge(content, draw):
    key = some(content, draw)
    content["state_dict"][key] = torch.zeros(1).expand(draw.choice((10**6, 10**10, 10**14)))


def no_tensor(content, draw):
    content["state_dict"][some(content, draw)] = draw.choice((None, 5, "x", [1.0], {}))


def other_meta(content, draw):
    if draw.random() < 0.4:
        content["meta"] = copy.deepcopy(draw.choice(META_VALUES))
    else:
        content["meta"] = {
            "epoch": 1,
            "iter": 1,
            "dataset_meta": copy.deepcopy(draw.choice(META_VALUES)),
        }


def other_place(content, draw):
    weights = content.pop("state_dict")
    content[draw.choice(PLACES[1:])] = weights


def other_content(content, draw):
    content["state_dict"] = draw.choice(
        (None, 5, "x", [], {}, torch.zeros(3), {"a": {"b": torch.zeros(1)}})
    )


def nothing(content, draw):
    pass


CHANGES = [
    *(
        renamed,
        removed,
        added,
        reshaped,
        retyped,
        all_retyped,
        odd_layout,
        not_a_number,
        huge,
        no_tensor,
    ),
    *(other_meta, other_meta, other_place, other_content, nothing),
]


def truncate(raw: bytearray, draw: random.Random) -> None:
    del raw[draw.randrange(len(raw)) :]


def flip(raw: bytearray, draw: random.Random) -> None:
    start = draw.choice(
        (0, 0, max(0, len(raw) - 4000))
    )  # headers and directories, where a change says something
    for _ in range(draw.choice((1, 4, 40))):
        raw[start + draw.randrange(min(4000, len(raw) - start))] ^= 1 << draw.randrange(8)


def flip_anywhere(raw: bytearray, draw: random.Random) -> None:
    for _ in range(draw.choice((1, 4, 40))):
        raw[draw.randrange(len(raw))] ^= 1 << draw.randrange(8)


def claim(raw: bytearray, draw: random.Random) -> None:
    """A header of safetensors that claims more than there is.

    Of another format, eight other bytes.
    """
    raw[:8] = draw.choice((0, 1, 2**20, 2**40, 2**63)).to_bytes(8, "little")


def junk(raw: bytearray, draw: random.Random) -> None:
    raw[:] = draw.choice(
        (b"", b"hello", b"\x80\x04", b"PK\x03\x04", b"<html>", bytes(1000), draw.randbytes(100))
    )


def append(raw: bytearray, draw: random.Random) -> None:
    raw += draw.randbytes(draw.choice((1, 100, 5000)))


DAMAGES = [truncate, flip, flip_anywhere, claim, junk, append]


def squeezed(raw: bytes) -> bytes:
    """A zip whose entries are packed, and unpack to what they claim."""
    out = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(raw)) as old,
        zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new,
    ):
        for info in old.infolist():
            new.writestr(info.filename, old.read(info))
    return out.getvalue()


def as_file(content: dict, form: str) -> bytes:
    if form == "safetensors":
        weights = content.get("state_dict")
        weights = weights if isinstance(weights, dict) else {}
        kept = {k: v for k, v in weights.items() if isinstance(v, Tensor) and isinstance(k, str)}
        kept = {
            k: v.detach().contiguous()
            for k, v in kept.items()
            if v.layout == torch.strided and v.numel() < 10**7
        }
        return save_safetensors({k: v for k, v in kept.items() if not v.is_meta})
    if form == "raw":
        return pickle.dumps(content)
    buffer = io.BytesIO()
    torch.save(content, buffer, _use_new_zipfile_serialization=form != "legacy")
    return squeezed(buffer.getvalue()) if form == "squeezed" else buffer.getvalue()


def mutated(content: dict, draw: random.Random, trap: Path) -> tuple[bytes, str, list[str]]:
    """A file with one or two faults, its ending, and what they are."""
    content = copy.deepcopy(content)
    form = draw.choice(
        ("zip", "zip", "zip", "legacy", "raw", "squeezed", "safetensors", "safetensors")
    )
    told = [form]
    for _ in range(draw.choice((1, 1, 2))):
        change, weights = draw.choice(CHANGES), content.get("state_dict")
        if isinstance(weights, dict) and any(isinstance(v, Tensor) for v in weights.values()):
            change(content, draw)
            told.append(change.__name__)
    if form != "safetensors" and draw.random() < 0.25:
        place = (
            content
            if draw.random() < 0.5 or not isinstance(content.get("meta"), dict)
            else content["meta"]
        )
        place["extra"] = draw.choice(
            (RunsCode(trap), Foreign(), print, torch.nn.Linear(1, 1), Path("x"))
        )
        told.append(f"extra {type(place['extra']).__name__}")
    raw = bytearray(as_file(content, form))
    if draw.random() < 0.35:
        damage = draw.choice(DAMAGES)
        damage(raw, draw)
        told.append(damage.__name__)
    return bytes(raw), "safetensors" if form == "safetensors" else "pth", told


@HOOKS.register_module(force=True)
class KeepStart(Hook):
    """Keeps the weights that a training starts from."""

    seen: dict[str, Tensor] = {}

    def before_train(self, runner):
        KeepStart.seen = {k: v.detach().clone() for k, v in runner.model.state_dict().items()}


class Doors:
    """The ways in; each gives the weights of the model that it filled.

    None where it does not say.
    """

    def __init__(self, config: Path, out: Path) -> None:
        self.config, self.out = config, out

    def by_init_model(self, path: Path):
        return init_model(self.config, path).state_dict()

    def by_test(self, path: Path):
        assert "bbox/AP" in run_test(self.config, path, str(self.out))

    def by_infer(self, path: Path):
        return SRDetInferencer(
            self.config, path, device="cpu", show_progress=False
        ).model.state_dict()

    def by_parts(self, path: Path):
        return init_model(
            self.config, cfg_options={"model.checkpoints": {"detector": str(path)}}
        ).state_dict()

    def by_load_from(self, path: Path):
        train(self.config, str(self.out), cfg_options={"load_from": str(path)})
        return KeepStart.seen

    def by_resume(self, path: Path):
        train(self.config, str(self.out), resume=str(path))
        return KeepStart.seen

    def by_init_cfg(self, path: Path):
        given = {"type": "Pretrained", "checkpoint": str(path), "prefix": "detector.backbone."}
        cfg = read_config(self.config, cfg_options={"model.detector.backbone.init_cfg": given})
        model = MODELS.build(cfg.model)
        model.init_weights()
        return {k: v for k, v in model.state_dict().items() if k.startswith("detector.backbone.")}


DOORS = [name for name in vars(Doors) if name.startswith("by_")]


def independently(path: Path) -> dict[str, Tensor]:
    """The weights of a file, read by its own library."""
    if path.suffix == ".safetensors":
        return load_safetensors(path)
    try:
        content = torch.load(path, weights_only=True)
    except (
        pickle.UnpicklingError
    ):  # a training state beside the weights; the doors found nothing to run in it
        content = torch.load(path, weights_only=False)
    content = next((content[k] for k in PLACES if isinstance(content.get(k), dict)), content)
    return {
        k.removeprefix("module."): v
        for k, v in content.items()
        if isinstance(k, str) and isinstance(v, Tensor)
    }


def check(doors: Doors, door: str, path: Path) -> str:
    """One file through one door; returns how it ended."""
    try:
        found = getattr(doors, door)(path)
    except (ValueError, OSError) as error:
        assert type(error).__module__.startswith(("builtins", "mmisr.")), type(error)
        assert path.name in str(error), f"no file is named: {error}"
        assert len(str(error)) < 2000, str(error)[:3000]
        return "refused"
    there = independently(path)
    fitting = [k for k in found or {} if k in there and there[k].shape == found[k].shape]
    assert fitting or found is None, "nothing was loaded, and nothing said"
    for key in fitting:
        assert torch.equal(found[key], there[key].to(found[key].dtype)), key
    return "loaded"


@pytest.fixture
def doors(cheap_pair, tmp_path) -> Doors:
    config, checkpoint = cheap_pair(1)
    cfg = Config.fromfile(config)
    loader = copy.deepcopy(cfg.test_dataloader)
    loader.dataset.test_mode = False
    loader.sampler = {"type": "InfiniteSampler", "shuffle": False}
    cfg.train_dataloader = loader
    cfg.train_cfg = {"type": "IterBasedTrainLoop", "max_iters": 1}
    cfg.optim_wrapper = {"type": "OptimWrapper", "optimizer": {"type": "SGD", "lr": 1e-6}}
    cfg.custom_hooks = [{"type": "KeepStart"}]
    cfg.default_hooks.checkpoint = {
        "type": "CheckpointHook",
        "by_epoch": False,
        "interval": 1,
        "save_last": False,
    }
    cfg.log_processor = {"by_epoch": False}
    cfg.dump(config)
    return Doors(config, tmp_path / "out")


def test_a_damaged_checkpoint_is_read_as_it_is_or_refused_by_name(doors, resident, tmp_path):
    train(doors.config, str(tmp_path / "first"))
    content = torch.load(tmp_path / "first" / "iter_1.pth", weights_only=False)
    ends, trap = Counter(), tmp_path / "pwned"
    for number in range(CASES):
        draw = random.Random(number)
        raw, ending, told = mutated(content, draw, trap)
        door, path = draw.choice(DOORS), tmp_path / f"damaged{number}.{ending}"
        path.write_bytes(raw)
        start, before = time.monotonic(), resident("VmHWM")
        try:
            ends[check(doors, door, path)] += 1
            assert time.monotonic() - start < SECONDS
            assert resident("VmHWM") - before < MEGABYTES * 2**20
            assert not trap.exists(), "code was run"
        except BaseException:
            print(f"case {number}, {door}: {told}")
            raise
        path.unlink()
    print(dict(ends))
    assert ends["loaded"] > 0
    assert ends["refused"] > 0
