"""What the tests run in: fixtures.py, but not where a process only hands tests out to others."""

from pathlib import Path

import pytest

TESTS = Path(__file__).parent

LONGEST_FIRST = (
    "conformance/test_configs.py",
    "apis/test_grid.py",
    "tools/test_train_resume.py",
    "reports/html/test_browser.py",
    "tools/test_train_phases.py",
    "conformance/test_editors.py",
    "strategies/test_phases.py",
    "openmmlab/test_stack.py",
    "tools/test_readme.py",
    "apis/test_compare.py",
    "docs/test_build.py",
    "openmmlab/test_zoo.py",
    "strategies/test_any_detector.py",
    "tools/test_wrappers.py",
    "reports/html/test_page.py",
    "apis/test_pareto.py",
    "apis/test_pair_pareto.py",
    "tools/test_report.py",
    "openmmlab/test_clients.py",
    "apis/checks/test_own_resize.py",
    "docs/test_examples.py",
    "reliability/test_fuzz_checkpoints.py",
    "apis/test_export.py",
    "apis/test_inferencer.py",
    "reliability/test_memory.py",
    "editors/instance_sr/test_bands.py",
    "reliability/test_full_disk.py",
    "reliability/test_kills.py",
    "tools/test_test.py",
)
"""Files of tests that take longest.

Begun last they would leave one process at work alone.
"""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the files that take longest; within a file nothing changes."""
    places = {str(TESTS / name): place for place, name in enumerate(LONGEST_FIRST)}
    items.sort(key=lambda item: places.get(str(item.path), len(places)))


def pytest_configure(config: pytest.Config) -> None:
    """Import the libraries and the fixtures, which takes as long as many a test."""
    hands_out = config.getoption("numprocesses", None) and not hasattr(config, "workerinput")
    if not hands_out:
        config.pluginmanager.import_plugin("tests.fixtures")
