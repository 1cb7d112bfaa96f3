"""The file: whole, alone, escaped, small; and what it says where something is missing."""

import re
from html.parser import HTMLParser

import pytest

from mmisr.reports.html.page import write_report

VOID = {"meta", "link", "img", "input", "wbr", "br"}


class Tree(HTMLParser):
    """Tags, attributes and whether every element is closed where it should be."""

    def __init__(self):
        super().__init__()
        self.open, self.attributes, self.tags = [], [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(tag, *a) for a in attrs]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(tag, *a) for a in attrs]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def parsed(text):
    tree = Tree()
    tree.feed(text)
    assert tree.open == []
    return tree


@pytest.fixture(scope="module")
def texts(pages):
    return {name: path.read_text() for name, path in pages.items()}


def test_every_variant_is_whole_and_asks_for_nothing(texts):
    for text in texts.values():
        tree = parsed(text)
        ids = [v for _, k, v in tree.attributes if k == "id"]
        assert len(ids) == len(set(ids))
        addresses = {
            v for _, k, v in tree.attributes if k in ("src", "href", "xlink:href", "action", "data")
        }
        assert {a for a in addresses if not a.startswith(("data:", "#"))} == set()
        assert not re.findall(r"@import|url\((?!#)", text)
        assert (
            tree.tags.count("script") == tree.tags.count("style") - text.count("<style type=") == 1
        )
        assert "default-src &#39;none&#39;" in text or "default-src 'none'" in text


def test_names_of_files_and_classes_are_text(texts):
    text = texts["wicked"]
    assert "<script>document" not in text
    assert "<img src=x" not in text
    assert "&lt;script&gt;document" in text
    assert not any(key.startswith("on") for _, key, _ in parsed(text).attributes)


@pytest.mark.parametrize(
    ("variant", "sentences"),
    [
        (
            "whole",
            [
                "instance_sr than with bicubic",
                "Sizes are measured in pixels of the LR image (bins of aitod), at most 500 ",
                "Protocol aitod; what is counted otherwise than by the benchmark's own tool: ",
                "max_dets 500, where the protocol has max_dets 1500",
            ],
        ),
        (
            "one arm",
            [
                "There is one arm, instance_sr, and nothing to compare it with",
                "no image can gain or lose",
                "One arm has no differences",
            ],
        ),
        (
            "no bicubic, no routing",
            ["No arm routes tokens", "No arm has an SR image to compare with an HR image"],
        ),
        ("no pictures", ["This comparison kept no pictures"]),
    ],
)
def test_what_is_missing_is_said(texts, variant, sentences):
    text = re.sub(r"\s+", " ", texts[variant])
    for sentence in sentences:
        assert sentence in text


def test_windows_have_outlines_and_a_line_in_the_legend(texts):
    text = texts["in windows"]
    assert '<i class="key core"></i>searched' in text
    assert '<path class="core" d="M' in text
    assert "Objects whose centre is searched, by size" in text
    assert 'which windows were searched: "searched".' in re.sub("&#34;|&quot;", '"', text)
    for name in ("whole", "no bicubic, no routing"):
        assert 'class="key core"' not in texts[name]
        assert 'class="core"' not in texts[name]
    assert 'id="table-recall"' in texts["whole"]
    assert 'id="table-recall"' not in texts["no bicubic, no routing"]


def test_missing_figures_are_dashes_that_say_why(texts):
    assert re.search(
        r'<td title="nothing to compare: the image has another size than HR[^"]*">–</td>',
        texts["whole"],
    )
    assert ">None<" not in texts["whole"]
    assert not re.search(r"\bnan\b", re.sub(r"base64,[^\"]*", "", texts["whole"]), re.IGNORECASE)


def test_a_page_of_many_images_is_small(large, tmp_path):
    """Forty cut-outs of real texture in four arms, as large as they get."""
    path = write_report(large, tmp_path / "report.html")
    assert 5e6 < path.stat().st_size < 15e6
    text = path.read_text()
    assert text.count('class="card"') == 40
    assert text.count("<tr>") > 200


def test_it_is_written_whole_or_not_at_all(variants, tmp_path, monkeypatch):
    path, comparison = tmp_path / "sub" / "report.html", variants["no pictures"]
    assert write_report(comparison, path, "First") == path
    monkeypatch.setattr("mmisr.reports.html.page._tables", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        write_report(comparison, path, "Second")
    assert "<title>First</title>" in path.read_text()
    assert [p.name for p in path.parent.iterdir()] == ["report.html"]


def test_refusals(comparison, tmp_path):
    with pytest.raises(
        ValueError, match=r"score_thr must be in 0..1, or None for each arm's own, got 1.5"
    ):
        write_report(comparison, tmp_path / "r.html", score_thr=1.5)
    with pytest.raises(ValueError, match="pair must name two of the arms"):
        write_report(comparison, tmp_path / "r.html", pair=("a", "b"))
