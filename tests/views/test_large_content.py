"""Content too large to read or edit: everything else of the ticket can be changed, and the page says so."""

import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from tests.limits import cpu_limit
from tests.pages import ticket_form
from tests.sandbox_driver import Sandbox
from ticketadmin.models import BulkItem, BulkState, BulkUpdate, Change, ItemState, Outcome, User
from ticketadmin.presenters.content import MAX_SHORTENED, display_content
from ticketadmin.services.bulk.claims import Claims
from ticketadmin.services.bulk.dry_run import plan_item
from ticketadmin.services.bulk.items import send_item
from ticketadmin.services.bulk.lease import Lease
from ticketadmin.services.bulk.rollout import Rollout
from ticketadmin.services.bulk.work import work_on

CODE = "ABCXYZ1234"
URL = f"/tickets/{CODE}/"
PICTURE = f'<img src="data:image/png;base64,{"A" * 1_000_000}">'
NOT_CHECKED = "content not checked"


@pytest.fixture
def web(lead: User, client_of: Callable[[User], Client], sandbox: Sandbox) -> Client:
    return client_of(lead)


def asked_for_content(crm: Sandbox) -> list[bool]:
    return ["ticket_content" in entry.query["fields"] for entry in crm.log("GET", CODE)]


def test_a_ticket_too_large_to_be_read_is_opened_without_its_content(web: Client, sandbox: Sandbox) -> None:
    sandbox.edit(CODE, ticket_content=f"<p>Ảnh</p>{PICTURE * 3}")

    page = web.get(URL)

    assert page.status_code == 200
    assert "The content of this ticket is too large to be read here." in page.content.decode()
    assert ticket_form(page).values["ticket_title"] == [sandbox.ticket(CODE)["ticket_title"]]
    assert asked_for_content(sandbox) == [True, False]


def test_other_fields_of_a_too_large_ticket_are_saved_and_the_page_names_what_was_not_checked(
    web: Client, sandbox: Sandbox
) -> None:
    sandbox.edit(CODE, ticket_content=PICTURE * 3)
    form = ticket_form(web.get(URL))

    page = web.post(URL, form.filled(ticket_title="Vẫn sửa được"), follow=True).content.decode()

    assert sandbox.puts() == [{"ticket_code": CODE, "ticket_title": "Vẫn sửa được"}]
    assert "Saved and verified." in page
    assert NOT_CHECKED in page
    assert NOT_CHECKED in web.get("/history/").content.decode()
    change = Change.objects.get()
    assert (change.outcome, change.unchecked) == (Outcome.VERIFIED, ["ticket_content"])


def test_a_ticket_of_ordinary_size_is_read_once(web: Client, sandbox: Sandbox) -> None:
    web.get(URL)

    assert asked_for_content(sandbox) == [True]


def test_new_content_replacing_too_large_content_is_sent_and_checked(web: Client, sandbox: Sandbox) -> None:
    sandbox.edit(CODE, ticket_content=PICTURE * 3)
    form = ticket_form(web.get(URL))

    web.post(URL, form.filled(ticket_content="<p>Ngắn lại</p>"))

    assert sandbox.ticket(CODE)["ticket_content"] == "<p>Ngắn lại</p>"
    assert Change.objects.get().outcome == Outcome.VERIFIED


def test_a_too_large_ticket_proves_nothing_for_a_run(lead: User, sandbox: Sandbox) -> None:
    sandbox.edit(CODE, ticket_content=PICTURE * 3)
    run = BulkUpdate.objects.create(
        owner=lead,
        owner_name="Lead",
        state=BulkState.RUNNING,
        created_at=timezone.now(),
        wishes={"emergency_phone": {"set": "0909 111 222"}},
    )
    item = BulkItem.objects.create(
        bulk=run, position=1, ticket_code=CODE, state=ItemState.WORKING, submission=uuid.uuid4()
    )

    send_item(work_on(run, lead), item)
    item.refresh_from_db()

    assert item.outcome == Outcome.VERIFIED
    assert Rollout(run).in_flight(16) == 1  # the next one goes alone, too


@pytest.mark.parametrize("is_alone", [False, True])
def test_a_too_large_ticket_is_sent_first_only_if_there_is_no_other(
    is_alone: bool, lead: User, sandbox: Sandbox
) -> None:
    others = [] if is_alone else [code for code in sandbox.codes() if code.startswith("TK2")][:2]
    sandbox.edit(CODE, ticket_content=PICTURE * 3)
    run = BulkUpdate.objects.create(
        owner=lead,
        owner_name="Lead",
        state=BulkState.CHECKING,
        created_at=timezone.now(),
        worker="w",
        lease_until=timezone.now() + timedelta(minutes=1),
        wishes={"ticket_title": {"set": "Mới"}},
    )
    for place, code in enumerate([CODE, *others]):
        item = BulkItem.objects.create(bulk=run, position=place, ticket_code=code)
        plan_item(work_on(run, lead), item)
    run.items.update(state=ItemState.WAITING)
    claims = Claims(run, Lease(run, "w"))
    is_begun = Rollout(run).has_begun

    claimed = [claims.claim(5, is_to_prove=not is_begun) for _ in range(2)]

    first, second = ([item.ticket_code for item in items] for items in claimed)
    assert not is_begun
    assert first == (others or [CODE])
    assert second == ([] if is_alone else [CODE])


def test_content_beyond_the_editor_is_shown_as_text_with_the_size_of_its_pictures(settings: Any) -> None:
    shown = display_content(f"<p>Xin chào</p>{PICTURE}<p>&lt;b&gt; & hết</p>")

    assert shown.html == "Xin chào<br>[Image, 732.4\xa0KB]<br>&lt;b&gt; &amp; hết"
    assert "too long to be shown whole" in shown.notice


@pytest.mark.parametrize("piece", ["<", "<p>", "<img ", "&", "&amp;", "a", "<<p", "\n", "< ", '<a "', "\n "])
def test_the_time_to_show_large_content_is_limited(piece: str) -> None:
    with cpu_limit(10):
        shown = display_content(piece * (2_000_000 // len(piece)))

    assert len(shown.html) <= 8 * MAX_SHORTENED
