"""The app: what it computes, and the page itself in a real browser."""

import builtins
import os
import socket
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlparse

import cv2
import numpy as np
import pytest
from PIL import Image

from mmisr.apis.app import CONFIG, HOST, Workbench, serve
from mmisr.reports.app_page import build_page
from mmisr.reports.view import View

ROOT = Path(__file__).parents[2]
NANO = Path(CONFIG).stem
H, W = 56, 64


@pytest.fixture(autouse=True)
def here(monkeypatch):
    monkeypatch.chdir(ROOT)


@pytest.fixture(scope="module")
def bench():
    return Workbench({NANO: (CONFIG, None)}, device="cpu")


@pytest.fixture
def photo(tmp_path):
    hr = cv2.imread(str(next(iter(sorted((ROOT / "data/tree_crowns/val").iterdir())))))
    path = tmp_path / "trees.png"
    cv2.imwrite(str(path), cv2.resize(hr[: 4 * H, -4 * W :], (W, H), interpolation=cv2.INTER_AREA))
    return path


def test_what_is_shown(bench, photo):
    shown = bench.look(str(photo), NANO, "learned", None, 0.3)
    lr = np.asarray(Image.open(photo)).astype(int)
    for picture in (shown.bicubic, shown.sr):
        assert picture.shape == (4 * H, 4 * W, 3)
        assert abs(picture.reshape(H, 4, W, 4, 3).mean((1, 3)) - lr).mean() < 6
    assert (shown.sr != shown.bicubic).any()
    assert (shown.detections != shown.sr).any()
    assert shown.routing.size == (4 * W, 4 * H)
    assert list(shown.ms) == ["upscale", "handoff", "detector", "to_source"]
    assert shown.facts[0] == "64x56 to 256x224 pixels"
    assert "% hard" in shown.facts[2]
    deep = bench.look(str(photo), NANO, "all-hard", None, 1.0)
    assert "0 found at score 1 or more" in deep.facts
    assert "100.0% hard" in deep.facts[2]
    assert (deep.detections == deep.sr).all()
    assert (
        bench.look(str(photo), NANO, "learned", {"hard_share": 0.0}, 0.3)
        .facts[2]
        .startswith("tokens: 100.0% easy")
    )
    again = bench.look(
        str(photo), NANO, "learned", None, 0.3
    )  # a budget does not outlive its request
    assert (again.sr == shown.sr).all()


def test_refusals(bench, photo):
    with pytest.raises(ValueError, match="64x56 pixels, more than the 100"):
        Workbench(bench.choices, "cpu", 100).look(str(photo), NANO, "learned", None, 0.3)
    with pytest.raises(ValueError, match="choose one of"):
        bench.look(str(photo), "other", "learned", None, 0.3)
    with pytest.raises(FileNotFoundError, match="gone.py does not exist"):
        serve(["gone.py"])


def test_a_report_holds_no_markup():
    empty = np.zeros((4, 4, 3), np.uint8)
    ms = {"upscale": 1.25, "detector": 2.5}
    text = View(empty, empty, empty, None, ms, ["<script>alert(1)</script>"]).markdown()
    assert "<script>" not in text
    assert "| together | 3.8 |" in text


def test_without_gradio(bench, monkeypatch):
    real = builtins.__import__

    def no_gradio(name, *args, **kwargs):
        if name == "gradio":
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", no_gradio)
    with pytest.raises(ImportError, match=r"the app needs gradio: pip install 'mmisr\[app\]'"):
        build_page(list(bench.choices), bench.look)


@pytest.fixture(scope="module")
def page(browser, patience_ms):
    page = browser.new_page(viewport={"width": 1280, "height": 1000})
    page.set_default_timeout(patience_ms)
    return page


@pytest.fixture(scope="module")
def address():
    pytest.importorskip("gradio", reason="needs: pip install 'mmisr[app]'")
    with socket.socket() as free:
        free.bind((HOST, 0))
        port = free.getsockname()[1]
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(ROOT)
        return serve([], device="cpu", port=port, block=False)


def test_the_page(page, address, photo, tmp_path):
    hosts, problems = set(), []
    page.on("request", lambda r: hosts.add(urlparse(r.url).hostname))
    page.on("console", lambda m: problems.append(m.text) if m.type == "error" else None)
    page.on("pageerror", lambda e: problems.append(str(e)))
    page.goto(address)
    page.set_input_files("#lr input[type=file]", str(photo))
    page.wait_for_selector("#lr img", timeout=300_000)
    page.click("#run")
    page.wait_for_selector("#report table", timeout=300_000)
    for name in ("bicubic", "sr", "detections", "routing"):
        page.wait_for_function(
            f"document.querySelector('#{name} img')?.naturalWidth >= {4 * W}", timeout=300_000
        )
    page.wait_for_timeout(500)
    page.screenshot(
        path=os.environ.get("MMISR_SCREENSHOT", str(tmp_path / "app.png")), full_page=True
    )
    text = page.inner_text("#report")
    assert "upscale" in text
    assert "256x224" in text
    page.click("#router input")
    page.click("text=all-hard")
    page.click("#run")
    page.wait_for_function(
        "document.querySelector('#report').innerText.includes('100.0% hard')", timeout=300_000
    )
    assert hosts <= {HOST, "", None}
    assert problems == []


def test_the_page_says_what_is_wrong(page, address, tmp_path):
    deep = tmp_path / "deep.png"
    Image.fromarray(np.full((40, 40), 3000, np.uint16)).save(deep)
    page.goto(address)
    page.click("#run")
    page.wait_for_selector("text=drop an image first", timeout=300_000)
    page.set_input_files("#lr input[type=file]", str(deep))
    page.wait_for_selector("#lr img", timeout=300_000)
    page.click("#run")
    page.wait_for_selector("text=must have 8 bits a channel", timeout=300_000)
    assert "deep.png must have 8 bits" in page.inner_text("body")


def test_it_listens_here_alone(address):
    assert urlparse(address).hostname == HOST
    port = urlparse(address).port
    listeners = Path("/proc/net/tcp")
    if not listeners.exists():
        pytest.skip("needs /proc/net/tcp")
    local = [
        line.split()[1]
        for line in listeners.read_text().splitlines()[1:]
        if line.split()[3] == "0A"
    ]
    assert [a for a in local if int(a.partition(":")[2], 16) == port] == [f"0100007F:{port:04X}"]


def test_large_uploads_are_refused(address):
    requests = pytest.importorskip("requests")
    for size, codes in ((2**20, {200}), (21 * 2**20, {413})):
        files = {"files": ("x.png", b"\0" * size)}
        assert (
            requests.post(f"{address}gradio_api/upload", files=files, timeout=60).status_code
            in codes
        )


def test_help_needs_nothing():
    done = subprocess.run(
        [sys.executable, "tools/app.py", "--help"],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert "--max-pixels" in done.stdout
