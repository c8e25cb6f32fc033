"""An exported list in a real browser: changed, uploaded, compared, decided, sent by a worker, returned."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from openpyxl import load_workbook
from playwright.sync_api import Download, Page, expect

from tests.e2e.conftest import Tab
from tests.exports import cell, change
from tests.live import LiveServer, LiveWorker
from tests.sandbox_driver import Sandbox

pytestmark = pytest.mark.browser
WANTED, MEANWHILE, ALSO_WANTED = "Sửa trong Excel", "Đồng nghiệp sửa", "Cũng sửa trong Excel"


@pytest.fixture(scope="module")
def worker(live: LiveServer) -> Iterator[LiveWorker]:
    """A worker beside the live server."""
    started = LiveWorker(live, "export-worker")
    yield started
    started.stop()


def exported(page: Page, codes: list[str]) -> bytes:
    """Tick these tickets in the list and download them."""
    expect(page.locator("[data-following]")).to_have_count(0)
    for code in codes:
        page.locator(f"[data-list-select][value='{code}']").check()
    with page.expect_download() as download:
        page.get_by_role("button", name="Excel").click()
    return content_of(download.value)


def content_of(download: Download) -> bytes:
    path = download.path()
    assert path
    return Path(path).read_bytes()


def test_a_list_goes_to_excel_and_back_with_a_conflict_that_is_decided(
    tab_of: Callable[..., Tab], live_sandbox: Sandbox, worker: LiveWorker, tmp_path: Path
) -> None:
    tab = tab_of("lead")
    page = tab.goto("/tickets/")
    boxes = page.locator("[data-list-select]")
    both, mine, alone = (boxes.nth(at).get_attribute("value") or "" for at in range(3))
    content = exported(page, [both, mine, alone])
    before = {code: live_sandbox.ticket(code)["ticket_title"] for code in (both, mine, alone)}
    live_sandbox.edit(both, ticket_title=MEANWHILE)
    live_sandbox.edit(alone, ticket_title=MEANWHILE)

    def edit(book: object) -> None:
        cell(book, both, "Title").value = WANTED
        cell(book, mine, "Title").value = ALSO_WANTED

    file = tmp_path / "tickets.xlsx"
    file.write_bytes(change(content, edit))
    page.goto(f"{tab.server.url}/bulk/new/")
    page.get_by_label("File", exact=True).set_input_files(file)
    page.get_by_role("button", name="Choose the changes").click()
    expect(page.get_by_text("2 tickets have changed cells.")).to_be_visible()
    page.get_by_role("button", name="Check the tickets").click()

    row = page.locator("#live-conflicts tbody tr")
    expect(row).to_have_count(1)
    expect(row.locator("dd")).to_have_text([before[both], MEANWHILE, WANTED])
    expect(page.get_by_role("button", name="Send to 1 ticket")).to_be_visible()
    live_sandbox.forget_log()
    row.get_by_role("combobox").select_option("Send the value of the file")
    page.get_by_role("button", name="Use these choices").click()
    expect(page.get_by_role("button", name="Send to 2 tickets")).to_be_visible()
    assert live_sandbox.puts() == []
    page.get_by_role("button", name="Send to 2 tickets").click()
    expect(page.get_by_role("link", name="2 Verified")).to_be_visible()

    sent = {body["ticket_code"]: body["ticket_title"] for body in live_sandbox.puts()}
    assert sent == {both: WANTED, mine: ALSO_WANTED}
    assert {code: live_sandbox.ticket(code)["ticket_title"] for code in before} == {**sent, alone: MEANWHILE}
    with page.expect_download() as download:
        page.get_by_role("link", name="Your file with the outcomes").click()
    outcomes = tmp_path / "outcomes.xlsx"
    outcomes.write_bytes(content_of(download.value))
    book = load_workbook(outcomes)
    assert [cell(book, code, "ticketadmin: outcome").value for code in (both, mine)] == ["Verified"] * 2
    assert cell(book, both, "Title").value == WANTED
