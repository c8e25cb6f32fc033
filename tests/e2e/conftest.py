"""Real people at a real browser: signed in, watched for script and policy errors."""

import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Route, expect

from tests.browsing import Visitor
from tests.live import LiveServer
from tests.sandbox_driver import Sandbox

FAILURES = Path(os.environ.get("SCREENSHOTS", "test-screenshots"))
PATIENCE = 20_000  # milliseconds: a busy machine is slow, not wrong
expect.set_options(timeout=PATIENCE)


class Tab:
    """One browser window of one person, with what its console said."""

    def __init__(self, context: BrowserContext, server: LiveServer) -> None:
        self.context = context
        context.set_default_timeout(PATIENCE)
        self.server = server
        self.complaints: list[str] = []
        self._page = self.open()
        self._opens_first = ""

    @property
    def page(self) -> Page:
        """The page in front; signed in and not led anywhere yet, it shows the tickets."""
        if self._opens_first:
            self.goto(self._opens_first)  # at its end the page's scripts listen to keys
        return self._page

    def open(self) -> Page:
        """Open one more tab of the same window."""
        page = self.context.new_page()
        page.on("console", self._note)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        return page

    def _note(self, message: ConsoleMessage) -> None:
        # An answer with a status over 399 is a line in the console, too; those are asserted by the tests.
        if message.type in {"error", "warning"} and "Failed to load resource" not in message.text:
            self.complaints.append(message.text)

    def sign_in(self, username: str) -> "Tab":
        """Begin a session, which the sign-in page's own tests do by hand."""
        visitor = Visitor(self.server, username)
        for cookie in visitor.session.cookies:
            kept = {"name": cookie.name, "value": cookie.value or "", "url": self.server.url}
            self.context.add_cookies([kept])  # type: ignore[list-item]
        visitor.close()
        self._opens_first = "/tickets/"
        return self

    def goto(self, path: str) -> Page:
        """Open a page of the product."""
        self._opens_first = ""
        self._page.goto(self.server.url + path)
        return self._page

    @contextmanager
    def before_scripts(self, path: str) -> Iterator[Page]:
        """Open a page whose scripts arrive only at the end of the block, as on a slow network."""
        held: list[Route] = []
        hold = [True]

        def arrive(route: Route) -> None:
            if hold:
                held.append(route)
            else:
                route.continue_()

        self.page.route(re.compile(r"\.js$"), arrive)
        self.page.goto(self.server.url + path, wait_until="commit")
        yield self.page
        hold.clear()
        for route in held:
            route.continue_()
        self.page.wait_for_load_state("load")


@contextmanager
def next_page(page: Page) -> Iterator[None]:
    """Do in the block what leads to another page; at its end that page is there and its scripts have run.

    The address may be the same: what tells the pages apart is a mark that goes with the document.
    A ticket with unsaved input must not be left before its draft is kept: the next page would send it, and
    replace itself once more to show it (`bringBack` in static/js/drafts.js).
    """
    page.evaluate("document.documentElement.dataset.left = ''")
    yield
    expect(page.locator("html:not([data-left])")).to_be_attached()
    page.wait_for_load_state("load")


@pytest.fixture
def tab_of(
    request: pytest.FixtureRequest, isolated_browser: Browser, live: LiveServer, live_sandbox: Sandbox
) -> Iterator[Callable[..., Tab]]:
    """Makes a browser window with cookies of its own; `username` None stays signed out.

    Depends on `live_sandbox` so that no test finds what an earlier one left.
    """
    tabs: list[Tab] = []

    def make(username: str | None = "staff", **options: Any) -> Tab:
        settings = {"viewport": {"width": 1280, "height": 900}, "locale": "en-GB", **options}
        tab = Tab(isolated_browser.new_context(**settings), live)
        tabs.append(tab)
        return tab.sign_in(username) if username else tab

    yield make
    report = getattr(request.node, "report", None)
    for number, tab in enumerate(tabs):
        if report is not None and report.failed:
            for at, page in enumerate(tab.context.pages):
                FAILURES.mkdir(exist_ok=True)
                name = f"{request.node.name}-{number}-{at}.png".replace("/", "-")
                page.screenshot(path=FAILURES / name, full_page=True)
        tab.context.close()
    assert [complaint for tab in tabs for complaint in tab.complaints] == []


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Any:
    report = yield
    if report.when == "call":
        item.report = report  # type: ignore[attr-defined]
    return report
