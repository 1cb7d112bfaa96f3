"""``python -m mmisr doctor``: the report, and one line and a status for each way to be broken."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from mmisr.__main__ import main
from mmisr.openmmlab.doctor import NEEDED, OPS, examine
from mmisr.openmmlab.stack import PACKAGES, has_compiled_ops

ROOT = Path(__file__).parents[2]


DOCTOR = "import sys\nfrom mmisr.__main__ import main\nsys.exit(main(['doctor']))"


def doctor(*extra_path: Path) -> subprocess.CompletedProcess:
    """The command in a fresh interpreter."""
    return subprocess.run(
        [sys.executable, "-W", "ignore", "-c", DOCTOR],
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join(map(str, (*extra_path, ROOT))),
            "OMP_NUM_THREADS": "1",
        },
        capture_output=True,
        text=True,
        timeout=400,
        check=False,
    )


def test_a_whole_installation_is_well(capsys):
    assert main(["doctor"]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    for name in PACKAGES:
        assert f"\n{name}: " in out
    for op in OPS:
        assert has_compiled_ops() or f"  {op}: " in out
    assert "distributed: gloo" in out
    assert "kernels on cpu: nms runs" in out
    assert "GPU" in out
    assert out.splitlines()[-1] == "all is well"


@pytest.mark.parametrize("name", ["torch", "mmdet", "mmagic"])
def test_a_missing_package_makes_one_line_and_status_1(preloaded, name):
    result = preloaded(f"import sys; sys.modules[{name!r}] = None\n{DOCTOR}")
    assert result.returncode == 1
    (line,) = result.stderr.splitlines()
    assert line.startswith(f"error: the Python package `{name}` is not installed: pip install")
    assert "all is well" not in result.stdout


def test_cpu_torch_with_cuda_torchvision_makes_one_line_and_status_1(tmp_path):
    (tmp_path / "torchvision").mkdir()
    (tmp_path / "torchvision" / "__init__.py").write_text(
        "raise RuntimeError('operator torchvision::nms does not exist')"
    )
    result = doctor(tmp_path)
    assert result.returncode == 1
    (line,) = result.stderr.splitlines()
    assert line.startswith(
        "error: `torchvision` does not import (RuntimeError: operator torchvision::nms"
    )
    assert "matching official pair" in line


def test_what_mmisr_itself_needs_is_named(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "faster_coco_eval", None)
    monkeypatch.setitem(sys.modules, "spandrel", None)
    assert main(["doctor"]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert (
        line == f"error: not installed: "
        f"{', '.join(f'{n} (pip install {NEEDED[n]})' for n in ('faster_coco_eval', 'spandrel'))}"
    )


def metadata(folder: Path, name: str, version: str) -> None:
    """Make ``name`` look installed in ``version``."""
    info = folder / f"{name.replace('-', '_')}-{version}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")


@pytest.mark.parametrize(
    ("name", "version", "said"),
    [
        ("torch", "2.99.0", "torch 2.99.0 is newer than what mmisr was made for, 2.4 to 2.13"),
        (
            "torch",
            "2.3.1+cpu",
            "torch 2.3.1+cpu is older than what mmisr was made for, 2.4 to 2.13",
        ),
        ("torch", "2.10.0", "torch 2.10.0 goes with torchvision 0.25, found"),
        ("mmagic", "1.3.0", "mmagic 1.3.0 is newer than what mmisr was made for, 1.0 to 1.2.0"),
        ("mmcv-lite", "2.1.0", "onedl-mmcv and mmcv-lite write into the same folder `mmcv`"),
    ],
)
def test_an_unexpected_version_is_a_warning_not_an_error(
    tmp_path, monkeypatch, name, version, said
):
    metadata(tmp_path, "onedl-mmcv", "2.3.6")
    metadata(tmp_path, name, version)
    monkeypatch.syspath_prepend(str(tmp_path))
    findings = list(examine())
    assert any(finding.weight == "warning" and said in finding.text for finding in findings)
    assert not any(finding.weight == "error" for finding in findings)


def test_an_official_pair_of_an_expected_age_gets_no_warning(tmp_path, monkeypatch):
    versions = {"torch": "2.13.1", "torchvision": "0.28.1+cu130", "onedl-mmengine": "0.10.7"}
    for name, version in {
        **versions,
        "onedl-mmcv": "2.3.6",
        "onedl-mmdetection": "3.3.0",
        "mmagic": "1.2.0",
    }.items():
        metadata(tmp_path, name, version)
    monkeypatch.syspath_prepend(str(tmp_path))
    assert [finding for finding in examine() if finding.weight != "info"] == []


def test_without_a_command_it_says_which_there_are(capsys):
    with pytest.raises(SystemExit) as stop:
        main([])
    assert stop.value.code == 2
    assert "doctor" in capsys.readouterr().err
