"""What the tests run in: fixtures.py, but not where a process only hands tests out to others."""

from pathlib import Path

import pytest

TESTS = Path(__file__).parent

LONGEST_FIRST = (
    "conformance/test_configs.py",
    "reports/html/test_page.py",
    "tools/test_train_phases.py",
    "apis/test_compare.py",
    "strategies/test_phases.py",
    "reports/html/test_browser.py",
    "tools/test_readme.py",
    "apis/test_grid.py",
    "conformance/test_editors.py",
    "apis/test_what_helps.py",
    "tools/test_train_resume.py",
    "docs/test_examples.py",
    "openmmlab/test_stack.py",
    "strategies/test_any_detector.py",
    "apis/test_pareto.py",
    "tools/test_report.py",
    "openmmlab/test_clients.py",
    "editors/instance_sr/test_bands.py",
    "docs/test_build.py",
    "apis/test_pair_pareto.py",
    "openmmlab/test_zoo.py",
    "reliability/test_memory.py",
    "apis/test_quality_against_ap.py",
    "tools/test_test.py",
    "reliability/test_full_disk.py",
    "apis/test_export.py",
    "editors/instance_sr/engine/test_sparse.py",
    "apis/test_inferencer.py",
    "apis/test_ap_against_severity.py",
    "apis/checks/test_own_resize.py",
    "tools/test_wrappers.py",
    "reliability/test_fuzz_checkpoints.py",
    "reliability/test_kills.py",
    "conformance/test_house.py",
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
