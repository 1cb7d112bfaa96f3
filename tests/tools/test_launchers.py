"""The launchers and the Makefile, as far as they run without a cluster and without a network."""

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def sh(
    *arguments: str, cwd: Path = ROOT, said: str | None = None, **environment: str
) -> subprocess.CompletedProcess:
    # Without what `make test` itself tells the makes below it.
    outside = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    return subprocess.run(
        arguments,
        cwd=cwd,
        input=said,
        env={**outside, **environment},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


@pytest.fixture
def shown(tmp_path) -> dict[str, str]:
    """A PATH on which srun and python print what they were started with."""
    for name in ("srun", "python"):
        script = tmp_path / name
        script.write_text(f'#!/bin/sh\nprintf "{name}\\n"; printf "%s\\n" "$@"\n')
        script.chmod(0o755)
    return {"PATH": f"{tmp_path}:{os.environ['PATH']}", "PYTHON": "python"}


@pytest.mark.parametrize(
    ("script", "arguments", "expected"),
    [
        (
            "dist_train.sh",
            ["c.py", "4", "--amp"],
            ["--nproc_per_node=4", "c.py", "--launcher", "pytorch", "--amp"],
        ),
        (
            "dist_test.sh",
            ["c.py", "w.pth", "2"],
            ["--nproc_per_node=2", "c.py", "w.pth", "--launcher", "pytorch"],
        ),
        (
            "slurm_train.sh",
            ["part", "job", "c.py", "work dir"],
            ["-p", "part", "--job-name=job", "--work-dir=work dir"],
        ),
        (
            "slurm_test.sh",
            ["part", "job", "c.py", "w.pth"],
            ["--gres=gpu:4", "--ntasks=4", "w.pth", "--launcher=slurm"],
        ),
    ],
)
def test_launchers_pass_everything_on(shown, script, arguments, expected):
    result = sh(
        "bash",
        f"tools/{script}",
        *arguments,
        **shown,
        GPUS="4",
        NNODES="2",
        PORT="29999",
        SRUN_ARGS="-x n1",
    )
    assert result.returncode == 0, result.stderr
    lines = result.stdout.splitlines()
    assert [e for e in expected if e not in lines] == []
    if script.startswith("dist"):
        assert lines[:3] == ["python", "-m", "torch.distributed.run"]
        assert {
            "--nnodes=2",
            "--node_rank=0",
            "--master_addr=127.0.0.1",
            "--master_port=29999",
        } <= set(lines)
    else:
        assert lines[0] == "srun"
        assert {"-x", "n1", "--kill-on-bad-exit=1"} <= set(lines)


@pytest.mark.parametrize(
    "script", ["dist_train.sh", "dist_test.sh", "slurm_train.sh", "slurm_test.sh"]
)
def test_launchers_say_how_to_call_them(script):
    result = sh("bash", f"tools/{script}", "c.py")
    assert result.returncode == 2
    assert f"tools/{script}" in result.stderr
    assert os.access(ROOT / "tools" / script, os.X_OK)


@pytest.fixture
def clone(tmp_path) -> Path:
    """The files that setting up reads, in a folder of their own."""
    folder = tmp_path / "clone"
    folder.mkdir()
    for name in (
        "Makefile",
        "setup.py",
        "pyproject.toml",
        "requirements.txt",
        "model-index.yml",
        "LICENSE",
    ):
        shutil.copy(ROOT / name, folder)
    for name in ("requirements", "mmisr", "configs", "tools", "checkpoints"):
        shutil.copytree(
            ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__", ".mim")
        )
    return folder


@pytest.mark.skipif(shutil.which("make") is None, reason="needs make")
class TestMakefile:
    """Its logic, without installing anything."""

    def test_a_fresh_clone_installs_once(self, clone):
        plan = sh("make", "-n", "demo", cwd=clone).stdout
        assert plan.count("-m pip install") == 4
        assert "--no-deps -r requirements/mmagic.txt" in plan
        assert plan.strip().endswith("tools/demo.py")

    def test_what_is_installed_is_not_installed_again(self, clone):
        (clone / ".venv/bin").mkdir(parents=True)
        (clone / ".venv/bin/python").touch()
        stamps = [
            w
            for w in sh("make", "-n", "setup", cwd=clone).stdout.split()
            if w.startswith(".venv/.")
        ]
        for stamp in (s for s in stamps if "*" not in s):
            (clone / stamp).touch()
        assert "Nothing to be done" in sh("make", "-n", "setup", cwd=clone).stdout
        with (clone / "requirements" / "runtime.txt").open("a") as file:
            file.write("# changed\n")
        assert "-r requirements.txt" in sh("make", "-n", "setup", cwd=clone).stdout

    def test_pip_installs_where_uv_cannot(self, clone):
        """A mirror stands in pip's settings, which uv does not read."""
        python = clone / ".venv/bin/python"
        python.parent.mkdir(parents=True)
        python.write_text('#!/bin/sh\necho "$@" >> asked\n[ "$2" != uv ]\n')
        python.chmod(0o755)
        sh("make", "-s", "setup", cwd=clone)
        asked = (clone / "asked").read_text().splitlines()
        everything = [line for line in asked if line.endswith("-r requirements.txt")]
        assert [line.split()[1] for line in everything] == ["uv", "pip"]
        assert "requirements/mmagic.txt" in asked[-2]

    def test_python_keeps_what_it_compiled(self):
        """Unless make says otherwise, an image's variable makes each process compile it all."""
        asking = "include Makefile\nask:\n\t@echo kept: [$$PYTHONDONTWRITEBYTECODE]\n"
        answer = sh("make", "-s", "-f", "-", "ask", said=asking, PYTHONDONTWRITEBYTECODE="1")
        assert answer.stdout == "kept: []\n", answer.stderr

    @pytest.mark.parametrize(
        ("python", "text"),
        [
            ("no-such-python", "needs Python >= 3.10, and there is no 'no-such-python'"),
            ("old", "needs Python >= 3.10, 'old' is"),
        ],
    )
    def test_the_wrong_python_is_named_in_one_line(self, clone, tmp_path, python, text):
        old = tmp_path / "old"
        old.write_text(
            '#!/bin/sh\n[ "$1" = --version ] && echo Python 3.8.1\n[ "$1" = --version ]\n'
        )
        old.chmod(0o755)
        result = sh(
            "make", "setup", f"PYTHON={python}", cwd=clone, PATH=f"{tmp_path}:{os.environ['PATH']}"
        )
        assert result.returncode != 0
        assert text in result.stderr.splitlines()[0]
        assert not (clone / ".venv").exists()


def test_a_wheel_carries_configs_and_tools(clone, tmp_path):
    command = (
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "-q",
        "--no-deps",
        "--no-build-isolation",
        "--no-index",
        "-w",
    )
    result = sh(*command, str(tmp_path), ".", cwd=clone)
    assert result.returncode == 0, result.stderr
    with zipfile.ZipFile(next(tmp_path.glob("mmisr-*.whl"))) as wheel:
        names = set(wheel.namelist())
        points = wheel.read(next(n for n in names if n.endswith("entry_points.txt"))).decode()
    assert {"mmisr/.mim/tools/train.py", "mmisr/.mim/configs/_base_/default_runtime.py"} <= names
    assert {"mmisr/.mim/checkpoints/instance-sr-nano-x4_tree-crowns.pth", "mmisr/py.typed"} <= names
    assert {"mmisr/.mim/model-index.yml", "mmisr/pipeline/sr_detector.py"} <= names
    assert {
        f"mmisr/reports/html/templates/page.{kind}" for kind in ("html.jinja", "css", "js")
    } <= names
    assert "mmisr = mmisr.__main__:main" in points
