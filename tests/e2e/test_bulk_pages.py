"""Bulk updates in a real browser: by keyboard alone, without scripts, watched and not watched."""

import re
from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page, Route, expect

from tests.e2e.conftest import Tab, next_page
from tests.e2e.leading import Lead
from tests.live import LiveServer, LiveWorker
from tests.sandbox_driver import Sandbox
from tests.waiting import wait_until

pytestmark = pytest.mark.browser
PHONE = "0909 333 444"


@pytest.fixture(scope="module")
def worker(live: LiveServer) -> Iterator[LiveWorker]:
    """A worker beside the live server."""
    started = LiveWorker(live, "pages-worker")
    yield started
    started.stop()


@pytest.fixture
def codes(live_sandbox: Sandbox, worker: LiveWorker) -> list[str]:
    """Some tickets without a simulated fault."""
    return [code for code in live_sandbox.codes() if code.startswith("TK2")][:30]


def tab_to(page: Page, selector: str) -> None:
    """Press Tab until the element has the focus, as a user without a mouse does."""
    for _press in range(80):
        if page.locator(f"{selector}:focus").count():
            return
        page.keyboard.press("Tab")
    raise AssertionError(selector)


def test_a_bulk_run_by_keyboard_alone(
    tab_of: Callable[..., Tab], codes: list[str], live_sandbox: Sandbox
) -> None:
    page = tab_of("lead").goto("/bulk/")

    tab_to(page, "a[href='/bulk/new/']")
    page.keyboard.press("Enter")
    tab_to(page, "textarea[name=codes]")
    page.keyboard.insert_text("\n".join(codes))
    tab_to(page, "main button.button--primary")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Update 30 tickets")).to_be_visible()
    tab_to(page, "input[name=emergency_phone]")
    page.keyboard.type(PHONE)
    expect(page.locator("input[name='action.emergency_phone'][value=set]")).to_be_checked()
    tab_to(page, "main button.button--primary")
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Send to 30 tickets")).to_be_visible()
    expect(page.locator("[data-bulk-live-says]")).to_have_text(
        "The check is complete: 30 tickets will be sent."
    )
    tab_to(page, "#live-confirm button.button--primary")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="What next")).to_be_visible()

    expect(page.get_by_role("link", name="30 Verified")).to_be_visible()
    assert {live_sandbox.ticket(code)["emergency_phone"] for code in codes} == {PHONE}


def test_title_and_icon_show_progress_and_closing_the_tab_changes_nothing(
    tab_of: Callable[..., Tab], codes: list[str], live_sandbox: Sandbox
) -> None:
    tab = tab_of("lead")
    page = prepared(tab, codes)
    live_sandbox.switch(latency_ms=120)
    page.get_by_role("button", name="Send to 30 tickets").click()
    expect(page).to_have_title(re.compile(r"^[1-9]\d? % · Update of 30 tickets"))
    assert (page.locator("link[rel=icon]").get_attribute("href") or "").startswith("data:image/svg+xml")
    address = page.url
    page.close()

    elsewhere = tab.open()
    live_sandbox.switch(latency_ms=0)
    elsewhere.goto(address)
    expect(elsewhere.locator("#live-status .badge").first).to_have_text("Finished")

    assert {live_sandbox.ticket(code)["emergency_phone"] for code in codes} == {PHONE}


def test_a_run_that_ended_elsewhere_is_announced_once(
    tab_of: Callable[..., Tab], codes: list[str], live_sandbox: Sandbox
) -> None:
    tab = tab_of("lead")
    page = prepared(tab, codes[:5])
    live_sandbox.switch(latency_ms=1_000)  # so that it does not end before its page is left
    with next_page(page):
        page.get_by_role("button", name="Send to 5 tickets").click()
    page.goto(f"{tab.server.url}/history/")
    live_sandbox.switch(latency_ms=0)

    news = page.get_by_text(re.compile("Update of 5 tickets: Finished."))
    wait_until(lambda: news.count() or (page.reload() and news.count()), "no news of the run", every=0.2)
    expect(news).to_be_visible()
    page.get_by_role("link", name="Look at it").click()
    expect(page.get_by_role("link", name="5 Verified")).to_be_visible()
    page.goto(f"{tab.server.url}/history/")
    expect(news).to_have_count(0)


