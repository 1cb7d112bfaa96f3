"""The doors by which files of others come in: none of them runs what a pickle says."""

import ast
import io
import os
import pickle
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine import fileio
from mmengine.logging import HistoryBuffer
from mmengine.model import BaseModule
from mmengine.runner import CheckpointLoader, load_checkpoint
from mmengine.structures import InstanceData
from torch import nn

from mmisr.apis.checks.checkpoints import check_checkpoint, check_resumable, check_start
from mmisr.openmmlab.checkpoints import load_state, load_training
from mmisr.openmmlab.doors import guard, load_from_local
from mmisr.openmmlab.unpickling import DataUnpickler, PredictionsUnpickler

guard()
ROOT = Path(__file__).parents[2]

READERS = {
    "torch.load",
    "pickle.load",
    "pickle.loads",
    "pickle.Unpickler",
    "pickle._Unpickler",
    "np.load",
    "numpy.load",
    "joblib.load",
}
READERS |= {
    "yaml.load",
    "yaml.full_load",
    "yaml.unsafe_load",
    "torch.hub.load_state_dict_from_url",
    "pd.read_pickle",
    "torch.jit.load",
    "shelve.open",
    "dill.load",
}
SAFE = {
    "mmisr/openmmlab/checkpoints.py": {"torch.load"},
    "mmisr/openmmlab/unpickling.py": {"torch.load", "pickle._Unpickler", "yaml.load"},
}
"""Files that may call a reader that could run code; how they keep it from that is tested below."""


class RunsCode:
    """Makes a folder when it is unpickled."""

    def __init__(self, folder):
        self.folder = str(folder)

    def __reduce__(self):
        return os.mkdir, (self.folder,)


class Part(BaseModule):
    def __init__(self, init_cfg=None):
        super().__init__(init_cfg)
        self.inner = nn.Linear(2, 2)


def write(path, content, form):
    if form == "raw":
        path.write_bytes(pickle.dumps(content))
    else:
        torch.save(content, path, _use_new_zipfile_serialization=form == "zip")
    return str(path)


@pytest.fixture
def part_of_a_model(tmp_path):
    """The file of a whole model that has the part under ``backbone.``, with other values."""
    part = Part()
    nn.init.constant_(part.inner.weight, 0.25)
    content = {f"backbone.{name}": value for name, value in part.state_dict().items()}
    torch.save({"state_dict": {**content, "head.weight": torch.zeros(3)}}, tmp_path / "whole.pth")
    return str(tmp_path / "whole.pth")


def test_a_pretrained_part_of_which_nothing_fits(part_of_a_model):
    with pytest.raises(
        ValueError,
        match=r"init_cfg=dict\(type='Pretrained', checkpoint='.*whole\.pth'\) has nothing for "
        r"Part: none of its 3 weights .*"
        r"give it prefix='backbone\.', under which the file has them",
    ):
        init_cfg(part_of_a_model)
    with pytest.raises(
        ValueError, match=r"prefix='neck\.'\) has nothing for Part: none of its 0 weights"
    ):
        Part({"type": "Pretrained", "checkpoint": part_of_a_model, "prefix": "neck"}).init_weights()


def test_a_pretrained_part_is_loaded(part_of_a_model):
    part = Part({"type": "Pretrained", "checkpoint": part_of_a_model, "prefix": "backbone"})
    part.init_weights()
    assert (part.inner.weight == 0.25).all()


@pytest.mark.parametrize("place", ["params_ema", "model_state_dict", "net"])
def test_mmengine_finds_weights_where_other_trainers_put_them(tmp_path, place):
    part = Part()
    nn.init.constant_(part.inner.weight, 0.25)
    torch.save({place: part.state_dict(), "epoch": 3}, tmp_path / "other.pth")
    model = Part()
    load_checkpoint(model, str(tmp_path / "other.pth"))
    assert (model.inner.weight == 0.25).all()


@pytest.mark.parametrize(
    "value",
    [torch.full((2, 2), float("nan")), torch.full((2, 2), float("inf")), torch.ones(2, 2).int()],
)
@pytest.mark.parametrize("door", ["check_checkpoint", "check_start", "init_cfg"])
def test_weights_that_cannot_be_computed_with(tmp_path, door, value):
    state = {**Part().state_dict(), "inner.weight": value}
    path = write(tmp_path / "weights.pth", {"state_dict": state}, "zip")
    with pytest.raises(
        ValueError,
        match=r"weights\.pth.* has weights that "
        r"(are not numbers|this model cannot take).*inner\.weight",
    ):
        DOORS[door](path)


def init_cfg(path):
    Part({"type": "Pretrained", "checkpoint": path}).init_weights()


def init_cfg_with_prefix(path):
    Part({"type": "Pretrained", "checkpoint": path, "prefix": "backbone."}).init_weights()


