"""Processes in which nothing of the stack was imported yet."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


class Preloaded:
    """Starts code beside torch and mmengine, which are imported, and nothing else of the stack."""

    def __init__(self) -> None:
        environment = {
            **os.environ,
            "OMP_NUM_THREADS": "1",
            "OPENBLAS_NUM_THREADS": "1",  # threads do not survive a fork
            "CUDA_VISIBLE_DEVICES": "",
        }
        environment.pop("PYTHONPATH", None)
        self.folder = tempfile.TemporaryDirectory()
        self.process = subprocess.Popen(
            [sys.executable, "-W", "ignore", str(Path(__file__).with_name("preloaded.py"))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=self.folder.name,
            env=environment,
            text=True,
        )

    def __call__(self, code: str, *extra_path: Path) -> subprocess.CompletedProcess:
        """Run code that finds ``extra_path`` before anything that is installed."""
        files = {name: Path(self.folder.name, name) for name in ("stdout", "stderr")}
        request = {name: str(file) for name, file in files.items()}
        request |= {"code": code, "path": [str(path) for path in (*extra_path, ROOT)]}
        print(json.dumps(request), file=self.process.stdin, flush=True)
        status = int(self.process.stdout.readline().split()[-1])
        said = {name: file.read_text() for name, file in files.items()}
        return subprocess.CompletedProcess(code, status, said["stdout"], said["stderr"])

    def close(self) -> None:
        self.process.stdin.close()
        self.process.wait(timeout=60)
        self.folder.cleanup()


@pytest.fixture(scope="session")
def preloaded() -> Iterator[Callable[..., subprocess.CompletedProcess]]:
    """Runs code in a process where mmcv, mmdet, mmagic and mmisr are not imported yet."""
    server = Preloaded()
    yield server
    server.close()
