"""The app hands out nothing of the machine but its own results, and keeps requests apart."""

import json
import socket
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mmisr.apis.app import CONFIG, HOST, serve

ROOT = Path(__file__).parents[2]
AT_ONCE = 10


@pytest.fixture(scope="module")
def address():
    pytest.importorskip("gradio", reason="needs: pip install 'mmisr[app]'")
    with socket.socket() as free:
        free.bind((HOST, 0))
        port = free.getsockname()[1]
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(ROOT)  # the config names its checkpoints from there
        yield serve([], device="cpu", port=port, block=False)


@pytest.fixture(scope="module")
def requests():
    return pytest.importorskip("requests")


@pytest.fixture
def upload(address, requests):
    """Uploads bytes under a name and gives the path on the server."""

    def send(name: str, content: bytes) -> str:
        answer = requests.post(
            f"{address}gradio_api/upload", files={"files": (name, content)}, timeout=60
        )
        assert answer.status_code == 200, answer.text
        return answer.json()[0]

    return send


@pytest.fixture
def run(address, requests):
    """Presses "Run" for a file of the server, and gives the last message."""
    page = requests.get(f"{address}config", timeout=60).json()
    (number,) = [d["id"] for d in page["dependencies"] if d["targets"][0][1] == "click"]

    def press(path: str, who: str) -> dict:
        image = {"path": path, "meta": {"_type": "gradio.FileData"}}
        data = [image, Path(CONFIG).stem, "learned", "none", 0.2, 0.3]
        task = {"data": data, "fn_index": number, "session_hash": who}
        joined = requests.post(f"{address}gradio_api/queue/join", json=task, timeout=60)
        if joined.status_code != 200:
            return {"success": False, "output": {"error": joined.text}}
        stream = requests.get(
            f"{address}gradio_api/queue/data?session_hash={who}", stream=True, timeout=600
        )
        for line in stream.iter_lines():
            message = json.loads(line[6:]) if line.startswith(b"data: ") else {}
            if message.get("msg") == "process_completed":
                return message
        raise AssertionError("the stream ended without a result")

    return press


OUTSIDE = (
    "/etc/passwd",
    f"{ROOT}/setup.py",
    "setup.py",
    "../../../../../../etc/passwd",
    "/proc/self/environ",
)


@pytest.mark.parametrize("path", OUTSIDE)
def test_no_file_of_the_machine_is_handed_out(address, requests, run, path):
    for door in ("gradio_api/file=", "file=", "gradio_api/file/", "static/", "assets/"):
        request = requests.Request("GET", address).prepare()
        request.url = f"{address}{door}{path}"  # as it is: requests would tidy the dots away
        assert requests.Session().send(request, timeout=60).status_code in (403, 404), door
        request.url = f"{address}{door}{path.replace('/', '%2f').replace('.', '%2e')}"
        assert requests.Session().send(request, timeout=60).status_code in (403, 404), door
    assert not run(path, f"path{abs(hash(path))}")["success"]


def test_an_upload_stays_in_its_folder(upload, address, requests, tmp_path):
    inside = Path(upload("x.png", b"1")).resolve().parents[1]
    for name in ("../../../x.png", "..\\..\\x.png", f"{tmp_path}/x.png", "..", "a\0b.png"):
        answer = requests.post(
            f"{address}gradio_api/upload", files={"files": (name, b"2")}, timeout=60
        )
        assert answer.status_code in (200, 400, 422)
        for path in answer.json() if answer.status_code == 200 else []:
            assert Path(path).resolve().is_relative_to(inside)
    assert not list(tmp_path.iterdir())


def test_ten_requests_at_once(upload, run, tmp_path):
    picture = np.asarray(
        Image.open(next(iter(sorted((ROOT / "data/tree_crowns/val").iterdir())))).convert("RGB")
    )
    paths = []
    for number in range(AT_ONCE):
        path = tmp_path / f"{number}.png"
        Image.fromarray(picture[: 24 + number, : 40 - number]).save(path)
        paths.append(upload(path.name, path.read_bytes()))
    with ThreadPoolExecutor(AT_ONCE) as pool:
        found = list(pool.map(run, paths, [f"user{n}" for n in range(AT_ONCE)]))
    for number, message in enumerate(found):
        assert message["success"], message
        h, w = 24 + number, 40 - number
        assert f"{w}x{h} to {4 * w}x{4 * h} pixels" in message["output"]["data"][-1]
