"""The page of a bulk update: its confirmation with what is wrong, and what a screen reader is told."""

import html
import re
from collections.abc import Callable

import pytest
from django.test import Client
from django.utils import timezone

from tests.pages import squeezed
from tests.sandbox_driver import Sandbox
from ticketadmin.models import BulkItem, BulkKind, BulkState, BulkUpdate, ItemOutcome, ItemState, Plan, User


@pytest.fixture
def make_run(lead: User) -> Callable[[BulkState, int], BulkUpdate]:
    """Makes a bulk update in a state with so many tickets to send."""

    def make(state: BulkState, tickets: int) -> BulkUpdate:
        now = timezone.now()
        bulk = BulkUpdate.objects.create(
            owner=lead, owner_name="Lead", state=state, seal="seal", created_at=now, started_at=now
        )
        BulkItem.objects.bulk_create(
            BulkItem(bulk=bulk, position=at, ticket_code=f"T{at}", plan=Plan.SEND, state=ItemState.DONE)
            for at in range(tickets)
        )
        return bulk

    return make


@pytest.mark.parametrize(
    ("typed", "shown", "said"),
    [
        (
            {"in_flight": "", "per_second": "3"},
            ('name="in_flight" min="1" max="16"', 'value="3"'),
            "This field is required.",
        ),
        (
            {"in_flight": "8", "per_second": "2000"},
            ('value="8"', 'value="2000"'),
            "Write a number from 0.1 to 1000.",
        ),
    ],
)
def test_an_invalid_speed_is_explained_and_stays_as_typed(
    typed: dict[str, str],
    shown: tuple[str, ...],
    said: str,
    lead: User,
    client_of: Callable[[User], Client],
    make_run: Callable[..., BulkUpdate],
) -> None:
    run = make_run(BulkState.READY, 2)
    answer = client_of(lead).post(f"/bulk/{run.uuid}/confirm/", {"seal": "seal", **typed})
    page = answer.content.decode()
    run.refresh_from_db()

    assert answer.status_code == 422
    assert run.state == BulkState.READY
    assert "Some values need correcting." in page
    assert page.count(said) == 2  # in the summary and at the field
    assert page.count('aria-invalid="true"') == 1
    assert 'value="4"' not in page
    assert [part for part in shown if part not in page] == []


def test_a_reused_row_shows_the_current_state_of_its_ticket(
    lead: User, client_of: Callable[[User], Client], make_run: Callable[..., BulkUpdate]
) -> None:
    client, run = client_of(lead), make_run(BulkState.RUNNING, 2)
    address = f"/bulk/{run.uuid}/progress/"
    first = run.items.get(position=0)

    def row() -> str:
        page = client.get(address).content.decode()
        return page[page.index('href="/tickets/T0/"') :].split("</tr>")[0]

    assert row() == row()
    assert "Rejected" not in row()
    first.outcome, first.reason, first.message = ItemOutcome.REJECTED, "forbidden", "<b>No</b> right"
    first.save()
    assert "Rejected" in row()
    assert "&lt;b&gt;No&lt;/b&gt; right" in row()
    first.message = "Không có quyền"
    first.save()
    assert "Không có quyền" in row()


def test_the_speed_input_has_the_servers_limits(
    lead: User, client_of: Callable[[User], Client], make_run: Callable[..., BulkUpdate]
) -> None:
    client, run = client_of(lead), make_run(BulkState.READY, 2)
    for address in (f"/bulk/{run.uuid}/", f"/bulk/{run.uuid}/progress/"):
        page = client.get(address).content.decode()
        tickets, requests = (
            page[page.index(f'name="{name}"') :][:160] for name in ("in_flight", "per_second")
        )
        assert all(part in tickets for part in ('value="4"', 'min="1"', 'max="16"', "required"))
        assert all(part in requests for part in ('min="0.1"', 'max="1000"', 'step="any"'))
        assert "required" not in requests.split(">")[0]


@pytest.mark.parametrize(
    ("state", "tickets", "said"),
    [
        (BulkState.READY, 1, "The check is complete: 1 ticket will be sent."),
        (BulkState.READY, 2, "The check is complete: 2 tickets will be sent."),
        (BulkState.RUNNING, 1, "1 of 1 ticket is done."),
    ],
)
def test_one_ticket_is_singular(
    state: BulkState,
    tickets: int,
    said: str,
    lead: User,
    client_of: Callable[[User], Client],
    make_run: Callable[..., BulkUpdate],
) -> None:
    page = client_of(lead).get(f"/bulk/{make_run(state, tickets).uuid}/progress/").content.decode()

    assert f'data-bulk-says="{said}"' in page


@pytest.mark.parametrize("state", [BulkState.FINISHED, BulkState.CANCELLED])
def test_the_final_announcement_counts_each_outcome(
    state: BulkState, lead: User, client_of: Callable[[User], Client], make_run: Callable[..., BulkUpdate]
) -> None:
    """All tickets have ended then, so their number says nothing about how they ended."""
    run = make_run(state, 6)
    for at, outcome in enumerate(
        [*(3 * [ItemOutcome.REJECTED]), *(2 * [ItemOutcome.VERIFIED]), ItemOutcome.NOT_DONE]
    ):
        run.items.filter(position=at).update(outcome=outcome)

    page = client_of(lead).get(f"/bulk/{run.uuid}/progress/").content.decode()

    assert 'data-bulk-says="The bulk update has ended: 2 Verified, 3 Rejected, 1 Could not be sent."' in page


