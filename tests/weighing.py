"""The cost of a first visit in a browser: bytes, largest paint, layout shift, the longest task."""

from collections.abc import Callable
from typing import Any

from playwright.sync_api import Browser, Page

from tests.browsing import Visitor
from tests.live import LiveServer

CODE = "ABCXYZ1234"
SLOWER = 4  # times, about an old office computer
# Watched from the first moment of the document; a task over 50 ms is a long one.
WATCH = """
window.seen = { paint: 0, shift: 0, task: 0 };
const watch = (type, note) => new PerformanceObserver((list) => list.getEntries().forEach(note))
  .observe({ type, buffered: true });
watch("largest-contentful-paint", (entry) => { seen.paint = entry.startTime; });
watch("layout-shift", (entry) => { if (!entry.hadRecentInput) seen.shift += entry.value; });
watch("longtask", (entry) => { seen.task = Math.max(seen.task, entry.duration); });
"""


def first_visit(
    browser: Browser, server: LiveServer, visit: Callable[[Page], None], **options: Any
) -> dict[str, float]:
    """Visit once with an empty cache; returns paint and task in ms, shift as CLS, bytes as transferred."""
    context = browser.new_context(viewport={"width": 1280, "height": 900}, **options)
    visitor = Visitor(server)
    for cookie in visitor.session.cookies:
        context.add_cookies([{"name": cookie.name, "value": cookie.value or "", "url": server.url}])
    visitor.close()
    page = context.new_page()
    page.add_init_script(WATCH)
    network = context.new_cdp_session(page)
    network.send("Network.enable")
    network.send("Network.setCacheDisabled", {"cacheDisabled": True})
    received: list[float] = []
    network.on("Network.loadingFinished", lambda event: received.append(event["encodedDataLength"]))
    visit(page)
    page.wait_for_load_state("networkidle")
    seen: dict[str, float] = page.evaluate("window.seen")
    context.close()
    return {**seen, "bytes": sum(received)}


def open_editor(page: Page, address: str) -> None:
    """Open a ticket and the rich text editor in it."""
    page.goto(address)
    page.locator("[data-content-editor] summary").first.click()
    page.locator("[role=toolbar]").wait_for()


def open_editor_slowly(page: Page, address: str) -> None:
    """Open the editor on a processor that the browser slows down; only what opening costs is watched."""
    page.goto(address)
    page.wait_for_load_state("networkidle")
    page.context.new_cdp_session(page).send("Emulation.setCPUThrottlingRate", {"rate": SLOWER})
    page.evaluate("window.seen.task = 0")
    page.locator("[data-content-editor] summary").first.click()
    page.locator("[role=toolbar]").wait_for()
