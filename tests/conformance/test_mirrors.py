"""Every module has its mirror test file, or a row of ``tests/README.md`` that names a test."""

import importlib.util
from pathlib import Path

spec = importlib.util.spec_from_file_location("mirrors", Path(__file__).with_name("mirrors.py"))
mirrors = importlib.util.module_from_spec(spec)
spec.loader.exec_module(mirrors)


def test_every_module_has_a_mirror_or_a_row():
    assert set(mirrors.without_mirror()) - mirrors.rows().keys() == set()


def test_every_row_is_needed_and_names_tests_that_exist():
    table = mirrors.rows()
    assert len(table) > 10
    assert table.keys() - set(mirrors.without_mirror()) == set(), (
        "take out: python tests/conformance/mirrors.py"
    )
    for module, text in table.items():
        named = mirrors.TEST_FILE.findall(text)
        assert named, f"{module} names no test"
        assert [name for name in named if not (mirrors.ROOT / name).is_file()] == [], module
