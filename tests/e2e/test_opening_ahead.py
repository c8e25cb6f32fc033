"""A hovered ticket is loaded when it is clicked, and hovering alone leaves no trace."""

import contextlib
import sqlite3
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browsing import Visitor
from tests.e2e.conftest import Tab
from tests.live import LiveServer
from tests.sandbox_driver import Sandbox
from tests.waiting import let_pass, wait_until

pytestmark = pytest.mark.browser
TRACES = ("presence", "draft", "change")
BUDGET = 2.0  # seconds between two reads ahead: one for each of the server's processes


@pytest.fixture
def page(tab_of: Callable[..., Tab], live: LiveServer, live_sandbox: Sandbox) -> Page:
    """The list, after a ticket was opened elsewhere, so that reading is known to work."""
    let_pass(BUDGET)  # the test before spent the user's
    visitor = Visitor(live)
    visitor.get("/tickets/TK-BUSY/")
    visitor.close()
    page = tab_of("staff").goto("/tickets/?sort=number")
    live_sandbox.forget_log()
    return page


def pages_served(live: LiveServer) -> int:
    """Return how many ticket pages were answered so far."""
    return live.log.read_text("utf-8").count("method=GET route=ticket status=200")


def reads(crm: Sandbox, code: str) -> int:
    """Return how often a ticket was read from the CRM."""
    return len([call for call in crm.log("GET", code) if call.path.endswith("/ticket")])


def traces(live: LiveServer) -> list[int]:
    with contextlib.closing(sqlite3.connect(live.data / "ticketadmin.sqlite3", timeout=20)) as database:
        counts = (database.execute(f"SELECT count(*) FROM ticketadmin_{one}") for one in TRACES)  # noqa: S608
        return [int(count.fetchone()[0]) for count in counts]


def test_a_ticket_that_was_hovered_opens_without_another_read(
    page: Page, live: LiveServer, live_sandbox: Sandbox
) -> None:
    link = page.locator("tr[data-code] [data-list-open]").nth(3)
    code = str(link.text_content()).strip()
    before, served = traces(live), pages_served(live)

    link.hover()
    wait_until(lambda: pages_served(live) > served, "nothing was fetched ahead")
    assert traces(live) == before
    link.click()
    expect(page.locator("[data-ticket-form]")).to_be_visible()
    expect(page).to_have_url(f"{live.url}/tickets/{code}/")

    assert reads(live_sandbox, code) == 1


def test_a_focused_ticket_opens_without_another_read(
    page: Page, live: LiveServer, live_sandbox: Sandbox
) -> None:
    served = pages_served(live)
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("j")
    code = str(page.locator("tr[data-code] [data-list-open]:focus").text_content()).strip()

    wait_until(lambda: pages_served(live) > served, "nothing was fetched ahead")
    page.keyboard.press("Enter")
    expect(page.locator("[data-ticket-form]")).to_be_visible()

    assert reads(live_sandbox, code) == 1


def test_moving_over_many_rows_reads_few(page: Page, live_sandbox: Sandbox) -> None:
    links = page.locator("tr[data-code] [data-list-open]")

    for number in range(12):
        links.nth(number).hover()
        let_pass(0.25)  # longer than Chromium waits before it prefetches a hovered link

    read = [call for call in live_sandbox.log("GET") if call.path.endswith("/ticket")]
    assert read
    took = read[-1].time - read[0].time  # however slow this machine is: one a second
    assert len(read) <= took + 2
