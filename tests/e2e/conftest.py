"""Signed-in users in a real browser, watched for script and policy errors."""

import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Error,
    Page,
    Route,
    ViewportSize,
    expect,
)

from tests.browsing import Visitor
from tests.live import LiveServer
from tests.sandbox_driver import Sandbox
from tests.waiting import LIMIT

FAILURES = Path(os.environ.get("SCREENSHOTS", "test-screenshots"))
PATIENCE = 1000 * LIMIT  # milliseconds: a busy machine is slow, not wrong
expect.set_options(timeout=PATIENCE)

# What a test gets by default.
AS_MOST = {"viewport": {"width": 1280, "height": 900}, "locale": "en-GB", "reduced_motion": "reduce"}
HAS_NATIVE_CLOCK = "Function.prototype.toString.call(Date).includes('[native code]')"


FOCUSED = "document.activeElement?.cloneNode().outerHTML"

# What a page cannot lose again: listeners, scripts, intercepted requests, an emulated medium.
LASTING = (
    "add_init_script", "add_locator_handler", "emulate_media", "expose_binding", "expose_function", "on",
    "once", "route",
)  # fmt: skip

# Leaves nothing of a page but its process, and that nothing can send: to show another page instead takes
# six times the processor time. What was typed would be sent as a draft, with the cookies of the next test.
EMPTY = """() => {
  window.fetch = () => new Promise(() => {});
  navigator.sendBeacon = () => true;
  stop();
  for (let timer = setTimeout(() => {}); timer > 0; timer--) clearTimeout(timer);
  document.open(); // takes every listener, too
  document.close();
  sessionStorage.clear();
  window.name = "";
}"""
IS_EMPTY = "document.querySelector('head *, body *') === null"


class Windows:
    """Browser windows that tests use one after the other: their processes and caches are warm.

    The next test gets a window without cookies and storage, and its first page where nothing of the earlier
    test can be left in it, else one that this page opened. A new window has a process of its own, which costs
    half a second of processor time; a page that another did not open costs half of that.
    A window in which a test installed a clock is closed instead: its later pages would have that clock, too.
    """

    def __init__(self, browser: Browser) -> None:
        self._browser = browser
        self._free: dict[str, list[BrowserContext]] = {}

    def take(self, **options: Any) -> BrowserContext:
        """Return a window with these options; its storage is not cleared yet (`forget_storage`)."""
        free = self._free.setdefault(repr(sorted(options.items())), [])
        return free.pop() if free else self._browser.new_context(**options)

    def give_back(self, tab: "Tab", **options: Any) -> None:
        """Keep the window of a tab, or close it if it is not as new."""
        window = tab.context
        if not is_as_new(window):
            window.close()
            return
        kept = tab.leave(options["viewport"])
        for page in window.pages:
            if page is not kept:
                page.close()
        window.clear_cookies()
        self._free[repr(sorted(options.items()))].append(window)


def is_as_new(window: BrowserContext) -> bool:
    """Return whether every page of a window answers and has the browser's own clock."""
    try:
        return bool(window.pages) and all(page.evaluate(HAS_NATIVE_CLOCK) for page in window.pages)
    except Error:  # a page is just unloading, or has crashed
        return False


def successor_of(page: Page) -> Page:
    """Return a new page of the same window in the same process, which a page opens that is of the product."""
    with page.context.expect_page() as opened:
        page.evaluate("() => { open('/healthz', '_blank', 'noopener'); }")
    opened.value.wait_for_load_state()
    return opened.value


def forget_storage(page: Page, origin: str) -> None:
    """Delete what earlier pages of the window stored in the browser, also while they were closed."""
    session = page.context.new_cdp_session(page)
    kinds = "local_storage,indexeddb,cache_storage"
    session.send("Storage.clearDataForOrigin", {"origin": origin, "storageTypes": kinds})
    session.detach()


def is_fault(message: ConsoleMessage) -> bool:
    """Return whether a page's console complains; an answer with a status over 399 is the test's to assert."""
    return message.type in {"error", "warning"} and "Failed to load resource" not in message.text


