"""``tools/export_sr.py`` as a user starts it.

Alone, on two processes, and to check what it wrote.
"""

import runpy
import sys
from pathlib import Path

import pytest

from mmisr.apis.export import export_sr
from mmisr.export.folder import ExportError

ROOT = Path(__file__).parents[2]

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


def tool(*arguments: object) -> None:
    """The tool with these arguments, in the process that calls."""
    sys.argv = ["export_sr.py", *map(str, arguments)]
    runpy.run_path(str(ROOT / "tools/export_sr.py"), run_name="__main__")


@pytest.fixture
def on_two(starting, tmp_path):
    """Runs the tool on two processes: how many failed, and what they said."""

    def run(*arguments: object) -> tuple[int, str]:
        said = tmp_path / "said.txt"
        said.write_text("")
        processes = starting(2, lambda: tool(*arguments, "--launcher", "pytorch"), said)
        failed = 0
        for process in processes:
            try:
                process.result()
            except (ExportError, SystemExit) as error:
                failed += 1
                print(f"{type(error).__name__}: {error}", file=said.open("a"))
        return failed, said.read_text()

    return run


def files(folder: Path) -> dict[str, bytes]:
    return {
        p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()
    }


def test_two_processes_an_unreadable_image_a_resumption_and_a_check(
    config, photos, tmp_path, apart, on_two
):
    export_sr(config, tmp_path / "one")
    out, good = tmp_path / "two", (photos / "1.png").read_bytes()

    (photos / "1.png").write_bytes(good[:300] + bytes(400) + good[700:])  # the second process's
    failed, said = on_two(config, "--out-dir", out)
    assert failed == 2
    errors = [
        line
        for line in said.splitlines()
        if "ExportError: 1 of 8 images cannot be exported" in line
    ]
    assert len(errors) == 1, said[-3000:]
    assert f"{photos}/1.png" in errors[0]
    assert len(files(out / "images")) == 7
    assert not (out / "annotations.json").exists()

    (photos / "1.png").write_bytes(good)
    failed, said = on_two(config, "--out-dir", out)
    assert failed == 0, said[-3000:]
    assert f"wrote {out}/annotations.json" in said
    assert files(out) == files(tmp_path / "one")
    assert len(files(out)) == 10

    (out / "images/3.png").unlink()
    (out / "images/4.png").write_bytes(b"")
    said = tmp_path / "checked.txt"
    with pytest.raises(SystemExit) as stop:
        apart(lambda: tool("--check", "--out-dir", out), said).result()
    assert stop.value.code == 1
    assert "missing: images/3.png" in said.read_text()
    assert "changed: images/4.png" in said.read_text()
