"""The page of a graph in a real browser, the network cut off: it draws, zooms, searches and runs nothing foreign."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cli.graph import write
from tests.cli.graphs import SCRIPT, fan, hostile
from tests.scenarios.ledger import shown

playwright = pytest.importorskip("playwright.sync_api")


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Chromium; absent is a skip that says so."""
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if found is None:
        pytest.skip("no Chromium is installed: the page was not looked at in a browser")
    with playwright.sync_playwright() as driver:
        running = driver.chromium.launch(executable_path=found, args=["--no-sandbox"])
        yield running
        running.close()


class Opened:
    """A page, what it asked the network for and what it complained of."""

    def __init__(self, browser: Any, path: Path, **settings: Any) -> None:
        context = browser.new_context(offline=True, viewport={"width": 1400, "height": 900}, **settings)
        self.page = context.new_page()
        self.requests: list[str] = []
        self.errors: list[str] = []
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("console", self._heard)
        self.page.goto(path.as_uri())
        self.page.wait_for_selector("body[data-ready]", timeout=60_000)

    def _heard(self, said: Any) -> None:
        if said.type in ("error", "warning"):
            self.errors.append(said.text)

    def model(self, code: str) -> Any:
        """What the plot that is shown says: `plot` is its model, `source(name)` a data source."""
        return self.page.evaluate(
            """(code) => {
                const shown = Bokeh.documents.filter((d) => d.roots().some((r) => {
                    const view = Bokeh.index.get_by_id(r.id); return view && view.el.offsetParent !== null; }));
                const plot = shown[0].roots()[0], source = (name) => shown[0].get_model_by_name(name);
                return new Function("plot", "source", "return " + code)(plot, source);
            }""",
            code,
        )

    def range(self) -> list[float]:
        """What part of the picture is in view."""
        found: list[float] = self.model(
            "[plot.x_range.start, plot.x_range.end, plot.y_range.start, plot.y_range.end]"
        )
        return found

    def search(self, text: str) -> None:
        """Type it and press Enter."""
        self.page.fill("#wanted", text)
        self.page.press("#wanted", "Enter")
        self.page.wait_for_function(
            "t => document.querySelector('#panel h2')?.textContent.endsWith(t)", arg=text
        )

    def box(self, number: int) -> tuple[float, float]:
        """Where a box stands on the screen."""
        x, y = self.model(
            f"""(() => {{
                const b = source("boxes").data, n = {number}, view = Bokeh.index.get_by_id(plot.id);
                const f = view.frame.bbox, a = view.el.getBoundingClientRect();
                const part = (value, range) => (value - range.start) / (range.end - range.start);
                return [a.x + f.x + f.width * part((b.left[n] + b.right[n]) / 2, plot.x_range),
                        a.y + f.y + f.height * (1 - part((b.top[n] + b.bottom[n]) / 2, plot.y_range))];
            }})()"""
        )
        return x, y

    @property
    def panel(self) -> str:
        """What the list beside the picture says."""
        text: str = self.page.inner_text("#panel")
        return text


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file, which no test changes."""
    folder = tmp_path_factory.mktemp("browser")
    write(folder / "out.html", hostile(folder / "case"))
    return folder / "out.html"


@pytest.fixture
def opened(browser: Any, written: Path) -> Iterator[Opened]:
    page = Opened(browser, written)
    yield page
    assert page.errors == []
    assert page.requests == [written.as_uri()]
    assert page.page.title().startswith("Trace on bitcoin-regtest as of block 3")
    page.page.context.close()


def test_every_place_is_drawn_and_named(opened: Opened) -> None:
    titles = opened.model('source("boxes").data.title')
    assert shown("split") in titles
    assert any(SCRIPT.title() in title for title in titles)
    opened.page.wait_for_timeout(300)
    named = [text for text in opened.model('source("names").data.shown') if text]
    assert len(named) == len(titles)


def test_search_finds_an_address_and_brings_it_to_the_middle(opened: Opened) -> None:
    whole = opened.range()
    opened.search("thief3")
    assert f"{shown('join')}:2" in opened.panel
    assert opened.model('source("bands").selected.indices.length') > 0
    assert opened.range() != whole
    opened.search("nobody")
    assert opened.panel.startswith("Not found: nobody")


def test_search_finds_a_transaction_and_a_service(opened: Opened) -> None:
    opened.search(shown("join"))
    assert opened.model('source("boxes").selected.indices.length') == 1
    opened.search("</script>")
    assert f"{shown('split')}:0" in opened.panel


def test_the_wheel_zooms_and_dragging_moves(opened: Opened) -> None:
    left, right, *_ = opened.range()
    opened.page.mouse.move(500, 500)
    opened.page.mouse.wheel(0, -400)
    opened.page.wait_for_timeout(300)
    nearer_left, nearer_right, *_ = opened.range()
    assert nearer_right - nearer_left < right - left
    opened.page.mouse.down()
    opened.page.mouse.move(600, 520, steps=5)
    opened.page.mouse.up()
    assert opened.range()[0] < nearer_left


def test_a_click_lists_the_transactions_whole(opened: Opened) -> None:
    number = opened.model('source("boxes").data.title').index(shown("split"))
    opened.page.mouse.click(*opened.box(number))
    opened.page.wait_for_selector("#panel h2")
    for part in (shown("split"), f"{shown('split')}:1", "thief2", "3.00000000 BTC", "hot"):
        assert part in opened.panel


def test_another_method_is_another_picture(opened: Opened) -> None:
    opened.page.check("input[value=haircut]")
    opened.page.wait_for_timeout(500)
    assert "under haircut" in opened.page.inner_text("header")
    assert "under fifo" not in opened.page.inner_text("header")
    opened.search("odd")
    assert "0.25000000 BTC" in opened.panel


def test_the_keyboard_reaches_the_search(opened: Opened) -> None:
    opened.page.keyboard.press("/")
    opened.page.keyboard.type("pool")
    opened.page.keyboard.press("Enter")
    opened.page.wait_for_selector("#panel h2")
    assert opened.panel.startswith("Found: pool")


def test_a_page_too_large_to_draw_whole_says_so_and_still_finds_everything(
    browser: Any, tmp_path: Path
) -> None:
    path = tmp_path / "out.html"
    write(path, fan(tmp_path / "case", chains=40, hops=5))
    page = Opened(browser, path, color_scheme="dark")
    assert "are merged by time step" in page.page.inner_text("footer")
    page.search(f"{shown('c39p4')}:0")
    assert "c39peel4" in page.panel
    assert page.errors == []


def test_the_svg_opens_and_shows_text(browser: Any, tmp_path: Path) -> None:
    path = tmp_path / "out.svg"
    write(path, hostile(tmp_path / "case"))
    page = browser.new_context(offline=True).new_page()
    page.goto(path.as_uri())
    assert "Trace on bitcoin-regtest" in page.evaluate("document.documentElement.textContent")
    assert page.evaluate("document.querySelectorAll('script').length") == 0