def test_a_bulk_run_works_without_scripts(
    tab_of: Callable[..., Tab], codes: list[str], live_sandbox: Sandbox
) -> None:
    page = tab_of("lead", java_script_enabled=False).goto("/bulk/new/")
    page.get_by_label("Ticket codes").fill("\n".join(codes[:4]))
    page.get_by_role("button", name="Choose the changes").click()
    page.get_by_label("Value for Emergency phone").fill(PHONE)
    page.get_by_role("button", name="Check the tickets").click()
    expect(page.get_by_text("You typed a value, but “Keep” is chosen.").first).to_be_visible()
    page.locator("input[name='action.emergency_phone'][value=set]").check()
    page.get_by_role("button", name="Check the tickets").click()
    expect(page.get_by_role("button", name="Send to 4 tickets")).to_be_visible()
    page.get_by_role("button", name="Send to 4 tickets").click()
    expect(page.get_by_role("heading", name="What next")).to_be_visible()

    assert {live_sandbox.ticket(code)["emergency_phone"] for code in codes[:4]} == {PHONE}


def test_selected_rows_and_pasted_codes_lead_to_a_bulk_update(
    tab_of: Callable[..., Tab], codes: list[str]
) -> None:
    tab = tab_of("lead")
    page = tab.goto("/tickets/")
    expect(page.locator("[data-following]")).to_have_count(0)
    for box in page.locator("[data-list-select]").all()[:3]:
        box.check()
    page.get_by_role("button", name="Bulk update…").click()
    expect(page.get_by_role("heading", name="Update 3 tickets")).to_be_visible()

    page.get_by_role("combobox").first.fill(" ".join(codes[:7]))
    page.keyboard.press("Enter")
    expect(page.get_by_label("Ticket codes")).to_have_value("\n".join(codes[:7]))

    page.get_by_role("combobox").first.fill(" ".join(f"TK9{number:05d}" for number in range(900)))
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Update 900 tickets")).to_be_visible()


def test_staff_see_no_sign_of_bulk_updates(tab_of: Callable[..., Tab], codes: list[str]) -> None:
    page = tab_of("staff").goto("/tickets/")

    expect(page.get_by_role("link", name="Bulk updates")).to_have_count(0)
    expect(page.get_by_role("button", name="Bulk update…")).to_have_count(0)
    page.get_by_role("combobox").first.fill(" ".join(codes[:3]))
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"/tickets/\?codes="))


def test_only_the_valid_rows_of_a_file_with_errors_are_sent(
    tab_of: Callable[..., Tab], codes: list[str], live_sandbox: Sandbox
) -> None:
    rows = [
        "ticket_code;emergency_phone;Trạng thái",
        f"{codes[0]};0912345678;đang xử lý",
        f"{codes[1]};12;Mới",
        f"{codes[2]};;Không có",
    ]
    page = tab_of("lead").goto("/bulk/new/")
    content = "\ufeff" + "\r\n".join(rows)
    page.get_by_label("File").set_input_files(
        {"name": "phiếu.csv", "mimeType": "text/csv", "buffer": content.encode()}
    )
    page.get_by_role("button", name="Choose the changes").click()

    expect(page.get_by_role("heading", name="2 rows of the file have errors")).to_be_visible()
    expect(page.get_by_role("row", name=re.compile("^3 emergency_phone"))).to_be_visible()
    page.get_by_role("button", name="Check the tickets").click()
    expect(page.get_by_role("alert")).to_contain_text("Nothing was changed in the CRM.")
    page.get_by_label("Leave these rows out").check()
    page.get_by_role("button", name="Check the tickets").click()
    page.get_by_role("button", name="Send to 1 ticket").click()
    expect(page.get_by_role("link", name="1 Verified")).to_be_visible()

    assert live_sandbox.ticket(codes[0])["emergency_phone"] == "0912345678"
    assert live_sandbox.ticket(codes[0])["status_name"] == "Đang xử lý"


def test_a_value_typed_before_the_scripts_load_also_selects_set(
    tab_of: Callable[..., Tab], codes: list[str]
) -> None:
    tab = tab_of("lead")
    tab.goto("/bulk/new/").get_by_label("Ticket codes").fill("\n".join(codes[:2]))
    tab.page.get_by_role("button", name="Choose the changes").click()
    expect(tab.page.get_by_role("heading", name="Update 2 tickets")).to_be_visible()
    with tab.before_scripts(urlsplit(tab.page.url).path) as page:
        page.get_by_label("Value for Emergency phone").fill(PHONE)

    expect(page.locator("input[name='action.emergency_phone'][value=set]")).to_be_checked()
    expect(page.locator("input[name='action.status_name'][value=keep]")).to_be_checked()


