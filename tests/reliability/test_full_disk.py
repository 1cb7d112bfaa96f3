"""The disk is full in the middle of the work.

One error, nothing half-written under a real name, and on with more room.

Full at one place in every test run; at more with ``MMISR_LONG=1 python -m pytest
tests/reliability/test_full_disk.py``.
"""

import errno
import os
import subprocess
from pathlib import Path

import pytest
import torch

from mmisr.apis.compare import compare
from mmisr.apis.export import export_sr
from mmisr.apis.inferencer import SRDetInferencer
from mmisr.apis.train import train
from mmisr.export.folder import ExportError, check_export

LONG = os.environ.get("MMISR_LONG") == "1"
FILL = (0.1, 0.3, 0.5, 0.7, 0.9) if LONG else (0.7,)
"""Parts of what is needed that there is room for."""

PAGE = 4096
"""Bytes that tmpfs gives out at a time."""


@pytest.fixture
def disk(tmp_path):
    """A small disk: mounted with so many bytes, given more later."""
    folder, mounted = tmp_path / "disk", []

    def size(room: int) -> Path:
        folder.mkdir(exist_ok=True)
        again = "remount," if mounted else ""
        command = ["mount", "-t", "tmpfs", "-o", f"{again}size={room}", "tmpfs", str(folder)]
        try:
            done = subprocess.run(command, capture_output=True, text=True, check=False)
        except FileNotFoundError:
            pytest.skip("needs mount")
        if done.returncode:
            pytest.skip(f"needs the right to mount: {done.stderr.strip()}")
        mounted.append(room)
        return folder

    def empty() -> None:
        if mounted:
            subprocess.run(["umount", str(folder)], check=True)
            mounted.clear()

    size.empty = empty
    yield size
    empty()


def content(folder: Path) -> dict[str, bytes]:
    return {
        p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()
    }


def named(files: dict[str, bytes]) -> dict[str, bytes]:
    """Those that are not temporary."""
    return {
        name: data
        for name, data in files.items()
        if not any(part.startswith(".") for part in name.split("/"))
    }


def used(folder: Path) -> int:
    return sum(-(-len(data) // PAGE) * PAGE for data in content(folder).values())


def out_of_room(process, error=OSError) -> Exception:
    with pytest.raises(error, match="No space left on device") as caught:
        process.result()
    if error is OSError:
        assert caught.value.errno == errno.ENOSPC
        assert caught.value.filename, "the error names the file"
    return caught.value


def test_export(cheap_pair, apart, disk, tmp_path):
    config, _ = cheap_pair(6, 128)
    apart(lambda: export_sr(config, tmp_path / "whole")).result()
    whole = content(tmp_path / "whole")
    for part in FILL:
        out = disk(int(part * used(tmp_path / "whole"))) / "out"
        error = out_of_room(apart(lambda o=out: export_sr(config, o)), ExportError)
        assert str(out) in str(error)
        found = named(content(out))
        assert {k: v for k, v in found.items() if k != "manifest.json"}.items() <= whole.items()
        before = {p: p.stat().st_ino for p in (out / "images").glob("*.png")}
        disk(2**24)
        apart(lambda o=out: export_sr(config, o)).result()
        assert content(out) == whole
        assert check_export(out).good
        assert sum(p.stat().st_ino != inode for p, inode in before.items()) <= 1, (
            "what was done is not done again"
        )
        disk.empty()


def test_inference(cheap_pair, apart, disk, tmp_path):
    config, checkpoint = cheap_pair(6, 128)

    def infer(out):
        tool = SRDetInferencer(config, checkpoint, device="cpu", show_progress=False)
        tool(tool.cfg.test_dataloader.dataset.data_root, out_dir=str(out), save_sr=True)

    apart(lambda: infer(tmp_path / "whole")).result()
    whole = content(tmp_path / "whole")
    for part in FILL:
        out = disk(int(part * used(tmp_path / "whole"))) / "out"
        out_of_room(apart(lambda o=out: infer(o)))
        done = {k: v for k, v in named(content(out)).items() if "/" in k}
        assert done or part < 0.3
        assert done.items() <= whole.items()
        disk(2**24)
        apart(lambda o=out: infer(o)).result()
        assert named(content(out)) == whole
        disk.empty()


def test_comparison(cheap_pair, apart, disk, tmp_path):
    config, checkpoint = cheap_pair(4, 64)

    def run(out):
        found = compare(
            config, ["bicubic", "lr"], out, str(checkpoint), device="cpu", replicates=10
        )
        return {name: figures.AP for name, figures in found.arms.items()}

    figures = apart(lambda: run(tmp_path / "whole")).result()
    arms, whole = tmp_path / "whole/arms", content(tmp_path / "whole/arms")
    (first,) = arms.glob("bicubic-*")
    one = used(first)
    # For all of the first arm but its last file, and for a half of the second arm.
    for room in (one - PAGE, one + (used(arms) - one) // 2)[not LONG :]:
        out = disk(room) / "out"
        out_of_room(apart(lambda o=out: run(o)))
        kept = out / "arms" / first.name
        assert kept.exists() == (room > one), (
            "an arm that was done is kept; one that was not has no name"
        )
        inode = kept.stat().st_ino if kept.exists() else None
        disk(2**24)
        assert apart(lambda o=out: run(o)).result() == figures
        assert inode in (None, kept.stat().st_ino)
        found = content(out / "arms")
        assert found.keys() == whole.keys()
        assert all(
            found[k] == v for k, v in whole.items() if not k.endswith("arm.json")
        )  # which has the times
        disk.empty()


def test_training(staged, apart, disk, tmp_path):
    config, options = staged(2), {"default_hooks.checkpoint.interval": 1}
    apart(lambda: train(config, str(tmp_path / "whole"), cfg_options=options) and None).result()
    whole, name = tmp_path / "whole", "iter_6.pth"
    one = (whole / name).stat().st_size
    out = disk(int(2.5 * one)) / "out"
    options["default_hooks.checkpoint.max_keep_ckpts"] = 4  # two fit, the third does not
    out_of_room(apart(lambda: train(config, str(out), cfg_options=options) and None))
    assert (out / "iter_2.pth").stat().st_size > 0.5 * one
    assert not (out / name).exists()
    disk(2**26)
    apart(lambda: train(config, str(out), resume="auto", cfg_options=options) and None).result()
    ours, theirs = (
        torch.load(folder / name, map_location="cpu", weights_only=False) for folder in (whole, out)
    )
    assert all(torch.equal(v, theirs["state_dict"][k]) for k, v in ours["state_dict"].items())
    assert ours["state_dict"].keys() == theirs["state_dict"].keys()