class Tab:
    """One browser window of one user, with its console messages."""

    def __init__(self, context: BrowserContext, server: LiveServer) -> None:
        self.context = context
        context.set_default_timeout(PATIENCE)
        self.server = server
        self.complaints: list[str] = []
        self.failed_loads: list[str] = []  # a test may intend these; they are reported if it fails
        self._changed: set[str] = set()
        self._page = self._listened_to(context.pages[0] if context.pages else context.new_page())
        self._note_changes_of(self._page)
        forget_storage(self._page, server.url)
        self._opens_first = ""

    @property
    def page(self) -> Page:
        """The front page; if it was signed in and not navigated yet, it shows the tickets."""
        if self._opens_first:
            self.goto(self._opens_first)  # at its end the page's scripts listen to keys
        return self._page

    @property
    def unopened(self) -> Page:
        """The front page without a visit to the tickets, to prepare it beforehand."""
        return self._page

    def open(self) -> Page:
        """Open one more tab of the same window."""
        return self._listened_to(self.context.new_page())

    def _listened_to(self, page: Page) -> Page:
        page.on("console", self._note)
        page.on("pageerror", self._note_error)
        return page

    def _note(self, message: ConsoleMessage) -> None:
        if is_fault(message):
            self.complaints.append(message.text)
        elif message.type == "error":
            self.failed_loads.append(f"{message.text} {message.location['url']}")

    def _note_error(self, error: Error) -> None:
        self.complaints.append(str(error))

    def _note_changes_of(self, page: Page) -> None:
        """Have the page report when a test does something lasting to it."""

        def noting(name: str) -> Callable[..., Any]:
            def changed(*arguments: Any, **options: Any) -> Any:
                self._changed.add(name)
                return getattr(Page, name)(page, *arguments, **options)

            return changed

        for name in LASTING:
            setattr(page, name, noting(name))

    def leave(self, size: ViewportSize) -> Page | None:
        """Empty the first page of the window and return it, or another if something would be left in it."""
        page = self._page
        if page.is_closed():
            return None
        page.remove_listener("console", self._note)
        page.remove_listener("pageerror", self._note_error)
        try:
            page.evaluate(EMPTY)
            if page.viewport_size != size:
                page.set_viewport_size(size)
            page.mouse.move(-1, -1)  # the next page is not hovered
            if not page.evaluate(IS_EMPTY):  # the next page was just loading
                return None
            return successor_of(page) if self._changed else page
        except Error:  # it is just unloading, or a test stopped the server
            return None

    def sign_in(self, username: str) -> "Tab":
        """Begin a session without the sign-in page, which has tests of its own."""
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

        self._opens_first = ""
        self._page.route(re.compile(r"\.js$"), arrive)
        self._page.goto(self.server.url + path, wait_until="commit")
        yield self._page
        hold.clear()
        for route in held:
            route.continue_()
        self._page.wait_for_load_state("load")


@contextmanager
def next_page(page: Page) -> Iterator[None]:
    """Within the block, do what opens another page; at its end that page is loaded and its scripts have run.

    The address may be the same: the pages are distinguished by a mark in the document.
    A ticket with unsaved input must not be left before its draft is kept: the next page would send it, and
    replace itself once more to show it (`bringBack` in static/js/drafts.js).
    """
    page.evaluate("document.documentElement.dataset.left = ''")
    yield
    expect(page.locator("html:not([data-left])")).to_be_attached()
    page.wait_for_load_state("load")


@pytest.fixture(scope="session")
def windows(isolated_browser: Browser) -> Windows:
    """The windows of this test process."""
    return Windows(isolated_browser)


@pytest.fixture
def tab_of(
    request: pytest.FixtureRequest, windows: Windows, live: LiveServer, live_sandbox: Sandbox
) -> Iterator[Callable[..., Tab]]:
    """Makes a browser window with its own cookies; with `username` None it stays signed out.

    Nothing fades or turns in it unless a test sets `reduced_motion`: a transition is painted sixty times a
    second, a sixth of Chromium's processor time where a ticket is edited.
    A `viewport` is that of the first page alone: the window is the same one whatever its size.
    Depends on `live_sandbox` so that no test finds what an earlier one left.
    """
    tabs: list[tuple[Tab, dict[str, Any]]] = []

    def make(username: str | None = "staff", *, viewport: ViewportSize | None = None, **options: Any) -> Tab:
        settings = {**AS_MOST, **options}
        tab = Tab(windows.take(**settings), live)
        tabs.append((tab, settings))
        if viewport:
            tab.context.pages[0].set_viewport_size(viewport)
        return tab.sign_in(username) if username else tab

    yield make
    report = getattr(request.node, "report", None)
    if report is not None and report.failed:
        for number, (tab, _settings) in enumerate(tabs):
            picture(tab, f"{request.node.name}-{number}")
    live.end_sessions()  # a page that is closed sends what was typed as a draft: it is refused now
    for tab, settings in tabs:
        if report is not None and report.passed:
            windows.give_back(tab, **settings)
        else:
            tab.context.close()
    assert [complaint for tab, _settings in tabs for complaint in tab.complaints] == []


def picture(tab: Tab, name: str) -> None:
    """Save a picture of each page of a window, and print what a picture does not show.

    The picture is a PDF of one sheet with what was typed and opened: the browser paints no whole window.
    """
    FAILURES.mkdir(exist_ok=True)
    print(f"{name}: {tab.complaints}, {tab.failed_loads}")  # noqa: T201 - shown with the failure
    for at, page in enumerate(tab.context.pages):
        print(f"{page.url} focuses {page.evaluate(FOCUSED)}")  # noqa: T201
        page.emulate_media(media="screen")
        width, height = page.evaluate("[innerWidth, document.documentElement.scrollHeight + 1]")
        file = FAILURES / f"{name}-{at}.pdf".replace("/", "-")
        page.pdf(path=file, width=f"{width}px", height=f"{height}px", print_background=True)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Any:
    report = yield
    if report.when == "call":
        item.report = report  # type: ignore[attr-defined]
    return report
