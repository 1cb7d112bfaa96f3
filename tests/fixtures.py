"""A small detector, real mmdet code, without pretrained weights; and real trees, cut small."""

import functools
import gc
import importlib
import json
import os
import pickle
import shutil
import socket
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from filelock import FileLock
from PIL import Image
from skimage import data

gc.disable()  # until all is imported: see pytest_collection_finish

from mmisr.analysis.comparison import run as comparing
from mmisr.apis.configs import read_config
from mmisr.apis.data import tree_crowns as prepare_tree_crowns
from mmisr.openmmlab.detector import DetDataSample
from mmisr.openmmlab.stack import prepare

prepare()

from mmengine.config import Config
from mmengine.config import utils as mmengine_configs
from mmengine.structures import InstanceData
from yapf.yapflib import yapf_api

ROOT = Path(__file__).parents[1]


def pytest_collection_finish() -> None:
    """Take what was imported out of the garbage collector's sight.

    mmengine collects garbage for every data set that is built; looking through the modules of four
    libraries takes half a second each time.
    """
    gc.collect()
    gc.freeze()
    gc.enable()


def as_it_is(code: str, **style: Any) -> tuple[str, bool]:
    """Python in the layout that it has, refused where it is none."""
    compile(code, "<config>", "exec")
    return code, False


yapf_api.FormatCode = as_it_is
"""A run writes its config four times, and one more with each checkpoint.

To lay the text out takes yapf a quarter of a second each time; it does so in the processes that
tests start as a user does.
"""


mmengine_configs.load = functools.cache(mmengine_configs.load)
"""For each config of mmdet's that is inherited mmengine reads the description of all its models.

That takes more than a second.
"""


comparing.TIMED_ROUNDS = 1
"""Rounds in which a comparison times its arms.

Of five and one that warms up, no figure but the milliseconds comes; they took three quarters of
every comparison of these tests.
"""


def small_detector(**test_cfg) -> dict:
    """A YOLOX of nano width, whose raw predictions pass untouched by a score threshold."""
    return {
        "type": "YOLOX",
        "data_preprocessor": {
            "type": "DetDataPreprocessor",
            "mean": [123.675, 116.28, 103.53],
            "std": [58.395, 57.12, 57.375],
            "bgr_to_rgb": True,
            "pad_size_divisor": 32,
            "pad_value": 114.0,
        },
        "backbone": {
            "type": "CSPDarknet",
            "deepen_factor": 0.33,
            "widen_factor": 0.125,
            "out_indices": (2, 3, 4),
        },
        "neck": {
            "type": "YOLOXPAFPN",
            "in_channels": [32, 64, 128],
            "out_channels": 32,
            "num_csp_blocks": 1,
        },
        "bbox_head": {
            "type": "YOLOXHead",
            "num_classes": 2,
            "in_channels": 32,
            "feat_channels": 32,
        },
        "train_cfg": {"assigner": {"type": "SimOTAAssigner", "center_radius": 2.5}},
        "test_cfg": {
            "score_thr": 0.0,
            "nms": {"type": "nms", "iou_threshold": 0.65},
            "max_per_img": 100,
            **test_cfg,
        },
    }


@pytest.fixture
def detector_config() -> dict:
    return small_detector()


@pytest.fixture
def photo() -> torch.Tensor:
    """(3, 96, 131) RGB uint8: a real picture whose width is odd."""
    return torch.from_numpy(np.ascontiguousarray(data.astronaut()[40:136, 160:291])).permute(
        2, 0, 1
    )


def make_sample(
    source_hw: tuple[int, int], boxes: list[list[float]], img_id: int = 1, hr=None
) -> DetDataSample:
    """A sample as PackSRDetInputs makes it."""
    sample = DetDataSample(
        metainfo={
            "img_id": img_id,
            "source_shape": source_hw,
            "ori_shape": source_hw,
            "img_shape": source_hw,
        }
    )
    bboxes = torch.tensor(boxes, dtype=torch.float32).reshape(-1, 4)
    sample.gt_instances = InstanceData(
        bboxes=bboxes, labels=torch.zeros(len(bboxes), dtype=torch.long)
    )
    if hr is not None:
        sample.set_field(hr, "hr")
    return sample


@pytest.fixture
def sample_of():
    return make_sample


@pytest.fixture(scope="session")
def tree_crowns() -> Path:
    """The tree-crown data set, prepared where it is not there yet."""
    folder = ROOT / "data" / "tree_crowns"
    prepare_tree_crowns(folder, ROOT / "data" / "wheels")
    return folder


