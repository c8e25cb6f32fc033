"""A ticket that is pointed at is there when it is clicked, and pointing alone leaves no trace."""

import contextlib
import sqlite3
from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.e2e.conftest import Tab
from tests.live import LiveServer
from tests.sandbox_driver import Sandbox
from tests.waiting import let_pass, wait_until

pytestmark = pytest.mark.browser
TRACES = ("presence", "draft", "change")


def reads(crm: Sandbox, code: str) -> int:
    """Return how often a ticket was read from the CRM."""
    return len([call for call in crm.log("GET", code) if call.path.endswith("/ticket")])


def traces(live: LiveServer) -> list[int]:
    with contextlib.closing(sqlite3.connect(live.data / "ticketadmin.sqlite3", timeout=20)) as database:
        counts = (database.execute(f"SELECT count(*) FROM ticketadmin_{one}") for one in TRACES)  # noqa: S608
        return [int(count.fetchone()[0]) for count in counts]


def test_a_ticket_that_was_pointed_at_opens_without_another_read(
    tab_of: Callable[..., Tab], live: LiveServer, live_sandbox: Sandbox
) -> None:
    tab = tab_of("staff")
    tab.goto("/tickets/TK-BUSY/")  # so that reading is known to work
    page = tab.goto("/tickets/?sort=number")
    link = page.locator("tr[data-code] [data-open]").nth(3)
    code = str(link.text_content()).strip()
    live_sandbox.forget_log()
    before = traces(live)

    link.hover()
    wait_until(lambda: reads(live_sandbox, code) == 1, "nothing was fetched ahead")
    page.wait_for_load_state("networkidle")  # its answer has arrived
    assert traces(live) == before
    link.click()
    expect(page.locator("[data-ticket-form]")).to_be_visible()
    expect(page).to_have_url(f"{live.url}/tickets/{code}/")

    assert reads(live_sandbox, code) == 1


def test_a_ticket_that_the_keyboard_rests_on_opens_without_another_read(
    tab_of: Callable[..., Tab], live: LiveServer, live_sandbox: Sandbox
) -> None:
    tab = tab_of("staff")
    tab.goto("/tickets/TK-BUSY/")
    page = tab.goto("/tickets/?sort=number")
    page.evaluate("document.activeElement.blur()")
    live_sandbox.forget_log()
    page.keyboard.press("j")
    code = str(page.locator("tr[data-code] [data-open]:focus").text_content()).strip()

    wait_until(lambda: reads(live_sandbox, code) == 1, "nothing was fetched ahead")
    page.wait_for_load_state("networkidle")
    page.keyboard.press("Enter")
    expect(page.locator("[data-ticket-form]")).to_be_visible()

    assert reads(live_sandbox, code) == 1


def test_moving_over_many_rows_reads_few(
    tab_of: Callable[..., Tab], live: LiveServer, live_sandbox: Sandbox
) -> None:
    tab = tab_of("staff")
    tab.goto("/tickets/TK-BUSY/")
    page = tab.goto("/tickets/?sort=number")
    links = page.locator("tr[data-code] [data-open]")
    live_sandbox.forget_log()

    for number in range(12):
        links.nth(number).hover()
        let_pass(0.25)

    most = 1 + 12 * 0.25 / 1.0 + 2  # one a second, and the time that hovering itself takes
    assert len(live_sandbox.log("GET")) <= most
