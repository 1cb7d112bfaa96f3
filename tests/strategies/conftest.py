"""Steps without a Runner stand at the start of a run, whatever an earlier test trained."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from mmisr.openmmlab.stack import prepare

prepare()

from mmengine.logging import MessageHub

sys.path.insert(0, str(Path(__file__).parent))  # the tests share steps.py and two_phases.py


@pytest.fixture(autouse=True)
def _at_the_start() -> Iterator[None]:
    hub = MessageHub.get_current_instance()
    known = {key: hub.get_info(key) for key in ("iter", "max_iters")}
    hub.update_info("iter", 0)
    hub.update_info("max_iters", 0)
    yield
    for key, value in known.items():
        if value is not None:
            hub.update_info(key, value)