def write_cut_outs(source: Path, target: Path, side: int, count: int) -> None:
    """Small cut-outs with their trees of each half of the data set, in its own layout."""
    for half in ("train", "val"):
        content = json.loads((source / f"{half}.json").read_text())
        (target / half).mkdir(parents=True)
        boxes = {a["image_id"]: a["bbox"] for a in content["annotations"]}
        images = [i for i in content["images"] if i["id"] in boxes][:count]
        kept = []
        for image in images:
            x, y = (int(max(0, boxes[image["id"]][k] - 8)) for k in (0, 1))
            x, y = min(x, image["width"] - side), min(y, image["height"] - side)
            name = image["file_name"]
            Image.open(source / half / name).crop((x, y, x + side, y + side)).save(
                target / half / name
            )
            image.update(width=side, height=side)
            for a in content["annotations"]:
                left, top, w, h = a["bbox"][0] - x, a["bbox"][1] - y, *a["bbox"][2:]
                if (
                    a["image_id"] == image["id"]
                    and min(left, top) >= 0
                    and max(left + w, top + h) <= side
                ):
                    kept.append({**a, "bbox": [left, top, w, h]})
        assert kept
        (target / f"{half}.json").write_text(
            json.dumps({**content, "images": images, "annotations": kept})
        )


@pytest.fixture(scope="session")
def cut_outs(tree_crowns) -> Callable[[Path, int, int], None]:
    """Writes cut-outs of real trees as a data set.

    The folder, the side in pixels, how many of each half.
    """

    def write(target: Path, side: int, count: int = 2) -> None:
        write_cut_outs(tree_crowns, target, side, count)

    return write


PATIENCE_MS = 300_000
"""How long a browser may take for one step.

On a machine with other work, half a minute is not enough.
"""


@pytest.fixture(scope="module")
def browser() -> Iterator:
    """A Chromium: the system's, or the one that playwright installed."""
    api = pytest.importorskip("playwright.sync_api", reason="needs: pip install playwright")
    system = next(
        filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
    )
    with api.sync_playwright() as tool:
        try:
            found = tool.chromium.launch(
                executable_path=system, args=["--no-sandbox"], timeout=PATIENCE_MS
            )
        except api.Error as error:
            pytest.skip(
                f"needs a Chromium (playwright install chromium): {str(error).splitlines()[0]}"
            )
        yield found
        found.close()


@pytest.fixture(scope="session")
def patience_ms() -> int:
    """The timeout of every step of a page."""
    return PATIENCE_MS


@pytest.fixture(scope="session")
def made_once(tmp_path_factory) -> Callable[[str, Callable[[Path], Any]], Path]:
    """Gives a folder by its name; the first test process that asks makes what is in it.

    The others wait, and find it; nobody changes it.
    """
    place = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        place = place.parent  # that of all processes

    def make(name: str, work: Callable[[Path], Any]) -> Path:
        folder, done = place / name, place / f"{name}.done"
        with FileLock(place / f"{name}.lock"):
            if not done.exists():
                shutil.rmtree(folder, ignore_errors=True)
                folder.mkdir()
                work(folder)
                done.touch()
        return folder

    return make


@pytest.fixture(scope="session")
def project_config(made_once) -> Callable[[Path], Config]:
    """Reads a config of the project as tools do; all test processes together read each once."""

    def read(path: Path) -> Config:
        def write(folder: Path) -> None:
            config = read_config(path)
            (folder / "config.pkl").write_bytes(pickle.dumps(config))

        file = made_once(f"config_{path.stem}", write) / "config.pkl"
        return pickle.loads(file.read_bytes())

    return read


@pytest.fixture(scope="session")
def tree_crops(tree_crowns, made_once) -> dict:
    """Seven crops of 128x128 of the validation set, as options of a config."""
    folder = made_once("trees", lambda place: write_crops(tree_crowns, place))
    place = {"data_root": f"{folder}/", "ann_file": "val.json", "data_prefix": {"img": ""}}
    return {
        "test_dataloader.num_workers": 0,
        "test_dataloader.persistent_workers": False,
        **{f"test_dataloader.dataset.{k}": v for k, v in place.items()},
    }


