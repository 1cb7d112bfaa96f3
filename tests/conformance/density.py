"""How much a line of code holds: the measure, its limit, and the files that are still above it.

After files were brought down, write the ceilings anew: ``python tests/conformance/density.py``.
"""

import ast
import json
import statistics
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
CEILINGS = Path(__file__).with_name("density.json")
LIMIT = 10.0
"""Syntax nodes per body line; kornia, torchmetrics and supervision have 6 to 9."""
SLACK = 0.3
"""How far below its ceiling a file may lie before the ceiling has to follow."""
SHORTEST = 5
"""Functions of fewer lines are left out: one packed line in three is no style."""


def body_of(function: ast.FunctionDef | ast.AsyncFunctionDef) -> list[ast.stmt]:
    """The statements of a function without its docstring."""
    first = function.body[0]
    is_docstring = (
        isinstance(first, ast.Expr)
        and isinstance(first.value, ast.Constant)
        and isinstance(first.value.value, str)
    )
    return function.body[1:] if is_docstring else function.body


def densities(text: str) -> Iterator[float]:
    """Syntax nodes per line of code of every function that is long enough."""
    lines = text.splitlines()
    for node in ast.walk(ast.parse(text)):
        if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            continue
        body = body_of(node)
        if not body:
            continue
        written = [line.strip() for line in lines[body[0].lineno - 1 : body[-1].end_lineno]]
        code = [line for line in written if line and not line.startswith("#")]
        if len(code) < SHORTEST:
            continue
        nodes = sum(1 for statement in body for _ in ast.walk(statement))
        yield nodes / len(code)


def measure() -> dict[str, float]:
    """The median of each file of the package, by its path in the repository."""
    table = {}
    for path in sorted((ROOT / "mmisr").rglob("*.py")):
        values = list(densities(path.read_text(encoding="utf-8")))
        if values:
            table[path.relative_to(ROOT).as_posix()] = statistics.median(values)
    return table


def ceilings() -> dict[str, float]:
    """What the files above the limit may have, by path."""
    return json.loads(CEILINGS.read_text(encoding="utf-8"))


def main() -> None:
    """Write down the files above the limit, rounded up to a tenth."""
    above = {name: round(value + 0.05, 1) for name, value in measure().items() if value > LIMIT}
    CEILINGS.write_text(json.dumps(above, indent=2) + "\n", encoding="utf-8")
    print(f"{len(above)} files are above {LIMIT}: {CEILINGS.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
