"""mmengine's JSON logs: which file, which records, and the names of their curves."""

import pytest

from mmisr.reports.logs import (
    curves_of,
    default_keys,
    find_log,
    from_epoch,
    read_log,
    renamed,
    run_names,
)


@pytest.mark.parametrize(
    ("names", "lines"),
    [
        (["new", "old"], {"loss": ["new", "old"], "ap": ["new", "old"]}),
        (
            ["a", "b", "c", "d"],
            {"loss": ["a", "c"], "ap": ["b", "d"]},
        ),  # log by log, as mmdet has it
    ],
)
def test_the_order_of_names(names, lines):
    panels = {
        key: {run: ([1], [value]) for value, run in enumerate(("x", "y"))} for key in ("loss", "ap")
    }
    found = renamed(panels, ["x", "y"], names)
    assert {key: list(curves) for key, curves in found.items()} == lines
    assert [values for _, values in found["ap"].values()] == [[0], [1]]


def test_logs_of_runs_that_were_killed_or_never_began(tmp_path):
    log = tmp_path / "work/20260101_000000/vis_data/scalars.json"
    log.parent.mkdir(parents=True)
    log.write_text('{"loss": 1.0, "step": 1}\n{"loss": 0.')
    assert read_log(find_log(str(tmp_path / "work"))) == [{"loss": 1.0, "step": 1}]
    log.write_text("loss\n" * 3)
    with pytest.raises(ValueError, match=r"scalars.json:1 is no line of a JSON log"):
        read_log(log)
    log.write_text("")
    with pytest.raises(ValueError, match="is empty"):
        read_log(log)
    with pytest.raises(FileNotFoundError, match="is no log and holds none"):
        find_log(str(tmp_path / "nowhere"))


def test_curves_are_of_the_runs_that_have_the_key():
    new = [{"loss": 2.0, "step": 10}, {"lr": 0.1}, {"loss": 1.0, "step": 30}]
    runs = {"new": new, "old": [{"lr": 0.1}], "steps": [{"x": 1.0}, {"loss": 3.0}]}
    assert curves_of(runs, "loss") == {"new": ([10, 30], [2.0, 1.0]), "steps": ([1], [3.0])}


@pytest.mark.parametrize(
    ("known", "drawn"),
    [
        (["lr", "loss_cls", "step", "loss"], ["loss_cls", "loss"]),
        (["step", "time", "bbox/AP", "lr"], ["bbox/AP", "lr"]),
        ([f"loss_{n}" for n in range(9)], [f"loss_{n}" for n in range(6)]),
    ],
)
def test_losses_are_drawn_where_nothing_is_asked_for(known, drawn):
    assert default_keys(known) == drawn


def test_records_from_an_epoch_on():
    records = [{"epoch": 1}, {"epoch": 1}, {"epoch": 3}, {"loss": 1.0}]
    assert from_epoch(records, 1) == records
    assert from_epoch(records, 2) == records[2:]
    assert from_epoch([{"step": 4}], 5) == [{"step": 4}]  # it counts no epochs
    with pytest.raises(ValueError, match="is after the end: the last epoch in the log is 3"):
        from_epoch(records, 4)


def test_runs_are_called_after_their_folders(tmp_path):
    first = tmp_path / "one/20260101/vis_data/scalars.json"
    second = tmp_path / "two/20260101/vis_data/scalars.json"
    other = tmp_path / "hr.scalars.json"
    assert run_names([first, second, other]) == ["one", "two", "hr"]
    assert run_names([first, first]) == [str(first), str(first)]
    of_grid = tmp_path / "row" / "seed_1-0a3f" / "time" / "vis_data" / "scalars.json"
    assert run_names([first, of_grid]) == ["one", "row seed_1"]