DOORS = {
    "load_state": load_state,
    "load_training": load_training,
    "mmengine.load_checkpoint": lambda path: load_checkpoint(Part(), path),
    "CheckpointLoader": lambda path: CheckpointLoader.load_checkpoint(path, "cpu"),
    "init_cfg": init_cfg,
    "init_cfg_with_prefix": init_cfg_with_prefix,
    "check_checkpoint": lambda path: check_checkpoint(Part(), path),
    "check_resumable": lambda path: check_resumable(Part(), path),
    "check_start": lambda path: check_start(Part(), path),
    "load_from_local": load_from_local,
}


@pytest.mark.parametrize("form", ["zip", "legacy", "raw"])
@pytest.mark.parametrize("door", DOORS)
def test_no_door_runs_code(tmp_path, door, form):
    content = {"state_dict": Part().state_dict(), "meta": {}, "extra": RunsCode(tmp_path / "pwned")}
    path = write(tmp_path / "weights.pth", content, form)
    with pytest.raises(ValueError, match=r"weights\.pth"):
        DOORS[door](path)
    assert not (tmp_path / "pwned").exists()


@pytest.mark.parametrize("name", ["results.pkl", "proposals.pickle"])
def test_fileio_reads_no_pickle_that_runs_code(tmp_path, name):
    path = tmp_path / name
    path.write_bytes(pickle.dumps([RunsCode(tmp_path / "pwned")]))
    with pytest.raises(
        ValueError,
        match=rf"{name} is not a plain file of predictions or annotations: it would run `.*mkdir`",
    ):
        fileio.load(str(path))
    assert not (tmp_path / "pwned").exists()


@pytest.mark.parametrize("content", [b"", b"hello", b"\x80\x04\x95", pickle.dumps({"a": 1})[:-4]])
def test_a_damaged_pickle_is_named(tmp_path, content):
    path = tmp_path / "results.pkl"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"results\.pkl (cannot be read|is not a plain file)"):
        fileio.load(str(path))


def test_predictions_come_back_as_they_were(tmp_path):
    found = InstanceData(bboxes=torch.rand(3, 4), labels=torch.arange(3), scores=torch.rand(3))
    content = [
        {
            "img_id": 7,
            "pred_instances": found,
            "shape": (4, 5),
            "array": np.eye(2),
            "number": np.float32(0.5),
        }
    ]
    fileio.dump(content, str(tmp_path / "results.pkl"))
    (again,) = fileio.load(str(tmp_path / "results.pkl"))
    assert torch.equal(again["pred_instances"].bboxes, found.bboxes)
    assert torch.equal(again["pred_instances"].labels, found.labels)
    assert np.array_equal(again["array"], np.eye(2))
    assert (again["img_id"], again["shape"], again["number"]) == (7, (4, 5), np.float32(0.5))


WRITES = b"\x80\x04\x8c\x0cnumpy.dtypes\x8c\x13__loader__.set_data\x93"
"""A dotted name, which leads from a module that is known to the writer of its loader."""


@pytest.mark.parametrize("name", ["results.pkl", "weights.pth"])
def test_a_dotted_name_leads_nowhere(tmp_path, name):
    target = str(tmp_path / "pwned").encode()
    call = b"\x8c" + bytes([len(target)]) + target + b"C\x01x\x86R."
    (tmp_path / name).write_bytes(WRITES + call)
    with pytest.raises(ValueError, match=name.replace(".", r"\.")):
        (fileio.load if name.endswith("pkl") else load_state)(str(tmp_path / name))
    with pytest.raises(
        pickle.UnpicklingError, match=r"it would run `numpy\.dtypes\.__loader__\.set_data`"
    ):
        DataUnpickler(io.BytesIO(WRITES + call)).load()
    assert not (tmp_path / "pwned").exists()


def test_a_file_of_a_few_bytes_takes_no_memory(tmp_path):
    """``LONG_BINPUT`` says under which of how many numbers an object is remembered."""
    path = tmp_path / "results.pkl"
    path.write_bytes(b"\x80\x02]r" + (2**31).to_bytes(4, "little") + b".")
    tracemalloc.start()
    assert fileio.load(str(path)) == []
    assert tracemalloc.get_traced_memory()[1] < 2**20
    tracemalloc.stop()


@pytest.mark.parametrize("name", ["ABCMeta", "TypeVar"])
def test_a_module_of_structures_gives_its_own_classes_alone(name):
    with pytest.raises(
        pickle.UnpicklingError, match=rf"it would run `mmdet\.structures\.mask\.structures\.{name}`"
    ):
        PredictionsUnpickler(io.BytesIO(b"")).find_class("mmdet.structures.mask.structures", name)


@pytest.mark.parametrize("ending", ["yaml", "yml"])
def test_yaml_runs_no_code(tmp_path, ending):
    path = tmp_path / f"proposals.{ending}"
    path.write_text(f"!!python/object/apply:os.mkdir ['{tmp_path}/pwned']")
    with pytest.raises(
        ValueError, match=rf"proposals\.{ending} is not a plain file of data: .*os\.mkdir"
    ):
        fileio.load(str(path))
    assert not (tmp_path / "pwned").exists()
    path.write_text("size: !!python/tuple [4, 5]\nname: a")
    assert fileio.load(str(path)) == {"size": (4, 5), "name": "a"}


