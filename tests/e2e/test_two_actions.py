"""Find a ticket and finish it: two actions, no page load, by keyboard, and with the CRM slow or down."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browsing import Visitor
from tests.e2e.conftest import Tab, next_page
from tests.live import LiveServer
from tests.sandbox_driver import Sandbox

pytestmark = pytest.mark.browser
CODE = "ABCXYZ1234"


def first_row(page: Page) -> Locator:
    """Return the first row once the list was reloaded."""
    first = page.locator("tr[data-code]").first
    expect(first).to_be_visible()
    expect(page.locator("[data-following]")).to_have_count(0)
    return first


def test_paste_a_code_and_press_one_status(tab_of: Callable[..., Tab], live_sandbox: Sandbox) -> None:
    page = tab_of("staff").page
    box = page.get_by_role("combobox", name=re.compile("Ticket code"))
    box.fill(CODE)
    actions = 0
    page.keyboard.press("Enter")
    actions += 1
    expect(page).to_have_url(re.compile(f"/tickets/{CODE}/$"))
    page.evaluate("window.isStillTheSamePage = true")
    page.get_by_role("button", name="Đang xử lý").click()
    actions += 1

    result = page.get_by_role("status").filter(has_text="Verified")
    expect(result).to_contain_text("“Đang xử lý”")
    expect(result).to_contain_text(re.compile(r"\d\d:\d\d:\d\d"))
    assert actions == 2
    assert page.evaluate("window.isStillTheSamePage")
    expect(page.locator("[data-quick-badge]")).to_have_text("Đang xử lý")
    expect(page.get_by_label("Status", exact=True)).to_have_value("Đang xử lý")
    assert live_sandbox.puts(CODE) == [{"ticket_code": CODE, "status_name": "Đang xử lý"}]

    result.get_by_role("button", name="Undo").click()
    expect(page.get_by_role("status").filter(has_text="“Mới”")).to_be_visible()
    assert live_sandbox.ticket(CODE)["status_name"] == "Mới"
    assert page.evaluate("window.isStillTheSamePage")


def test_an_undo_in_place_over_a_colleagues_change_says_so_and_links_to_the_choice(
    tab_of: Callable[..., Tab], live_sandbox: Sandbox
) -> None:
    page = tab_of("staff").goto(f"/tickets/{CODE}/")
    page.get_by_role("button", name="Đang xử lý").click()
    result = page.get_by_role("status").filter(has_text="Verified")
    expect(result).to_be_visible()
    live_sandbox.edit(CODE, status_name="Hủy")

    result.get_by_role("button", name="Undo").click()
    banner = page.get_by_role("status")
    expect(banner.filter(has_text="The same field was changed meanwhile.")).to_be_visible()
    expect(page.get_by_text("The server did not answer")).to_have_count(0)
    page.get_by_role("link", name="Open the ticket").click()
    page.get_by_role("button", name="Undo").first.click()

    expect(page.get_by_role("heading", name="Not taken back:")).to_be_visible()
    assert len(live_sandbox.puts(CODE)) == 1


def test_a_code_with_a_status_in_the_search_box_needs_one_confirmation(
    tab_of: Callable[..., Tab], live_sandbox: Sandbox
) -> None:
    page = tab_of("staff").page
    page.keyboard.press("/")
    page.keyboard.type(f"{CODE} dang xu ly")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Set the status to “Đang xử lý”?")).to_be_visible()
    assert live_sandbox.puts(CODE) == []
    page.keyboard.press("Enter")

    expect(page.get_by_role("status").filter(has_text="“Đang xử lý”")).to_be_visible()
    assert live_sandbox.puts(CODE) == [{"ticket_code": CODE, "status_name": "Đang xử lý"}]


def test_suggestions_by_keyboard(tab_of: Callable[..., Tab], live_sandbox: Sandbox) -> None:
    page = tab_of("staff").page
    box = page.get_by_role("combobox", name=re.compile("Ticket code"))
    box.fill(f"{CODE} hoan")
    option = page.get_by_role("option", name=re.compile("→ Đã hoàn tất"))
    expect(option).to_be_visible()
    expect(box).to_have_attribute("aria-expanded", "true")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    expect(option).to_have_attribute("aria-selected", "true")
    page.keyboard.press("Enter")

    expect(page.get_by_role("heading", name="Set the status to “Đã hoàn tất”?")).to_be_visible()


def test_the_row_is_updated_in_place_by_keyboard_alone(
    tab_of: Callable[..., Tab], live_sandbox: Sandbox
) -> None:
    page = tab_of("staff").page
    first = first_row(page)
    code = str(first.get_attribute("data-code"))
    other = "Hủy" if live_sandbox.ticket(code)["status_name"] != "Hủy" else "Mới"
    page.keyboard.press("Escape")
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("j")
    expect(first.get_by_role("link", name=code)).to_be_focused()
    page.keyboard.press("s")
    item = page.get_by_role("menuitem", name=other)
    expect(item).to_be_visible()
    item.focus()
    page.keyboard.press("Enter")

    expect(first).to_contain_text("Verified")
    expect(first).to_contain_text(f"“{other}”")
    assert live_sandbox.ticket(code)["status_name"] == other
    assert first.evaluate("row => row.contains(document.activeElement)")  # the focus is where the user works


def test_a_row_whose_status_was_undone_can_be_set_again(
    tab_of: Callable[..., Tab], live_sandbox: Sandbox
) -> None:
    page = tab_of("staff").page
    first = first_row(page)
    code = str(first.get_attribute("data-code"))
    before = live_sandbox.ticket(code)["status_name"]
    other = "Hủy" if before != "Hủy" else "Mới"

    def set_status() -> None:
        page.get_by_role("button", name="Set status…").click()
        page.get_by_role("menuitem", name=other).click()
        expect(first).to_contain_text(f"“{other}”")

    first.get_by_role("checkbox").check()
    set_status()
    first.get_by_role("button", name="Undo").click()
    expect(first).to_contain_text(f"“{before}”")
    set_status()

    expect(first).to_contain_text("Verified")
    assert [put["status_name"] for put in live_sandbox.puts(code)] == [other, before, other]


def test_selected_rows_are_set_one_after_the_other(tab_of: Callable[..., Tab], live_sandbox: Sandbox) -> None:
    page = tab_of("staff").page
    first_row(page)
    rows = page.locator("tr[data-code]").all()[:3]
    codes = [str(row.get_attribute("data-code")) for row in rows]
    for row in rows:
        row.get_by_role("checkbox").check()
    expect(page.get_by_text("3 selected")).to_be_visible()
    page.get_by_role("button", name="Set status…").click()
    page.get_by_role("menuitem", name="Chờ khách hàng").click()

    for row in rows:
        expect(row).to_contain_text("“Chờ khách hàng”")
    assert {live_sandbox.ticket(code)["status_name"] for code in codes} == {"Chờ khách hàng"}


def test_a_failure_in_a_row_stays_in_the_row_with_a_retry(
    tab_of: Callable[..., Tab], live_sandbox: Sandbox
) -> None:
    page = tab_of("staff").page
    first = first_row(page)
    code = str(first.get_attribute("data-code"))
    other = "Hủy" if live_sandbox.ticket(code)["status_name"] != "Hủy" else "Mới"
    live_sandbox.fault("status", code=code, method="PUT", times=1, status=403)
    first.locator("[data-quick-set]").click()
    page.get_by_role("menuitem", name=other).click()
    expect(first).to_contain_text("Nothing was changed in the CRM.")

    first.get_by_role("button", name="Try again").click()

    expect(first).to_contain_text(f"“{other}”")
    assert live_sandbox.ticket(code)["status_name"] == other


def test_quick_status_after_the_session_ended_continues_after_signing_in(
    tab_of: Callable[..., Tab], live_sandbox: Sandbox, live: LiveServer
) -> None:
    tab = tab_of("staff")
    page = tab.goto(f"/tickets/{CODE}/")
    tab.context.clear_cookies(name="sessionid")
    page.get_by_role("button", name="Hủy").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Password").fill(live.passwords["staff"])
    dialog.get_by_role("button", name="Sign in and continue").click()

    expect(page.get_by_role("status").filter(has_text="“Hủy”")).to_be_visible()
    assert len(live_sandbox.puts(CODE)) == 1


def test_from_a_telephone_number_to_a_verified_status(
    tab_of: Callable[..., Tab], live: LiveServer, live_sandbox: Sandbox
) -> None:
    live_sandbox.edit(CODE, emergency_phone="0912 000 111", status_name="Mới")
    live.sweep()
    page = tab_of("staff").page
    page.get_by_role("combobox", name=re.compile("Ticket code")).fill("+84 912.000.111")
    page.keyboard.press("Enter")  # the first action
    expect(page).to_have_url(re.compile(f"/tickets/{CODE}/"))
    page.get_by_role("button", name="Đang xử lý").click()  # the second

    expect(page.get_by_role("status").filter(has_text="Verified")).to_contain_text("“Đang xử lý”")
    assert live_sandbox.ticket(CODE)["status_name"] == "Đang xử lý"


def test_keys_never_fire_while_typing_and_can_be_switched_off(tab_of: Callable[..., Tab]) -> None:
    tab = tab_of("lan")
    page = tab.goto(f"/tickets/{CODE}/")
    page.get_by_label("Title").fill("")
    page.get_by_label("Title").press_sequentially("jk/?se")
    expect(page.get_by_label("Title")).to_have_value("jk/?se")
    expect(page.get_by_text("Draft kept on the server")).to_be_visible()
    page.get_by_label("Title").blur()
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keys")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog", name="Keys")).not_to_be_visible()

    page.get_by_text("Lan", exact=True).first.click()
    page.get_by_label("Keyboard shortcuts").uncheck()
    with next_page(page):
        page.get_by_role("button", name="Save preferences").click()
    expect(page.locator("input:focus, textarea:focus")).to_have_count(0)
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keys")).not_to_be_visible()
    page.get_by_text("Lan", exact=True).first.click()
    page.get_by_label("Keyboard shortcuts").check()
    with next_page(page):
        page.get_by_role("button", name="Save preferences").click()
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keys")).to_be_visible()


def test_pasted_lines_of_codes_become_a_list_of_those_tickets(
    tab_of: Callable[..., Tab], live_sandbox: Sandbox
) -> None:
    page = tab_of("staff").page
    box = page.get_by_role("combobox", name=re.compile("Ticket code"))
    box.focus()
    page.evaluate(
        """text => {
          const data = new DataTransfer();
          data.setData("text/plain", text);
          const options = {clipboardData: data, bubbles: true, cancelable: true};
          document.activeElement.dispatchEvent(new ClipboardEvent("paste", options));
        }""",
        f"{CODE}\tMáy in\nTK240001\tMàn hình\r\nTK240002\n",
    )
    page.keyboard.press("Enter")

    expect(page.locator("tr[data-code]")).to_have_count(3)


@pytest.mark.parametrize("trouble", ["slow", "down"])
def test_the_tickets_page_appears_immediately_whatever_the_crm_does(
    trouble: str, live: LiveServer, live_sandbox: Sandbox, tab_of: Callable[..., Tab]
) -> None:
    tab = tab_of("staff")
    visitor = Visitor(live)
    visitor.get("/tickets/")
    if trouble == "slow":
        live_sandbox.switch(latency_ms=3_000)
    else:
        live_sandbox.fault("close", times=None)
    live_sandbox.forget_log()
    assert visitor.get("/tickets/").status_code == 200
    assert live_sandbox.log() == []  # so it waits for nothing
    page = tab.goto("/tickets/")
    expect(page.get_by_role("heading", name="Tickets", exact=True)).to_be_visible()
    expect(page.locator("tr[data-code]").first).to_be_visible()
    page.get_by_role("link", name="Refresh").click()
    expect(page.locator("[data-list-head] [role=status]")).to_contain_text("read ")
    live_sandbox.reset()
    visitor.close()
