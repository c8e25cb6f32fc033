"""Pages are light: bytes and layout shift of a first visit, and that a status change downloads no editor."""

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from tests.live import LiveServer
from tests.sandbox_driver import Sandbox
from tests.weighing import CODE, first_visit, open_editor
from ticketadmin.storage import joined_sheet

pytestmark = pytest.mark.browser
# Bytes over the wire, headers with them. After other tests the history is full: 6 KB more.
FIRST_VISITS = {"/tickets/": 39_500, f"/tickets/{CODE}/": 44_400, "/bulk/new/": 27_500, "/history/": 39_500}
WITH_EDITOR = 235_000
STATIC = Path(__file__).resolve().parent.parent.parent / "static"
READ = """(texts) => texts.map((text) => {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(text);
  return [...sheet.cssRules].map((rule) => rule.cssText.replace(/,\\s+/g, ","));
})"""


@pytest.mark.parametrize("width", [1280, pytest.param(390, marks=pytest.mark.slow)])
@pytest.mark.parametrize("path", FIRST_VISITS)
def test_a_first_visit_is_small_and_without_layout_shift(
    path: str, width: int, isolated_browser: Browser, live: LiveServer, live_sandbox: Sandbox
) -> None:
    def visit(page: Page) -> None:
        page.set_viewport_size({"width": width, "height": 900})
        page.goto(live.url + path)

    seen = first_visit(isolated_browser, live, visit)

    assert seen["bytes"] < FIRST_VISITS[path]
    assert seen["shift"] < 0.02


def test_the_editor_is_loaded_when_it_is_opened_and_within_its_limit(
    isolated_browser: Browser, live: LiveServer, live_sandbox: Sandbox
) -> None:
    asked: list[str] = []

    def listened(visit: Callable[[Page], None]) -> Callable[[Page], None]:
        def listen(page: Page) -> None:
            page.on("request", lambda request: asked.append(request.url))
            visit(page)

        return listen

    address = f"{live.url}/tickets/{CODE}/"
    first_visit(isolated_browser, live, listened(lambda page: page.goto(address) and None))
    assert [url for url in asked if "prose" in url] == []

    seen = first_visit(isolated_browser, live, listened(lambda page: open_editor(page, address)))
    assert [url for url in asked if "prose" in url] != []
    assert seen["bytes"] < WITH_EDITOR


def test_hashed_files_are_kept_for_a_year_and_compressed(
    isolated_browser: Browser, live: LiveServer, live_sandbox: Sandbox
) -> None:
    answers: dict[str, dict[str, str]] = {}

    def visit(page: Page) -> None:
        page.on("response", lambda answer: answers.update({answer.url: answer.headers}))
        page.goto(f"{live.url}/tickets/")

    first_visit(isolated_browser, live, visit)
    files = {url: headers for url, headers in answers.items() if url.endswith((".css", ".js"))}

    assert len(files) > 5
    for url, headers in files.items():
        assert "immutable" in headers["cache-control"], url
        assert headers.get("content-encoding") in {"gzip", "br"} or int(headers["content-length"]) < 300, url


def test_a_style_sheet_without_comments_has_the_same_rules_in_the_browser(isolated_browser: Browser) -> None:
    written = {path.name: path.read_text(encoding="utf-8") for path in (STATIC / "css").glob("*.css")}
    del written["site.css"]  # nothing but imports
    page = isolated_browser.new_page()

    as_written = page.evaluate(READ, list(written.values()))
    as_served = page.evaluate(READ, [joined_sheet(text, written.__getitem__) for text in written.values()])
    page.close()

    assert as_written == as_served
    assert all(len(rules) > 2 for rules in as_written)
