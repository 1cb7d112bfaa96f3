"""The site builds without a warning, and its links lead somewhere.

It loads nothing from outside, and it names what is public.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
import yaml

from mmisr.apis import PUBLIC
from mmisr.registry import DATASETS, DEGRADATIONS, HOOKS, METRICS, MODELS, STRATEGIES, TRANSFORMS

ROOT = Path(__file__).parents[2]
REGISTRIES = (MODELS, STRATEGIES, DATASETS, TRANSFORMS, METRICS, HOOKS, DEGRADATIONS)
NOUNS = (
    "frames.FrameMap",
    "editor_info.EditorInfo",
    "sr_result.SRResult",
    "sr_result.RoutingMap",
    "pixels.PixelSpec",
)
ASSETS = {
    "script": "src",
    "link": "href",
    "img": "src",
    "source": "src",
    "iframe": "src",
    "video": "src",
}


CHEAPER = {
    "separate_signature: true": "separate_signature: false\n            show_source: false",
    "  - search\n": "",
}
"""What takes two thirds of a build, and neither warns nor links.

ruff lays each separate signature out in a process of its own; the code of every function is
coloured; the index of the search reads every page again.
"""


class Page(HTMLParser):
    """What a page links to, loads, and can be linked at."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.assets: list[str] = []
        self.anchors: set[str] = {""}
        self.words: list[str] = []
        self.feed(text)
        self.close()
        self.text = "".join(self.words)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.anchors |= {found[key] for key in ("id", "name") if found.get(key)}
        if tag == "a" and found.get("href"):
            self.links.append(found["href"])
        # A canonical address is named, not loaded.
        if found.get(ASSETS.get(tag, "")) and found.get("rel") != "canonical":
            self.assets.append(found[ASSETS[tag]])

    def handle_data(self, data: str) -> None:
        self.words.append(data)


@pytest.fixture(scope="module")
def built(tmp_path_factory) -> tuple[Path, str]:
    """The site, and what the build said."""
    site = tmp_path_factory.mktemp("site")
    config = (ROOT / "mkdocs.yml").read_text()
    for dear, cheap in CHEAPER.items():
        assert dear in config
        config = config.replace(dear, cheap)
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--config-file", "-"]
    result = subprocess.run(
        [*command, "--site-dir", str(site)],
        input=config,
        cwd=ROOT,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    return site, result.stdout + result.stderr


@pytest.fixture(scope="module")
def pages(built) -> dict[Path, Page]:
    return {path: Page(path.read_text()) for path in built[0].rglob("*.html")}


def leaves(nav: list | dict | str) -> Iterator[str]:
    if isinstance(nav, str):
        yield nav
    for inner in nav.values() if isinstance(nav, dict) else nav if isinstance(nav, list) else ():
        yield from leaves(inner)


def test_the_build_warns_of_nothing(built):
    assert [line for line in built[1].splitlines() if "WARNING" in line or "ERROR" in line] == []


def test_every_page_of_the_navigation_is_there_and_every_page_is_in_it(built):
    text = (ROOT / "mkdocs.yml").read_text()
    named = set(leaves(yaml.safe_load(text)["nav"]))
    assert named == {str(p.relative_to(ROOT / "docs")) for p in (ROOT / "docs").rglob("*.md")}
    assert [name for name in named if not (built[0] / name).with_suffix(".html").is_file()] == []


def test_links_lead_somewhere(pages):
    broken, followed = [], 0
    for path, page in pages.items():
        if path.name == "404.html":  # served from anywhere, so its links start at the root
            continue
        for link in page.links:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            target = target / "index.html" if target.is_dir() else target
            followed += 1
            if not target.is_file() or (
                target in pages and unquote(parts.fragment) not in pages[target].anchors
            ):
                broken.append(f"{path.name}: {link}")
    assert broken == []
    assert followed > 500


def test_nothing_is_loaded_from_outside(pages):
    outside = {a for page in pages.values() for a in page.assets if urlsplit(a).netloc}
    assert outside == set()
    assert sum(len(page.assets) for page in pages.values()) > len(pages)


EXAMPLES = sorted((ROOT / "docs" / "examples").rglob("*.py"))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_stands_on_a_page_as_it_is(path, pages):
    """The file itself, not a copy of it.

    The detector that stands for the reader's own is named alone.
    """
    shown = path.read_text().strip() if path.stem != "my_detector" else path.name
    assert [page for page in pages.values() if shown in page.text]


def test_no_directive_is_left(pages):
    assert [
        name.name for name, page in pages.items() if "8<--" in page.text or "::: " in page.text
    ] == []


def public_names() -> list[str]:
    """Everything that a config can name, everything that mmisr.apis offers, and the nouns."""
    for registry in REGISTRIES:
        registry.import_from_location()
    classes = {
        c for registry in REGISTRIES for c in registry.module_dict.values() if isinstance(c, type)
    }
    ours = {
        f"{c.__module__}.{c.__qualname__}" for c in classes if c.__module__.startswith("mmisr.")
    }
    own = {f"{module}.{name}" for name, module in PUBLIC.items()}
    return sorted(ours | own | {f"mmisr.structures.{noun}" for noun in NOUNS})


@pytest.mark.parametrize("name", public_names())
def test_the_reference_has(name, pages):
    anchors = set().union(
        *(page.anchors for path, page in pages.items() if path.parent.name == "api")
    )
    assert name in anchors, (
        f"no page of docs/api shows {name}: name its package there, `::: {name.rpartition('.')[0]}`"
    )
