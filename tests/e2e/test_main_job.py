"""The main job as a user does it: sign in, open a ticket, change it, save, read the proof."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.e2e.conftest import Tab
from tests.sandbox_driver import Sandbox

pytestmark = pytest.mark.browser
CODE = "ABCXYZ1234"


def test_changes_status_and_title_and_reads_the_proof(
    tab_of: Callable[..., Tab], live_sandbox: Sandbox
) -> None:
    page = tab_of("staff").page
    page.get_by_role("combobox").or_(page.get_by_role("searchbox")).first.fill(CODE)
    page.keyboard.press("Enter")
    page.get_by_label("Title").fill("Máy in đã chạy lại")
    page.get_by_label("Status", exact=True).select_option("Đang xử lý")
    page.get_by_role("button", name="Save", exact=True).click()

    result = page.get_by_role("status").filter(has_text="Saved and verified.")
    expect(result).to_contain_text("Máy in đã chạy lại")
    expect(result).to_contain_text("Đang xử lý")
    expect(page.get_by_role("heading", level=1)).to_have_text("Máy in đã chạy lại")
    assert live_sandbox.puts(CODE) == [
        {"ticket_code": CODE, "ticket_title": "Máy in đã chạy lại", "status_name": "Đang xử lý"}
    ]


def test_undo_is_beside_the_proof(tab_of: Callable[..., Tab], live_sandbox: Sandbox) -> None:
    before = live_sandbox.ticket(CODE)["ticket_title"]
    page = tab_of("staff").goto(f"/tickets/{CODE}/")
    page.get_by_label("Title").fill("Nhầm")
    page.keyboard.press("Control+Enter")
    result = page.get_by_role("status").filter(has_text="Saved and verified.")
    result.get_by_role("button", name="Undo").click()

    expect(page.get_by_role("heading", level=1)).to_have_text(before)
    assert live_sandbox.ticket(CODE)["ticket_title"] == before


@pytest.mark.parametrize(
    ("kind", "options", "words"),
    [
        ("status", {"status": 500}, "The CRM reported an error of its own."),
        ("reset", {}, "The connection to the CRM broke off."),
        ("status", {"status": 400, "body": {"errors": {"ticket_title": "Tiêu đề bị cấm"}}}, "Tiêu đề bị cấm"),
    ],
)
def test_a_failed_save_keeps_what_was_typed_and_says_what_happened(
    kind: str,
    options: dict[str, object],
    words: str,
    tab_of: Callable[..., Tab],
    live_sandbox: Sandbox,
) -> None:
    live_sandbox.fault(kind, method="PUT", times=None, **options)
    page = tab_of("staff").goto(f"/tickets/{CODE}/")
    page.get_by_label("Title").fill("Không được mất")
    page.get_by_label("Emergency phone").fill("0123456789")
    page.get_by_role("button", name="Save", exact=True).click()

    expect(page.get_by_text(words).first).to_be_visible()
    expect(page.get_by_label("Title")).to_have_value("Không được mất")
    expect(page.get_by_label("Emergency phone")).to_have_value("0123456789")
    expect(
        page.get_by_text(re.compile("Nothing was changed in the CRM|not known whether")).first
    ).to_be_visible()


def test_a_conflict_is_resolved_by_choosing_theirs_or_mine(
    tab_of: Callable[..., Tab], live_sandbox: Sandbox
) -> None:
    page = tab_of("staff").goto(f"/tickets/{CODE}/")
    page.get_by_label("Title").fill("Của tôi")
    live_sandbox.edit(CODE, ticket_title="Của đồng nghiệp")
    page.get_by_role("button", name="Save", exact=True).click()

    expect(page.get_by_text("Của đồng nghiệp").first).to_be_visible()
    assert live_sandbox.puts(CODE) == []
    page.get_by_role("radio", name=re.compile("^Yours")).check()
    page.get_by_role("button", name="Save with these choices").click()
    expect(page.get_by_role("status").filter(has_text="Saved and verified.")).to_be_visible()
    assert live_sandbox.ticket(CODE)["ticket_title"] == "Của tôi"


def test_hostile_content_from_the_crm_does_nothing(tab_of: Callable[..., Tab], live_sandbox: Sandbox) -> None:
    live_sandbox.edit(
        CODE,
        ticket_title="<img src=x onerror=document.title='pwned'>",
        ticket_content="<p>xin chào</p><img src=x onerror=\"document.title='pwned'\">"
        "<script>document.title='pwned'</script>",
    )
    page = tab_of("staff").goto(f"/tickets/{CODE}/")

    expect(page.get_by_text("xin chào").first).to_be_visible()
    expect(page).not_to_have_title(re.compile("^pwned"))


def test_every_form_works_without_javascript(tab_of: Callable[..., Tab], live_sandbox: Sandbox) -> None:
    page = tab_of("staff", java_script_enabled=False).goto(f"/tickets/{CODE}/")
    page.get_by_label("Title").fill("Không cần script")
    page.get_by_role("button", name="What would be sent?").click()
    expect(page.get_by_text("Không cần script").first).to_be_visible()
    assert live_sandbox.puts(CODE) == []
    page.get_by_role("button", name="Save", exact=True).click()

    expect(page.get_by_role("status").filter(has_text="Saved and verified.")).to_be_visible()
