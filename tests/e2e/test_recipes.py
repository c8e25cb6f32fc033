"""A recipe from ticked rows to verified tickets, and the reason that a quick status requires."""

import re
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import Tab
from tests.live import LiveServer, LiveWorker
from tests.sandbox_driver import Sandbox

pytestmark = pytest.mark.browser
CODE = "ABCXYZ1234"
DONE, NEW = "Đã hoàn tất", "Mới"
ROWS = "tr[data-code]"
CLOSE = [
    {"field": "status_name", "do": "set", "texts": [DONE]},
    {"field": "ticket_title", "do": "set", "texts": ["Xong cho {customer}"]},
]
GONE = [{"field": "status_name", "do": "set", "texts": ["Không còn"]}]


@pytest.fixture(scope="module")
def worker(live: LiveServer) -> Iterator[LiveWorker]:
    """A worker beside the live server, and recipes of the lead; nothing of either is left."""
    started = LiveWorker(live, "recipes-worker")
    owner = "owner=User.objects.get(username='lead')"
    made = "".join(
        f"Recipe.objects.create({owner}, name={name!r}, changes={changes!r});"
        for name, changes in (("close", CLOSE), ("gone", GONE))
    )
    run(live, made)
    yield started
    run(live, "Recipe.objects.all().delete()")
    started.stop()


def run(live: LiveServer, statements: str) -> None:
    live.execute(f"from ticketadmin.models import *; {statements}")


@pytest.fixture
def codes(worker: LiveWorker, live_sandbox: Sandbox) -> list[str]:
    """The tickets of the first three rows, which are not done; the second has no customer in the CRM."""
    codes = [code for code in live_sandbox.codes() if code.startswith("TK2")][:3]
    for code in codes:
        live_sandbox.edit(code, status_name=NEW)
    live_sandbox.edit(codes[1], account_name="")
    return codes


def ticked(page: Page, codes: list[str], recipe: str) -> None:
    """Tick rows, choose the recipe beside them, and continue to the bulk update."""
    for code in codes:
        page.locator(f'{ROWS}[data-code="{code}"]').get_by_role("checkbox").check()
    page.get_by_label("Recipe for the bulk update").select_option(label=recipe)
    page.get_by_role("button", name="Bulk update…").click()
    expect(page.get_by_role("heading", name=f"Update {len(codes)} tickets")).to_be_visible()


def test_typing_a_value_into_a_recipe_selects_its_action(tab_of: Callable[..., Tab]) -> None:
    page = tab_of("staff").goto("/recipes/new/")

    page.get_by_label("Value for Status").select_option("Hủy")
    page.get_by_role("group", name="Expected date").get_by_label("Number of days").fill("3")
    page.get_by_role("group", name="Title").get_by_label("Keep").focus()

    expect(page.get_by_role("group", name="Status").get_by_label("Set")).to_be_checked()
    days = page.get_by_role("group", name="Expected date").get_by_label(
        "Days from the day of use", exact=True
    )
    expect(days).to_be_checked()
    expect(page.get_by_role("group", name="Title").get_by_label("Keep")).to_be_checked()


@pytest.mark.parametrize("has_scripts", [True, False])
def test_a_recipe_applies_to_ticked_rows_and_names_the_ticket_it_cannot_fill(
    has_scripts: bool, tab_of: Callable[..., Tab], codes: list[str], live_sandbox: Sandbox
) -> None:
    tab = tab_of("lead", java_script_enabled=has_scripts)
    page = tab.goto(f"/tickets/?codes={','.join(codes)}")
    if has_scripts:  # a reloaded list keeps the choice
        page.get_by_label("Recipe for the bulk update").select_option(label="close")
        with page.expect_response("**/list/**"):
            page.get_by_role("link", name="Refresh").click()
        expect(page.get_by_label("Recipe for the bulk update").locator("option:checked")).to_have_text(
            "close"
        )

    ticked(page, codes, "close")
    expect(page.get_by_label("Recipe", exact=True).locator("option:checked")).to_have_text("close")
    page.get_by_role("button", name="Check the tickets").click()

    expect(page.get_by_role("button", name="Send to 2 tickets")).to_be_visible()
    assert live_sandbox.puts() == []
    stopped = page.get_by_role("row").filter(has_text=codes[1])
    expect(stopped).to_contain_text("Cannot be done")
    expect(stopped).to_contain_text("Title: The customer's name is not known here.")
    page.get_by_role("button", name="Send to 2 tickets").click()

    expect(page.get_by_role("heading", name="What next")).to_be_visible()
    expect(page.get_by_role("link", name="2 Verified")).to_be_visible()
    expect(page.get_by_role("row").filter(has_text=codes[1])).to_contain_text("customer's name is not known")
    assert live_sandbox.puts(codes[1]) == []
    for code in (codes[0], codes[2]):
        ticket = live_sandbox.ticket(code)
        assert (ticket["status_name"], ticket["ticket_title"]) == (DONE, f"Xong cho {ticket['account_name']}")


def test_a_recipe_with_a_removed_status_is_refused_before_the_dry_run(
    tab_of: Callable[..., Tab], codes: list[str], live_sandbox: Sandbox
) -> None:
    page = tab_of("lead").goto(f"/tickets/?codes={','.join(codes)}")
    ticked(page, codes, "gone")
    page.get_by_label("Value for Emergency phone").fill("0909 111 222")
    before = len(live_sandbox.log("GET"))
    page.get_by_role("button", name="Check the tickets").click()

    problem = page.get_by_role("alert").filter(has_text="The CRM has no “Không còn”.")
    expect(problem).to_be_visible()
    expect(page.get_by_label("Value for Emergency phone")).to_have_value("0909 111 222")
    assert len(live_sandbox.log("GET")) == before
    page.get_by_label("Recipe", exact=True).select_option(label="None")
    page.get_by_role("button", name="Check the tickets").click()

    expect(page.get_by_role("button", name="Send to 3 tickets")).to_be_visible()


@pytest.fixture
def needs_reason(live: LiveServer, live_sandbox: Sandbox) -> Iterator[None]:
    """A rule that requires a reason for a status."""
    run(live, f"TicketRule.objects.create(field='status_name', value={DONE!r}, needs_reason=True)")
    live_sandbox.edit(CODE, status_name=NEW)
    yield
    run(live, "TicketRule.objects.all().delete()")


def test_a_refused_quick_status_asks_for_the_reason_in_place_and_sends_with_it(
    tab_of: Callable[..., Tab], live_sandbox: Sandbox, needs_reason: None
) -> None:
    page = tab_of("staff").goto(f"/tickets/{CODE}/")
    page.get_by_role("button", name=DONE).click()
    answer = page.locator("[data-quick-result]")
    expect(answer).to_contain_text("a reason is required")
    assert live_sandbox.puts(CODE) == []

    answer.get_by_label(re.compile("Reason")).fill("Khách xác nhận")
    answer.get_by_role("button", name="Try again").press("Enter")

    expect(answer).to_contain_text("Verified")
    expect(page.locator("[data-quick-badge]")).to_have_text(DONE)
    assert [put["status_name"] for put in live_sandbox.puts(CODE)] == [DONE]
    page.goto(page.url)
    expect(page.get_by_text("Khách xác nhận").first).to_be_visible()
