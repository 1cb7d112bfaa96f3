"""What was measured once is read the next time."""

from dataclasses import dataclass

import pytest
import torch

from mmisr.ops import calibration
from mmisr.ops.calibration import calibrated, least_ms


@dataclass(frozen=True)
class Costs:
    ms: float
    by_size: list[float]


@pytest.fixture
def measure(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(calibration, "_known", {})
    asked = []

    def run(name=("net", 1), parameter=None):
        def now():
            asked.append(name)
            return Costs(1.5, [1.0, 2.0])

        parameter = torch.zeros(1) if parameter is None else parameter
        return calibrated(Costs, name, parameter, now), len(asked)

    return run


def forget(monkeypatch):
    """As a new process would."""
    monkeypatch.setattr(calibration, "_known", {})


def test_it_is_measured_once(measure, monkeypatch, tmp_path):
    assert measure() == (Costs(1.5, [1.0, 2.0]), 1)
    assert measure()[1] == 1
    forget(monkeypatch)
    assert measure() == (Costs(1.5, [1.0, 2.0]), 1)
    assert len(list(tmp_path.rglob("*.json"))) == 1


def test_another_name_precision_or_thread_count_is_measured_anew(measure):
    measure()
    assert measure(("net", 2))[1] == 2
    assert measure(parameter=torch.zeros(1, dtype=torch.float64))[1] == 3


@pytest.mark.parametrize("content", ["", "{}", '{"ms": 1}', "[1, 2]"])
def test_a_file_that_cannot_be_read_is_measured_again(measure, monkeypatch, tmp_path, content):
    measure()
    (file,) = tmp_path.rglob("*.json")
    file.write_text(content)
    forget(monkeypatch)
    assert measure()[1] == 2


def test_a_folder_that_cannot_be_written_is_no_error(measure, monkeypatch, tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(blocked))
    assert measure()[0] == Costs(1.5, [1.0, 2.0])


def test_the_least_of_several_calls():
    calls = []
    assert least_ms(lambda: calls.append(1), rounds=4) >= 0
    assert len(calls) == 4
