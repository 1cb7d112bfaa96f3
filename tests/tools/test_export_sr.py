"""``tools/export_sr.py`` as a user starts it.

Alone, on two processes, and to check what it wrote.
"""

import socket
import sys
from pathlib import Path

import pytest

from mmisr.apis.export import export_sr

CONFIG = """
default_scope = "mmisr"
custom_imports = dict(imports=["mmisr.registry"])
model = dict(type="mmisr.Resample", scale=2)
test_dataloader = dict(dataset=dict(
    type="mmisr.SRCocoDataset",
    data_root={data!r},
    ann_file="photos.json",
    data_prefix=dict(img=""),
    metainfo=dict(classes=("thing", "stuff")),
    pipeline=[
        dict(type="mmisr.LoadImage"), dict(type="mmdet.LoadAnnotations", with_bbox=True),
        dict(type="mmisr.NativeLR"), dict(type="mmisr.PackSRDetInputs"),
    ],
))
"""


@pytest.fixture
def config(photos, tmp_path) -> Path:
    path = tmp_path / "bicubic.py"
    path.write_text(CONFIG.format(data=f"{photos}/"))
    return path


@pytest.fixture
def on_two(run):
    """Runs the tool on two processes."""

    def start(*arguments):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        torchrun = (
            sys.executable,
            "-m",
            "torch.distributed.run",
            "--nproc_per_node=2",
            f"--master_port={port}",
        )
        return run(*torchrun, "tools/export_sr.py", *arguments, "--launcher", "pytorch")

    return start


def files(folder: Path) -> dict[str, bytes]:
    return {
        p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()
    }


def test_two_processes_an_unreadable_image_a_resumption_and_a_check(
    config, photos, tmp_path, run, on_two
):
    export_sr(config, tmp_path / "one")
    out, good = tmp_path / "two", (photos / "1.png").read_bytes()

    (photos / "1.png").write_bytes(good[:300] + bytes(400) + good[700:])  # the second process's
    failed = on_two(config, "--out-dir", out)
    assert failed.returncode != 0
    errors = [
        line
        for line in failed.stderr.splitlines()
        if "ExportError: 1 of 8 images cannot be exported" in line
    ]
    assert len(errors) == 1, failed.stderr[-3000:]
    assert f"{photos}/1.png" in errors[0]
    assert len(files(out / "images")) == 7
    assert not (out / "annotations.json").exists()

    (photos / "1.png").write_bytes(good)
    resumed = on_two(config, "--out-dir", out)
    assert resumed.returncode == 0, resumed.stderr[-3000:]
    assert f"wrote {out}/annotations.json" in resumed.stdout
    assert files(out) == files(tmp_path / "one")
    assert len(files(out)) == 10

    (out / "images/3.png").unlink()
    (out / "images/4.png").write_bytes(b"")
    found = run(sys.executable, "tools/export_sr.py", "--check", "--out-dir", out)
    assert found.returncode == 1
    assert "missing: images/3.png" in found.stdout
    assert "changed: images/4.png" in found.stdout
