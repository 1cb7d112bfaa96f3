"""Compare a demo's figures with the table of the README: ``check_demo.py RESULTS_JSON README``."""

import json
import sys
from pathlib import Path


def main(results: str, readme: str) -> int:
    arms = json.loads(Path(results).read_text(encoding="utf-8"))["arms"]
    rows = [
        line.split("|")
        for line in Path(readme).read_text(encoding="utf-8").splitlines()
        if line.startswith("| ")
    ]
    published = {row[1].strip(): float(row[2]) for row in rows if row[1].strip() in arms}
    found = {name: round(figures["AP"], 3) for name, figures in arms.items()}
    for name, ap in found.items():
        print(f"{name}: AP {ap:.3f}, published {published[name]:.3f}")
    return int(found != published)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