@pytest.mark.parametrize("has_focus", [True, pytest.param(False, marks=pytest.mark.slow)])
def test_progress_updates_around_opened_details_and_polling_stops_at_the_end(
    has_focus: bool, tab_of: Callable[..., Tab], codes: list[str], live_sandbox: Sandbox
) -> None:
    page = prepared(tab_of("lead"), codes)
    page.clock.install()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "/progress/" in request.url else None)
    live_sandbox.switch(latency_ms=200)
    page.get_by_role("button", name="Send to 30 tickets").click()
    opened = page.get_by_text("The changes for every ticket")
    opened.click()
    if not has_focus:
        page.get_by_role("heading", level=1).click()
    expect(page).to_have_title(re.compile(r"^[1-9]\d? % · Update of 30 tickets"))
    expect(page.get_by_text(re.compile(r"^\s*[1-9]\d? of 30 · "))).to_be_visible()
    live_sandbox.switch(latency_ms=0)
    expect(page).to_have_title(re.compile("^Update of 30 tickets"))

    expect(page.get_by_role("status").filter(has_text="The bulk update has ended")).to_have_count(1)
    expect(page.get_by_role("link", name="30 Verified")).to_be_visible()
    expect(page.get_by_role("definition").filter(has_text=PHONE)).to_be_visible()
    if has_focus:
        expect(opened).to_be_focused()
    before = len(asked)
    page.clock.run_for(60_000)
    assert page.evaluate("document.readyState") == "complete"
    assert len(asked) == before


MISSES: dict[str, Callable[[Route], None]] = {
    "no connection": lambda route: route.abort(),
    "the page of a proxy": lambda route: route.fulfill(status=502, body="<p>Bad gateway</p>"),
}


def test_a_page_that_cannot_follow_its_run_says_so_until_it_can(
    tab_of: Callable[..., Tab], codes: list[str], live_sandbox: Sandbox
) -> None:
    page = prepared(tab_of("lead"), codes)
    page.clock.install()
    live_sandbox.switch(latency_ms=200)
    page.get_by_role("button", name="Send to 30 tickets").click()
    page.get_by_role("button", name="Pause").click()
    expect(page.get_by_role("button", name="Resume")).to_be_visible()
    says = page.get_by_text("The server does not answer")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "/progress/" in request.url else None)

    for miss in MISSES.values():
        page.route("**/progress/**", miss)
        look_again(page, asked)
        expect(says).to_be_hidden()
        look_again(page, asked)
        expect(says).to_be_visible()
        page.unroute("**/progress/**")
        look_again(page, asked)
        expect(says).to_be_hidden()

    live_sandbox.switch(latency_ms=0)
    page.get_by_role("button", name="Stop for good").click()


def look_again(page: Page, asked: list[str]) -> None:
    """Let time pass until the page has requested the progress of its run."""
    before = len(asked)
    for _second in range(60):
        page.clock.run_for(1_000)
        if len(asked) > before:
            return
    raise AssertionError("the page no longer asks")


def test_the_focus_survives_the_removal_of_the_focused_button(
    tab_of: Callable[..., Tab], codes: list[str], live_sandbox: Sandbox
) -> None:
    page = prepared(tab_of("lead"), codes)
    live_sandbox.switch(latency_ms=200)
    page.get_by_role("button", name="Send to 30 tickets").click()
    page.get_by_role("button", name="Pause").focus()
    expect(page).to_have_title(re.compile(r"^[1-9]\d? % · Update of 30 tickets"))
    live_sandbox.switch(latency_ms=0)
    expect(page.get_by_role("heading", name="What next")).to_be_visible()

    expect(page.get_by_role("button", name="Pause")).to_have_count(0)
    expect(page.get_by_role("region", name="Progress")).to_be_focused()


def test_a_pause_is_announced_once(
    tab_of: Callable[..., Tab], codes: list[str], live_sandbox: Sandbox, live: LiveServer
) -> None:
    page = prepared(tab_of("lead"), codes)
    page.clock.install()
    live_sandbox.fault("status", method="PUT", times=None, status=500)
    page.get_by_role("button", name="Send to 30 tickets").click()
    said = page.get_by_role("alert").filter(has_text="Paused: the CRM does not answer")
    for _second in range(60):
        if said.count():
            break
        page.clock.run_for(1_000)
    said.evaluate("one => { one.isTheSame = true; }")
    for _look in range(2):
        with page.expect_response("**/progress/**"):
            page.clock.run_for(5_000)
    expect(page.get_by_role("button", name="Resume")).to_be_visible()
    is_same = said.evaluate("one => one.isTheSame")
    page.get_by_role("button", name="Stop for good").click()
    live.forget_learnt_state()

    assert is_same


def prepared(tab: Tab, codes: list[str]) -> Page:
    """Return the page of a bulk update that is ready to be confirmed."""
    lead = Lead(tab.server)
    path = lead.check(lead.choose(codes), emergency_phone=PHONE)
    lead.close()
    page = tab.goto(path)
    expect(page.get_by_role("button", name=re.compile("^Send to"))).to_be_visible()
    return page