@pytest.mark.parametrize(
    ("working", "said"),
    [
        (0, ""),
        (1, "1 ticket that was being sent is still in progress"),
        (3, "3 tickets that were being sent are still in progress"),
    ],
)
def test_a_paused_run_says_what_is_still_in_progress(
    working: int,
    said: str,
    lead: User,
    client_of: Callable[[User], Client],
    make_run: Callable[..., BulkUpdate],
) -> None:
    run = make_run(BulkState.PAUSED, 4)
    run.items.filter(position__lt=working).update(state=ItemState.WORKING)

    page = client_of(lead).get(f"/bulk/{run.uuid}/progress/").content.decode()

    assert said in page
    assert ("still in progress" in page) == bool(said)


@pytest.mark.parametrize(
    ("outcomes", "label"),
    [
        ((ItemOutcome.VERIFIED, ItemOutcome.REJECTED), "Retry what failed"),
        ((ItemOutcome.VERIFIED, ItemOutcome.NOT_SENT), "Continue with the rest"),
        ((ItemOutcome.REJECTED, ItemOutcome.NOT_SENT), "Retry what failed or was not sent"),
    ],
)
def test_the_retry_button_says_which_tickets_it_includes(
    outcomes: tuple[ItemOutcome, ...],
    label: str,
    lead: User,
    client_of: Callable[[User], Client],
    make_run: Callable[..., BulkUpdate],
) -> None:
    run = make_run(BulkState.CANCELLED, len(outcomes))
    for item, outcome in zip(run.items.all(), outcomes, strict=True):
        run.items.filter(pk=item.pk).update(outcome=outcome)

    page = client_of(lead).get(f"/bulk/{run.uuid}/").content.decode()

    buttons = re.findall(r"<button\b[^>]*>(.*?)</button>", page, re.DOTALL)
    assert label in {" ".join(re.sub(r"<[^>]+>", " ", one).split()) for one in buttons}


def test_a_paused_run_shows_its_progress(
    lead: User, client_of: Callable[[User], Client], make_run: Callable[..., BulkUpdate]
) -> None:
    run = make_run(BulkState.PAUSED, 4)
    run.items.filter(position__lt=3).update(state=ItemState.WAITING)

    page = " ".join(client_of(lead).get(f"/bulk/{run.uuid}/").content.decode().split())

    assert "1 of 4 · 25 %" in page


def test_waiting_tickets_of_a_run_are_counted_and_listed(
    lead: User, client_of: Callable[[User], Client], make_run: Callable[..., BulkUpdate]
) -> None:
    run = make_run(BulkState.PAUSED, 4)
    run.items.filter(position__lt=3).update(state=ItemState.WAITING)
    waiting = set(run.items.filter(state=ItemState.WAITING).values_list("ticket_code", flat=True))

    page = client_of(lead).get(f"/bulk/{run.uuid}/?shown=waiting").context["page"]

    assert [(tile.key, tile.label, tile.count) for tile in page.further_tiles] == [("waiting", "Waiting", 3)]
    assert {item.code for item in page.items} == waiting


def test_a_run_without_waiting_tickets_has_no_such_count(
    lead: User, client_of: Callable[[User], Client], make_run: Callable[..., BulkUpdate]
) -> None:
    run = make_run(BulkState.FINISHED, 4)

    assert client_of(lead).get(f"/bulk/{run.uuid}/").context["page"].further_tiles == ()


@pytest.mark.parametrize(
    ("outcome", "is_named"), [("", True), (ItemOutcome.NOT_DONE, False), (ItemOutcome.NOT_SENT, False)]
)
def test_fields_sent_along_are_not_named_for_an_unsent_ticket(
    outcome: str,
    is_named: bool,
    lead: User,
    client_of: Callable[[User], Client],
    make_run: Callable[..., BulkUpdate],
) -> None:
    run = make_run(BulkState.FINISHED if outcome else BulkState.READY, 1)
    run.items.update(sent_along=["cate_name"], outcome=outcome)

    page = client_of(lead).get(f"/bulk/{run.uuid}/").content.decode()

    assert ("Sent along, unchanged:" in page) is is_named


def test_a_run_links_to_the_runs_that_followed_it(
    lead: User, client_of: Callable[[User], Client], make_run: Callable[..., BulkUpdate]
) -> None:
    run, restored = make_run(BulkState.PAUSED, 3), make_run(BulkState.FINISHED, 1)
    BulkUpdate.objects.filter(pk=restored.pk).update(parent=run, kind=BulkKind.RESTORE)

    page = client_of(lead).get(f"/bulk/{run.uuid}/").content.decode()

    assert (
        squeezed(page).count(f'<a href="/bulk/{restored.uuid}/">Field restore for 1 ticket</a>(Finished)')
        == 1
    )
    assert "What followed:" not in client_of(lead).get(f"/bulk/{restored.uuid}/").content.decode()


@pytest.mark.parametrize("place", ["bulk", "recipe"])
def test_a_missing_value_error_names_the_alternatives_of_the_field(
    place: str, lead: User, client_of: Callable[[User], Client], sandbox: Sandbox
) -> None:
    web = client_of(lead)
    made = web.post("/bulk/new/", {"codes": "TK240001"}).headers["Location"]
    address = "/recipes/new/" if place == "recipe" else made
    shown = web.get(address).content.decode()
    names = set(re.findall(r'name="action\.([\w.]+)"', shown))
    cleared = set(re.findall(r'name="action\.([\w.]+)" value="clear"', shown))

    answer = web.post(address, {"name": "x", **{f"action.{name}": "set" for name in names}})

    said = html.unescape(answer.content.decode()).split('class="form__grid')[-1]
    errors = dict(re.findall(r'id="id_([\w.]+)_error"><li>.*?</svg>([^<]*)</li>', squeezed(said)))
    assert len(cleared) > 3
    assert names - cleared == {"ticket_title", "status_name"}
    assert {name for name in names if "“Clear”" in errors[name]} == cleared
    assert {name for name in names if "“Keep”" in errors[name]} == names - cleared
