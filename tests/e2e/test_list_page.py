"""The list during work: changes are offered and never inserted unasked, ticks and focus stay."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, Route, expect

from tests.e2e.conftest import Tab
from tests.live import LiveServer
from tests.sandbox_driver import Sandbox

pytestmark = pytest.mark.browser
ROWS = "tr[data-code]"
NEWS = "document.dispatchEvent(new Event('visibilitychange'))"  # what the page does every 20 seconds


@pytest.fixture
def page(tab_of: Callable[..., Tab], live_sandbox: Sandbox) -> Page:
    """The tickets page, of an index that holds what the CRM holds."""
    page = tab_of("staff").goto("/tickets/")
    expect(page.locator(ROWS)).to_have_count(50)
    return page


def hold(page: Page, address: str, *, times: int | None = None) -> list[Route]:
    """Let requests wait, or the first `times` of them; returns them as they come."""
    held: list[Route] = []

    def wait(route: Route) -> None:
        held.append(route)

    page.route(address, wait, times=times)
    return held


def test_news_is_announced_and_shown_only_on_request(
    page: Page, live: LiveServer, live_sandbox: Sandbox
) -> None:
    row = page.locator(ROWS).nth(2)
    code = str(row.get_attribute("data-code"))
    row.get_by_role("checkbox").check()
    live_sandbox.edit(code, ticket_title="Vừa đổi ở CRM", updated_at="2031-01-01 09:00:00")
    live.sweep()
    page.evaluate(NEWS)
    button = page.get_by_role("link", name="1 changed, show")
    expect(button).to_be_visible()
    expect(page.locator(ROWS).nth(2)).to_have_attribute("data-code", code)
    expect(page.locator(f'tr[data-code="{code}"]')).not_to_contain_text("Vừa đổi ở CRM")

    button.press("Enter")

    expect(page.locator(f'tr[data-code="{code}"]')).to_contain_text("Vừa đổi ở CRM")
    expect(page.locator(f'tr[data-code="{code}"]').get_by_role("checkbox")).to_be_checked()
    expect(page.get_by_role("link", name="Refresh")).to_be_focused()


def test_a_row_in_progress_shows_its_result_although_the_list_was_refreshed(page: Page) -> None:
    row = page.locator(ROWS).nth(4)
    held = hold(page, "**/status/")
    row.locator("[data-quick-set]").click()
    page.get_by_role("menuitem", name="Chờ khách hàng").click()
    expect(row).to_contain_text("sending…")
    with page.expect_response("**/list/**"):
        page.get_by_role("link", name="Refresh").click()
    held[0].continue_()

    expect(row).to_contain_text("“Chờ khách hàng”")


def test_each_of_several_rows_shows_its_result_although_the_list_was_refreshed_meanwhile(page: Page) -> None:
    rows = page.locator(ROWS).all()[2:5]
    for row in rows:
        row.get_by_role("checkbox").check()
    held = hold(page, "**/status/", times=1)
    page.get_by_role("button", name="Set status…").click()
    page.get_by_role("menuitem", name="Chờ khách hàng").click()
    expect(rows[0]).to_contain_text("sending…")
    with page.expect_response("**/list/**"):
        page.get_by_role("link", name="Refresh").click()
    expect(page.locator("[data-list]")).not_to_have_attribute("aria-busy", "true")
    held[0].continue_()

    for row in rows:
        expect(row).to_contain_text("“Chờ khách hàng”")


def test_a_row_in_progress_after_signing_in_again_shows_its_result_although_the_list_was_refreshed(
    page: Page, live: LiveServer
) -> None:
    row = page.locator(ROWS).nth(4)
    page.context.clear_cookies(name="sessionid")
    row.locator("[data-quick-set]").click()
    page.get_by_role("menuitem", name="Chờ khách hàng").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Password").fill(live.passwords["staff"])
    held = hold(page, "**/status/")
    dialog.get_by_role("button", name="Sign in and continue").click()
    expect(row).to_contain_text("sending…")
    with page.expect_response("**/list/**"):
        page.get_by_role("link", name="Refresh").click()
    expect(page.locator("[data-list]")).not_to_have_attribute("aria-busy", "true")
    held[0].continue_()

    expect(row).to_contain_text("“Chờ khách hàng”")


def test_a_failed_refresh_says_so_and_leaves_the_list_as_it_is(page: Page) -> None:
    page.route("**/list/**", lambda route: route.abort())
    again, said = page.get_by_role("link", name="Refresh"), page.locator("[data-list-head] [role=status]")
    for _press in range(2):
        again.press("Enter")
    expect(said).to_contain_text("No answer came.")
    expect(page.locator(ROWS)).to_have_count(50)
    expect(again).to_be_focused()

    page.unroute("**/list/**")
    again.press("Enter")
    expect(said).not_to_contain_text("No answer came.")


def test_the_rows_of_a_page_are_selected_with_one_box(page: Page) -> None:
    page.get_by_role("checkbox", name="Select all on this page").check()

    expect(page.get_by_text("50 selected")).to_be_visible()
    page.get_by_role("checkbox", name="Select all on this page").uncheck()
    expect(page.get_by_text("50 selected")).to_be_hidden()


def test_control_click_on_a_link_opens_a_new_tab(page: Page) -> None:
    with page.context.expect_page() as opened:
        page.get_by_role("link", name="Refresh").click(modifiers=["Control"])

    expect(opened.value.locator(ROWS)).to_have_count(50)


@pytest.mark.parametrize(("width", "height", "rows"), [(1280, 800, 13), (390, 844, 3)])
def test_enough_rows_are_visible_without_scrolling(page: Page, width: int, height: int, rows: int) -> None:
    page.set_viewport_size({"width": width, "height": height})
    page.reload()
    boxes = [page.locator(ROWS).nth(n).bounding_box() for n in range(20)]

    assert sum(1 for box in boxes if box and box["y"] + box["height"] <= height) >= rows
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_on_a_small_screen_no_part_of_a_row_is_under_its_checkbox(page: Page) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    row = page.locator(ROWS).first
    for is_ticked in (False, True):
        row.locator("[data-list-select]").set_checked(is_ticked)
        label = row.locator(".table__select label").bounding_box()
        assert label
        for thing in row.locator(".badge, .table__title").all():
            box = thing.bounding_box()
            assert box
            assert box["x"] + box["width"] <= label["x"], (is_ticked, thing)


def test_the_heading_of_the_table_stays_while_the_list_is_scrolled(page: Page) -> None:
    page.set_viewport_size({"width": 1280, "height": 800})
    page.locator(ROWS).nth(45).scroll_into_view_if_needed()

    expect(page.get_by_role("columnheader", name="Title")).to_be_in_viewport()


def test_a_column_heading_sorts_and_announces_it(page: Page) -> None:
    page.get_by_role("columnheader", name="Title").get_by_role("link").click()

    heading = page.get_by_role("columnheader", name="Title")
    expect(heading).to_have_attribute("aria-sort", "ascending")
    heading.get_by_role("link").click()
    expect(heading).to_have_attribute("aria-sort", "descending")
    expect(page).to_have_url(re.compile("sort=-title"))


def test_a_long_text_is_searched_for_or_stays_in_the_search_box(
    tab_of: Callable[..., Tab], live_sandbox: Sandbox
) -> None:
    words = "Máy in ở chi nhánh Đà Nẵng lại hỏng, nhờ xem giúp. "
    lead, staff = tab_of("lead").goto("/tickets/"), tab_of("staff").goto("/tickets/")
    lead.locator("[data-box]").fill(words * 40)
    lead.locator("[data-box]").press("Enter")

    expect(lead).to_have_url(re.compile(r"/tickets/\?text=M"))
    expect(lead.get_by_text("Left out: ")).to_be_visible()

    box = staff.locator("[data-box]")
    box.fill(words * 200)
    box.press("Enter")

    expect(box).to_have_js_property(
        "validationMessage", "This is too long. A search looks for 200 characters."
    )
    expect(box).to_have_value(words * 200)
    box.fill(words)
    box.press("Enter")
    expect(staff).to_have_url(re.compile(r"/tickets/\?text=M"))
