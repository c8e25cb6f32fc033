"""The list is read again and grows when somebody asks for it, and nothing is pulled from under their hand."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, Route, expect

from tests.e2e.conftest import Tab
from tests.sandbox_driver import Sandbox

pytestmark = pytest.mark.browser
SHORT = "/tickets/?status=Mới"  # fewer than a page of tickets: it is read again whenever it is opened
SELECT = re.compile("^Select ")


def read_list(tab: Tab) -> Page:
    """Open the list and wait until it has been read from the CRM."""
    page = tab.goto("/tickets/?now")
    expect(page.locator("tr[data-code]")).to_have_count(100)
    return page


def hold(page: Page, address: str) -> list[Route]:
    """Let requests wait; returns them as they come."""
    held: list[Route] = []

    def wait(route: Route) -> None:
        held.append(route)

    page.route(address, wait)
    return held


def test_more_rows_come_while_rows_are_ticked_and_the_focus_goes_on_to_them(
    tab_of: Callable[..., Tab], live_sandbox: Sandbox
) -> None:
    page = read_list(tab_of("staff"))
    ticked = page.get_by_role("checkbox", name=SELECT).nth(3)
    ticked.check()
    page.get_by_role("link", name="Show 100 more").press("Enter")

    rows = page.locator("tr[data-code]")
    expect(rows).to_have_count(120)
    expect(rows.nth(100).get_by_role("link").first).to_be_focused()
    expect(ticked).to_be_checked()
    expect(page.get_by_text("1 selected")).to_be_visible()


def test_reading_again_shows_what_is_new_and_keeps_ticks_and_focus(
    tab_of: Callable[..., Tab], live_sandbox: Sandbox
) -> None:
    page = read_list(tab_of("staff"))
    row = page.locator("tr[data-code]").nth(2)
    row.get_by_role("checkbox").check()
    live_sandbox.edit(str(row.get_attribute("data-code")), ticket_title="Vừa đổi ở CRM")
    again = page.get_by_role("link", name="Read again")
    again.press("Enter")

    expect(row).to_contain_text("Vừa đổi ở CRM")
    expect(row.get_by_role("checkbox")).to_be_checked()
    expect(again).to_be_focused()


def test_a_row_that_is_being_set_shows_its_result_in_a_list_that_was_read_meanwhile(
    tab_of: Callable[..., Tab], live_sandbox: Sandbox
) -> None:
    page = read_list(tab_of("staff"))
    row = page.locator("tr[data-code]").nth(4)
    held = hold(page, "**/status/")
    row.locator("[data-set-status]").click()
    page.get_by_role("menuitem", name="Chờ khách hàng").click()
    expect(row).to_contain_text("sending…")
    other = page.locator("tr[data-code]").nth(5)
    live_sandbox.edit(str(other.get_attribute("data-code")), ticket_title="Vừa đổi ở CRM")
    page.get_by_role("link", name="Read again").click()
    expect(other).to_contain_text("Vừa đổi ở CRM")
    held[0].continue_()

    expect(row).to_contain_text("“Chờ khách hàng”")


def test_a_reading_without_an_answer_says_so_and_what_is_shown_stays(
    tab_of: Callable[..., Tab], live_sandbox: Sandbox
) -> None:
    page = read_list(tab_of("staff"))
    page.route("**/list/**", lambda route: route.abort())
    again, said = page.get_by_role("link", name="Read again"), page.get_by_role("status").first
    for _press in range(2):
        again.press("Enter")
    expect(said).to_have_text(re.compile(r"read from the CRM at [\d:]+ · No answer came\."))
    expect(page.locator("tr[data-code]")).to_have_count(100)
    expect(again).to_be_focused()

    page.unroute("**/list/**")
    again.press("Enter")
    expect(said).to_have_text(re.compile(r"read from the CRM at [\d:]+$"))


def test_what_the_page_reads_by_itself_leaves_rows_in_use_and_no_loose_end(
    tab_of: Callable[..., Tab], live_sandbox: Sandbox
) -> None:
    tab = tab_of("staff")
    tab.goto(f"{SHORT}&now")
    held = hold(tab.page, "**/list/**")
    with tab.page.expect_request("**/list/**"):
        page = tab.goto(SHORT)
    said = page.get_by_role("status").first
    expect(said).to_contain_text("reading it again…")
    row = page.locator("tr[data-code]").first
    row.get_by_role("checkbox").check()
    row.evaluate("one => { one.isTheSame = true; }")
    held[0].continue_()

    expect(said).to_have_text(re.compile(r"read from the CRM at [^·]+$"))
    assert row.evaluate("one => one.isTheSame")


def test_a_link_pressed_with_control_opens_a_tab_of_its_own(
    tab_of: Callable[..., Tab], live_sandbox: Sandbox
) -> None:
    page = read_list(tab_of("staff"))
    with page.context.expect_page() as opened:
        page.get_by_role("link", name="Show 100 more").click(modifiers=["Control"])

    expect(opened.value.locator("tr[data-code]")).to_have_count(120)
    expect(page.locator("tr[data-code]")).to_have_count(100)
