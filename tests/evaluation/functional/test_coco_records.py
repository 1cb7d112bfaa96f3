import dataclasses

import numpy as np
import pytest

from mmisr.evaluation.functional.coco_records import load_records, save_records
from mmisr.evaluation.functional.size_binned_ap import size_binned_ap
from mmisr.evaluation.size_bins import protocol_named


def same(one, two):
    return all(
        np.array_equal(a, b)
        for a, b in zip(dataclasses.astuple(one), dataclasses.astuple(two), strict=True)
    )


def test_records_survive_a_file(scene_of, record_of, tmp_path):
    """Every array bit for bit, empty images included: AP can be counted from the file alone."""
    records = [*scene_of(1), record_of("named")]
    file = tmp_path / "new" / "records.npz"
    save_records(file, records, {"max_dets": 100})
    back, meta = load_records(file)
    assert meta == {"max_dets": 100}
    assert [type(r.img_id) for r in back] == [int] * 6 + [str]
    assert all(same(a, b) for a, b in zip(records, back, strict=True))
    ranges = protocol_named("coco").ranges()
    assert repr(size_binned_ap(back, 3, ranges, 100)) == repr(
        size_binned_ap(records, 3, ranges, 100)
    )


def test_a_file_of_before_there_were_marks(tmp_path, scene_of):
    """What was ignored then is a crowd."""
    save_records(tmp_path / "new.npz", scene_of(1))
    with np.load(tmp_path / "new.npz") as file:
        columns = {name: file[name] for name in file if name != "gt_marks"}
    np.savez(tmp_path / "old.npz", **columns)
    records, _ = load_records(tmp_path / "old.npz")
    assert any(r.gt_ignore.any() for r in records)
    assert all((r.gt_marks == np.where(r.gt_ignore, 2, 0)).all() for r in records)


def test_no_records(tmp_path):
    save_records(tmp_path / "none.npz", [])
    assert load_records(tmp_path / "none.npz") == ([], {})


def test_another_file_is_refused(tmp_path):
    np.savez(tmp_path / "other.npz", boxes=np.zeros(3))
    with pytest.raises(
        ValueError,
        match="does not hold records of mmisr.SizeBinnedCocoMetric: it has no .'det_areas'",
    ):
        load_records(tmp_path / "other.npz")
