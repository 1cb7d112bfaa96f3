"""Which test covers a module: its mirror, or a row of ``tests/README.md``.

``python tests/conformance/mirrors.py`` takes out rows that are no longer needed, and names the
modules that need one.
"""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
README = ROOT / "tests" / "README.md"
ROW = re.compile(r"^\| `(mmisr/\S+\.py)` \| (.*) \|$", re.M)
"""A row of the table: the module, and what covers it."""
TEST_FILE = re.compile(r"tests/[\w/]+\.py")


def modules() -> list[str]:
    """Every file of the package that holds code, by its path in the repository."""
    files = sorted((ROOT / "mmisr").rglob("*.py"))
    return [
        file.relative_to(ROOT).as_posix()
        for file in files
        if file.read_text(encoding="utf-8").strip()
    ]


def mirror(module: str) -> Path:
    """Where the test file of a module is, if it has one: mmisr/x/y.py, tests/x/test_y.py."""
    path = Path(module)
    return ROOT / "tests" / path.relative_to("mmisr").with_name(f"test_{path.name}")


def without_mirror() -> list[str]:
    """Modules that need a row."""
    return [module for module in modules() if not mirror(module).is_file()]


def rows() -> dict[str, str]:
    """What the table says, by module."""
    return dict(ROW.findall(README.read_text(encoding="utf-8")))


def main() -> None:
    """Bring the table up to date, as far as a program can."""
    needed = set(without_mirror())
    lines = README.read_text(encoding="utf-8").splitlines()
    for module in rows().keys() - needed:
        lines = [line for line in lines if not line.startswith(f"| `{module}` |")]
        print(f"taken out: {module}")
    README.write_text("\n".join(lines) + "\n", encoding="utf-8")
    for module in sorted(needed - rows().keys()):
        print(f"needs {mirror(module).relative_to(ROOT)} or a row: {module}")


if __name__ == "__main__":
    main()
