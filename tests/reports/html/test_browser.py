"""The page in a real Chromium.

No errors, a slider that moves, tables that sort, by mouse, by touch and by keyboard.
"""

import io

import numpy as np
import pytest
from PIL import Image

CUT = "e => getComputedStyle(e.closest('.stage')).getPropertyValue('--cut')"


@pytest.fixture
def opened(browser, pages, patience_ms):
    """Opens a page and, at the end, checks that nothing went wrong in it."""
    contexts, problems, asked = [], [], []

    def open_page(name="whole", width=1280, **options):
        context = browser.new_context(viewport={"width": width, "height": 900}, **options)
        context.set_default_timeout(patience_ms)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda m: problems.append(m.text))
        page.on("pageerror", lambda e: problems.append(str(e)))
        page.on("request", lambda r: asked.append(r.url))
        page.goto(pages[name].as_uri())
        return page

    yield open_page
    assert problems == []
    assert {url.partition(":")[0] for url in asked} <= {"file", "data"}
    assert len([url for url in asked if url.startswith("file")]) == len(contexts)
    for context in contexts:
        context.close()


def pixels(locator):
    return np.asarray(Image.open(io.BytesIO(locator.screenshot())).convert("RGB"), dtype=int)


@pytest.mark.parametrize("width", [360, 1280])
@pytest.mark.parametrize(
    "name", ["whole", "one arm", "no bicubic, no routing", "no pictures", "wicked", "in windows"]
)
def test_every_variant_loads_and_fits(opened, name, width):
    page = opened(name, width)
    assert page.title() == name
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate("[...document.images].every(i => i.complete && i.naturalWidth > 0)")
    for details in page.locator("details").all():
        details.evaluate("d => d.open = true")
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_the_slider_moves_by_keyboard(opened):
    page = opened()
    slider = page.locator("input[type=range]").first
    assert page.get_by_role("slider", name="Divider between the left and the right arm").count() > 0
    slider.focus()
    assert slider.evaluate(CUT) == "50%"
    for _ in range(10):
        page.keyboard.press("ArrowLeft")
    assert slider.evaluate(CUT) == "40%"
    assert slider.get_attribute("aria-valuetext") == "bicubic on 40 %, instance_sr on 60 %"
    page.keyboard.press("End")
    assert slider.evaluate(CUT) == "100%"
    assert page.locator("input[type=range]").nth(1).evaluate(CUT) == "50%"


def test_what_is_seen_is_the_arm_on_that_side(opened):
    """All to one side and all to the other are two pictures, and half of each in between."""
    page = opened()
    page.select_option("#left", "lr")
    page.select_option("#right", "hr")
    page.uncheck("[data-show=predictions]")
    page.add_style_tag(content=".divider, .name { display: none !important }")
    slider, stage = page.locator("input[type=range]").first, page.locator(".stage").first
    seen = {}
    for share in (0, 50, 100):
        slider.fill(str(share))
        seen[share] = pixels(stage)
    middle = seen[50].shape[1] // 2
    assert np.abs(seen[0] - seen[100]).mean() > 5
    assert (seen[50][:, 20 : middle - 3] == seen[100][:, 20 : middle - 3]).all()
    assert (seen[50][:, middle + 3 : -20] == seen[0][:, middle + 3 : -20]).all()
    assert page.locator(".left-name").first.inner_text() == "lr"


def test_the_slider_moves_by_mouse_and_touch(opened):
    for page, touch in ((opened(), False), (opened(width=390, has_touch=True), True)):
        slider = page.locator("input[type=range]").first
        slider.scroll_into_view_if_needed()
        box = slider.bounding_box()
        at = {"x": 0.2 * box["width"], "y": box["height"] / 2}
        (slider.tap if touch else slider.click)(position=at)
        assert float(slider.evaluate(CUT).rstrip("%")) == pytest.approx(20, abs=1.5)