def test_the_config_in_a_checkpoint_is_not_run(tmp_path):
    """mmengine's resume executes ``meta['config']``, whatever else the file holds."""
    text = f"import os\nos.mkdir({str(tmp_path / 'pwned')!r})\n"
    content = {"state_dict": Part().state_dict(), "meta": {"epoch": 1, "iter": 4, "config": text}}
    again = CheckpointLoader.load_checkpoint(write(tmp_path / "epoch_1.pth", content, "zip"), "cpu")
    assert again["meta"] == {"epoch": 1, "iter": 4}


@pytest.mark.parametrize("form", ["zip", "legacy", "raw"])
def test_a_local_file_of_the_users_list_runs_no_code(tmp_path, monkeypatch, form):
    monkeypatch.setenv("MMENGINE_HOME", str(tmp_path))
    (tmp_path / "open_mmlab.json").write_text('{"mine": "mine.pth"}')
    write(
        tmp_path / "mine.pth",
        {"state_dict": Part().state_dict(), "extra": RunsCode(tmp_path / "pwned")},
        form,
    )
    with pytest.raises(ValueError, match=r"mine\.pth"):
        CheckpointLoader.load_checkpoint("open-mmlab://mine")
    assert not (tmp_path / "pwned").exists()
    with pytest.raises(ValueError, match="open-mmlab://none is not in OpenMMLab's list"):
        CheckpointLoader.load_checkpoint("open-mmlab://none")


@pytest.mark.parametrize("form", ["zip", "legacy"])
def test_a_training_state_comes_back_whole(tmp_path, form):
    buffer = HistoryBuffer([1.0, 2.0, 4.0], [1, 1, 1])
    state = {
        "state": {0: {"step": torch.tensor(3.0)}},
        "param_groups": [{"lr": np.float64(0.1), "betas": (0.9, 0.99)}],
    }
    content = {
        "state_dict": Part().state_dict(),
        "optimizer": state,
        "message_hub": {"log_scalars": {"loss": buffer}},
    }
    again = CheckpointLoader.load_checkpoint(write(tmp_path / "iter_3.pth", content, form), "cpu")
    assert again["optimizer"]["param_groups"] == state["param_groups"]
    assert again["message_hub"]["log_scalars"]["loss"].mean() == pytest.approx(7 / 3)
    assert list(again["state_dict"]) == list(content["state_dict"])


def test_a_lookup_that_is_no_statistic_is_refused(tmp_path):
    class Looks:
        def __reduce__(self):
            return getattr, (HistoryBuffer, "__init__")

    path = write(
        tmp_path / "iter_1.pth", {"state_dict": Part().state_dict(), "extra": Looks()}, "zip"
    )
    with pytest.raises(
        ValueError, match=r"iter_1\.pth holds more than weights.*look up `__init__`"
    ):
        load_training(path)


def test_a_store_that_would_unpickle_is_refused():
    with pytest.raises(ValueError, match="s3://bucket/a.pth lies in a store .*copy the file here"):
        CheckpointLoader.load_checkpoint("s3://bucket/a.pth")


@pytest.mark.parametrize("damage", [b"", b"\x00" * 8, b"\xff" * 64])
def test_damaged_safetensors_are_named(tmp_path, damage):
    path = tmp_path / "sr.safetensors"
    path.write_bytes(damage)
    for read in (load_state, load_training):
        with pytest.raises(
            ValueError,
            match=r"sr\.safetensors cannot be read: .*truncated or no PyTorch checkpoint",
        ):
            read(path)


def calls(path):
    """The readers that a file calls or names, other than ``np.load(..., allow_pickle=False)``."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call):
            refused = [
                k
                for k in node.keywords
                if k.arg == "allow_pickle" and getattr(k.value, "value", True) is False
            ]
            if ast.unparse(node.func) in READERS and not refused:
                yield ast.unparse(node.func)
        elif isinstance(node, ast.ClassDef):
            yield from (ast.unparse(base) for base in node.bases if ast.unparse(base) in READERS)
        elif isinstance(node, ast.ImportFrom) and node.module in (
            "pickle",
            "torch.hub",
            "joblib",
            "dill",
        ):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def test_nothing_else_in_the_project_reads_pickles():
    """A new reader is a new door.

    Lead it through `openmmlab/checkpoints.py`, and add it to the doors above.
    """
    files = [*(ROOT / "mmisr").rglob("*.py"), *(ROOT / "tools").rglob("*.py")]
    found = {str(f.relative_to(ROOT)): set(calls(f)) for f in files if ".mim" not in f.parts}
    others = {name: called - SAFE.get(name, set()) for name, called in found.items()}
    assert {name: called for name, called in others.items() if called} == {}


def test_the_search_finds_a_reader(tmp_path):
    path = tmp_path / "new.py"
    path.write_text(
        "import torch\nimport numpy as np\na = torch.load('x')\nb = np.load('y', "
        "allow_pickle=False)\nc = np.load('z')\n"
    )
    assert list(calls(path)) == ["torch.load", "np.load"]