def write_crops(tree_crowns: Path, folder: Path) -> None:
    side = 128
    (folder / "sub").mkdir()
    truth = json.loads((tree_crowns / "val.json").read_text())
    images, boxes = [], []
    for info in truth["images"][:7]:
        found = np.array(
            [a["bbox"] for a in truth["annotations"] if a["image_id"] == info["id"]], dtype=float
        )
        x, y = (int(v) for v in np.clip(found[0, :2] - 30, 0, 464 - side))
        inside = (found[:, :2] >= (x, y)).all(1) & (
            found[:, :2] + found[:, 2:] <= (x + side, y + side)
        ).all(1)
        image, name = Image.open(tree_crowns / "val" / info["file_name"]), f"sub/{info['id']}.png"
        image.crop((x, y, x + side, y + side)).save(folder / name)
        images.append({"id": info["id"], "file_name": name, "height": side, "width": side})
        for bx, by, w, h in found[inside]:
            row = {
                "id": len(boxes) + 1,
                "image_id": info["id"],
                "category_id": 1,
                "iscrowd": 0,
                "area": w * h,
            }
            boxes.append({**row, "bbox": [bx - x, by - y, w, h]})
    content = {"images": images, "annotations": boxes, "categories": [{"id": 1, "name": "tree"}]}
    (folder / "val.json").write_text(json.dumps(content))


@pytest.fixture(scope="session")
def compared(tree_crops, made_once) -> Path:
    """The folder of a real comparison of four arms on the crops; to be read only."""
    from mmisr.apis.compare import compare

    config = "configs/instance_sr/instance-sr-nano-x4_gfl_mobilenet-v2_frozen_tree-crowns.py"
    arms = ["lr", "bicubic", "instance_sr", "hr"]

    def run(out: Path) -> None:
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(ROOT)  # the config names its checkpoints from there
            compare(config, arms, out, device="cpu", replicates=100, cfg_options=tree_crops)

    return made_once("compared", run)


NEEDED = ("mmagic.evaluation", "mmdet.evaluation", "mmisr.openmmlab.mmagic_nets", "setuptools")
"""What nearly every work imports; in this process once instead of in each fork."""


class Apart:
    """Work in a process of its own: a fork on one thread, which need not import anything again.

    Args:
        work: What it does; what it returns or raises comes back.
        said: File that takes its output; None leaves it where the tests' own goes.
        environment: Variables that only it has.
    """

    def __init__(
        self, work: Callable[[], Any], said: Path | None = None, **environment: str
    ) -> None:
        for name in NEEDED:
            importlib.import_module(name)
        reader, writer = os.pipe()
        self.pid = os.fork()
        if self.pid:
            os.close(writer)
            self.reader = reader
            return
        try:
            os.close(reader)
            os.environ.update(environment)
            if said is not None:
                file = os.open(said, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
                os.dup2(file, 1)
                os.dup2(file, 2)
                sys.stdout, sys.stderr = sys.__stdout__, sys.__stderr__
            torch.set_num_threads(1)  # threads do not survive a fork
            try:
                told = (True, work())
            except BaseException as error:
                told = (False, error)
            with os.fdopen(writer, "wb") as pipe:
                pickle.dump(told, pipe)
            sys.stdout.flush()
            sys.stderr.flush()
        finally:
            os._exit(0)

    def result(self) -> Any:
        """What the work returned; raises what it raised."""
        with os.fdopen(self.reader, "rb") as pipe:
            content = pipe.read()
        os.waitpid(self.pid, 0)
        assert content, "the process was killed"
        good, value = pickle.loads(content)
        if good:
            return value
        raise value


@pytest.fixture(scope="session")
def apart() -> type[Apart]:
    return Apart


@pytest.fixture(scope="session")
def starting(free_port) -> Callable[..., list[Apart]]:
    """Starts the same work in so many processes that find each other, as torchrun does."""

    def start(count: int, work: Callable[[], Any], said: Path | None = None) -> list[Apart]:
        place = {
            "MASTER_ADDR": "127.0.0.1",
            "MASTER_PORT": free_port(),
            "WORLD_SIZE": str(count),
        }
        ranks = map(str, range(count))
        return [Apart(work, said, RANK=rank, LOCAL_RANK=rank, **place) for rank in ranks]

    return start


@pytest.fixture
def one_thread() -> Iterator[None]:
    """As the processes that the tests start: sums over threads come out differently."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="session")
def free_port() -> Callable[[], str]:
    """Gives a port of this machine that nobody listens on."""

    def find() -> str:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            return str(probe.getsockname()[1])

    return find


@pytest.fixture
def graphs(monkeypatch):
    """Counts the graphs that are compiled, and runs them as they are.

    No C++ compiler, and none of its minutes.
    """
    from torch._dynamo.testing import CompileCounter

    from mmisr.ops import compiled

    torch._dynamo.reset()
    counter = CompileCounter()
    monkeypatch.setattr(
        compiled, "_compiled", lambda: torch.compile(compiled._call, backend=counter, dynamic=True)
    )
    yield counter
    torch._dynamo.reset()