def test_overlays_come_and_go(opened):
    page = opened("wicked")
    card = page.locator(".card").first
    for kind, shown in (
        ("predictions", True),
        ("truth", False),
        ("routing", False),
        ("labels", False),
    ):
        part, box = (
            card.locator(f".layer.right .{kind}, .stage > .{kind}").first,
            page.locator(f"[data-show={kind}]"),
        )
        assert box.is_checked() == shown
        assert part.evaluate("e => getComputedStyle(e).display !== 'none'") == shown
        box.focus()
        page.keyboard.press("Space")
        assert part.evaluate("e => getComputedStyle(e).display !== 'none'") != shown


def test_outlines_of_windows_come_and_go(opened):
    page = opened("in windows")
    page.select_option("#right", "windows")
    part = page.locator(".card .layer.right .cores").first
    assert part.evaluate("e => getComputedStyle(e).display !== 'none'")
    page.uncheck("[data-show=cores]")
    assert part.evaluate("e => getComputedStyle(e).display === 'none'")


def column(page, number, table="#table-figures"):
    return page.locator(f"{table} tbody tr > :nth-child({number})").evaluate_all(
        "cells => cells.map(c => c.dataset.sort === undefined ? null : c.dataset.sort)"
    )


def test_tables_sort_by_click_and_enter(opened):
    page = opened()
    head = page.locator("#table-figures thead th").nth(1)
    assert head.get_attribute("aria-sort") == "none"
    head.locator("button").click()
    values = [float(v) for v in column(page, 2)]
    assert values == sorted(values, reverse=True)
    assert head.get_attribute("aria-sort") == "descending"
    page.keyboard.press("Enter")
    assert [float(v) for v in column(page, 2)] == values[::-1]
    assert head.get_attribute("aria-sort") == "ascending"
    names = page.locator("#table-figures thead th").first
    names.locator("button").focus()
    page.keyboard.press("Enter")
    assert column(page, 1) == ["bicubic", "hr", "instance_sr", "lr"]
    assert names.get_attribute("aria-sort") == "ascending"
    assert head.get_attribute("aria-sort") == "none"


def test_what_is_missing_sorts_last_either_way(opened):
    page = opened()
    heads = page.locator("#table-figures thead th")
    (psnr,) = [i for i in range(heads.count()) if "PSNR in boxes" in heads.nth(i).inner_text()]
    for _ in range(2):
        heads.nth(psnr).locator("button").click()
        values = column(page, psnr + 1)
        assert values[2:] == [None, None]
        assert None not in values[:2]


def test_markup_in_names_is_text(opened):
    page = opened("wicked")
    assert page.title() == "wicked"
    assert page.locator("script").count() == 1
    assert page.locator("img[src=x]").count() == 0
    assert "onerror" in page.locator("h4").first.inner_text()
    assert page.locator(".labels text", has_text="<script>").count() > 0


CONTRAST = """scheme => {
  const style = getComputedStyle(document.documentElement);
  const light = name => {
    const hex = style.getPropertyValue(name).trim().slice(1);
    const [r, g, b] = [0, 2, 4].map(i => parseInt(hex.slice(i, i + 2), 16) / 255)
      .map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const against = (a, b) => {
    const [low, high] = [light(a), light(b)].sort((x, y) => x - y);
    return (high + 0.05) / (low + 0.05);
  };
  const arms = [...Array(8).keys()].map(i => `--arm${i}`);
  const names = ["--text", "--soft", "--link", "--up", "--down", ...arms];
  return Object.fromEntries(names.map(name => [name, against(name, "--page")]));
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_contrast(opened, scheme):
    """WCAG: 4.5 for text, 3 for what plots are drawn with."""
    page = opened(color_scheme=scheme)
    dark = pixels(page.locator("header")).mean() < 128
    assert dark == (scheme == "dark")
    found = page.evaluate(CONTRAST)
    assert len(found) == 13
    for name, value in found.items():
        assert value >= (4.5 if name in ("--text", "--soft", "--link") else 3), name
