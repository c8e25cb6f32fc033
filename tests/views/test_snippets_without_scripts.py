"""Snippets where no script runs: at every box that takes one, what was typed stays and nothing is sent."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from tests.pages import form_to, ticket_form
from tests.sandbox_driver import Sandbox
from ticketadmin.models import (
    BulkState,
    BulkUpdate,
    Change,
    CustomField,
    FieldKind,
    Recipe,
    Snippet,
    TicketRule,
    User,
)
from ticketadmin.services.bulk.dry_run import plan_item
from ticketadmin.services.bulk.items import send_item
from ticketadmin.services.bulk.runs import Chosen, ChosenTickets, draft_bulk
from ticketadmin.services.bulk.work import work_on
from ticketadmin.services.snippets.keep import MAX_SNIPPETS_SHOWN

CODE = "ABCXYZ1234"
URL = f"/tickets/{CODE}/"
REASON = "change_reason"
NOT_SENT = "Nothing was sent yet."


@pytest.fixture
def web(lead: User, client_of: Callable[[User], Client], sandbox: Sandbox) -> Client:
    return client_of(lead)


@pytest.fixture
def snippet(lead: User) -> Snippet:
    return Snippet.objects.create(owner=lead, name="b", content="a & b\n{today}x")


@pytest.fixture
def bulk(lead: User) -> BulkUpdate:
    CustomField.objects.create(key="ghi_chu", label="Ghi chú", kind=FieldKind.LONG_TEXT)
    return draft_bulk(ChosenTickets((Chosen(CODE),)), user=lead)


def text_of(answer: Any) -> str:
    return str(answer.content.decode())


def buttons(page: str) -> set[str]:
    """Return the boxes whose buttons request snippets from the server."""
    return set(re.findall(r'name="into"\s+value="([^"]+)"\s+data-snippets', page))


# --- a bulk update's changes ---------------------------------------------------------------------


def changes_form(web: Client, bulk: BulkUpdate) -> Any:
    return form_to(web.get(f"/bulk/{bulk.uuid}/"), f"/bulk/{bulk.uuid}/")


def test_each_text_box_of_a_bulk_update_has_its_button(web: Client, bulk: BulkUpdate) -> None:
    page = text_of(web.get(f"/bulk/{bulk.uuid}/"))

    wanted = {"ticket_title", "ticket_content", "custom_fields.ghi_chu", REASON}
    assert wanted <= buttons(page)
    assert not {"status_name", "emergency_phone"} & buttons(page)
    assert set(re.findall(r'formaction="([^"]+#snippets)"', page)) == {f"/bulk/{bulk.uuid}/#snippets"}


def test_a_bulk_update_shows_what_to_choose_from_and_keeps_what_was_typed(
    web: Client, bulk: BulkUpdate, snippet: Snippet, sandbox: Sandbox
) -> None:
    recipe = Recipe.objects.create(owner=bulk.owner, name="close", changes=[])
    typed = {
        "action.emergency_phone": "set",
        "emergency_phone": "012",
        REASON: "vì",
        "recipe": str(recipe.pk),
    }

    answer = web.post(f"/bulk/{bulk.uuid}/", changes_form(web, bulk).filled(**typed, into="ticket_title"))

    page, form = text_of(answer), form_to(answer, f"/bulk/{bulk.uuid}/")
    assert answer.status_code == 200
    assert f'<option value="{snippet.pk}">//b · a &amp; b {{today}}x</option>' in page
    assert {name: form.values[name] for name in typed} == {name: [value] for name, value in typed.items()}
    assert "Some values need correcting." not in page, "nothing was checked yet"
    bulk.refresh_from_db()
    assert (bulk.state, bulk.wishes) == (BulkState.DRAFT, {})
    assert sandbox.puts() == []


@pytest.mark.parametrize(
    ("into", "typed", "becomes"),
    [
        ("ticket_title", "Máy ", "Máy a & b"),
        ("custom_fields.ghi_chu", "dòng\r\n", "dòng\na & b"),
        ("ticket_content", "một", "một<p>a &amp; b</p>"),
        ("ticket_content", "<b>một</b>", "<b>một</b><p>a &amp; b</p>"),
        (REASON, "vì", "vì a & b"),
    ],
)
def test_in_a_bulk_update_a_snippet_is_added_at_the_end_and_sets_the_field(
    web: Client, bulk: BulkUpdate, snippet: Snippet, into: str, typed: str, becomes: str
) -> None:
    Snippet.objects.update(content="a & b")
    posted = changes_form(web, bulk).filled(**{into: typed}, into=into, snippet=str(snippet.pk))

    answer = web.post(f"/bulk/{bulk.uuid}/", posted)

    form = form_to(answer, f"/bulk/{bulk.uuid}/")
    assert answer.status_code == 200
    assert "The snippet “b” was inserted at the end of" in text_of(answer)
    assert NOT_SENT in text_of(answer)
    assert form.values[into] == [becomes]
    if into != REASON:
        assert form.values[f"action.{into}"] == ["set"]
    assert web.post(form.action, form.filled(**{"action.emergency_phone": "clear"})).status_code == 303
    bulk.refresh_from_db()
    assert bulk.change_reason == (becomes if into == REASON else "")
    assert bulk.state != BulkState.DRAFT


def test_the_button_of_another_box_asks_which_snippet(
    web: Client, bulk: BulkUpdate, snippet: Snippet
) -> None:
    Snippet.objects.update(content="a & b")
    offered = form_to(
        web.post(f"/bulk/{bulk.uuid}/", changes_form(web, bulk).filled(into=REASON)), f"/bulk/{bulk.uuid}/"
    )

    answer = web.post(offered.action, offered.filled(into="ticket_title"))
    form = form_to(answer, f"/bulk/{bulk.uuid}/")
    assert form.values["ticket_title"] == [""]
    assert form.values["snippet_for"] == ["ticket_title"]

    chosen = web.post(form.action, form.filled(into="ticket_title"))
    assert form_to(chosen, f"/bulk/{bulk.uuid}/").values["ticket_title"] == ["a & b"]


@pytest.mark.parametrize(
    ("content", "number", "said"),
    [
        ("{code}", "", "There is no single ticket here"),
        ("{customer}", "", "The customer&#x27;s name is not known here."),
        ("x", "123456", "this snippet no longer exists"),
    ],
)
def test_in_a_bulk_update_an_uninsertable_snippet_changes_nothing(
    web: Client, bulk: BulkUpdate, snippet: Snippet, content: str, number: str, said: str
) -> None:
    Snippet.objects.update(content=content)
    wish = {"into": "ticket_title", "snippet": number or str(snippet.pk)}

    answer = web.post(f"/bulk/{bulk.uuid}/", changes_form(web, bulk).filled(ticket_title="Nửa", **wish))

    form = form_to(answer, f"/bulk/{bulk.uuid}/")
    assert answer.status_code == 422
    assert said in text_of(answer)
    assert (form.values["ticket_title"], form.values["action.ticket_title"]) == (["Nửa"], ["keep"])


@pytest.mark.parametrize("into", ["", "status_name", "emergency_phone", "nothing", "action.ticket_title"])
def test_a_box_of_a_bulk_update_that_accepts_no_text_is_not_found(
    web: Client, bulk: BulkUpdate, into: str
) -> None:
    assert web.post(f"/bulk/{bulk.uuid}/", changes_form(web, bulk).filled(into=into)).status_code == 404


def test_enter_in_a_box_of_a_bulk_update_checks_the_tickets(web: Client, bulk: BulkUpdate) -> None:
    """HTML, implicit submission: Enter presses the first submit button of the form."""
    page = text_of(web.get(f"/bulk/{bulk.uuid}/"))

    first = re.search(r"<button[^>]*>", page[page.index("data-changes-form") :])
    assert first is not None
    assert 'class="visually-hidden"' in first[0]
    assert "name=" not in first[0]


# --- the reason of a change that has no form of its own ------------------------------------------


@pytest.fixture
def run(web: Client, bulk: BulkUpdate, lead: User, sandbox: Sandbox) -> BulkUpdate:
    """A run that has ended, of one ticket, in which the CRM emptied what it was not sent."""
    sandbox.switch(semantics="replace")
    typed = {"action.ticket_title": "set", "ticket_title": "Mới"}
    web.post(f"/bulk/{bulk.uuid}/", changes_form(web, bulk).filled(**typed))
    bulk.refresh_from_db()
    work, item = work_on(bulk, lead), bulk.items.get()
    item.bulk = work.bulk
    plan_item(work, item)
    send_item(work, item)
    BulkUpdate.objects.filter(pk=bulk.pk).update(state=BulkState.FINISHED, started_at=timezone.now())
    sandbox.switch(semantics="merge")
    return BulkUpdate.objects.get()


@pytest.fixture
def change(run: BulkUpdate) -> Change:
    """The change of that run: it can be undone, and what was lost restored."""
    return Change.objects.get()


def reason_form(web: Client, way: str, change: Change, run: BulkUpdate) -> Any:
    """Return the form with the reason's box, as its page has it."""
    pages = {
        "status": (f"{URL}status/?to=Hủy", f"{URL}status/"),
        "undo": ("/history/", f"{change.uuid}/undo/"),
        "restore": ("/history/", f"{change.uuid}/restore/"),
        "bulk undo": (f"/bulk/{run.uuid}/", f"{run.uuid}/undo/"),
        "bulk restore": (f"/bulk/{run.uuid}/", f"{run.uuid}/restore/"),
    }
    page, action = pages[way]
    answer = web.get(page)
    assert REASON in buttons(text_of(answer))
    return form_to(answer, action)


WAYS = ["status", "undo", "restore", "bulk undo", "bulk restore"]


@pytest.mark.parametrize("way", WAYS)
def test_a_reason_with_a_snippet_is_used(
    way: str, web: Client, change: Change, run: BulkUpdate, snippet: Snippet, sandbox: Sandbox
) -> None:
    Snippet.objects.update(content="a & b\n{me}")
    form, puts = reason_form(web, way, change, run), len(sandbox.puts())

    offered = web.post(form.action, form.filled(**{REASON: "vì"}, into=REASON))
    assert offered.status_code == 200
    assert f'<option value="{snippet.pk}">//b' in text_of(offered)
    again = form_to(offered, form.action)
    assert again.values[REASON] == ["vì"]

    filled = web.post(again.action, again.filled(into=REASON))
    assert "The snippet “b” was inserted at the end of “Reason for the change”." in text_of(filled)
    last = form_to(filled, form.action)
    assert last.values[REASON] == [f"vì a & b {change.actor_name}"]
    assert len(sandbox.puts()) == puts, "nothing is sent before the user says so"
    assert (Change.objects.count(), BulkUpdate.objects.count()) == (1, 1)

    sets = {"status": "Hủy"} if way == "status" else {}
    web.post(last.action, last.filled(**sets))
    made = BulkUpdate.objects.order_by("pk").last() if "bulk" in way else Change.objects.order_by("pk").last()
    assert made is not None
    assert made.pk != (run.pk if "bulk" in way else change.pk)
    assert made.change_reason == f"vì a & b {change.actor_name}"


@pytest.mark.parametrize("way", WAYS)
def test_an_uninsertable_snippet_leaves_the_reason_unchanged(
    way: str, web: Client, change: Change, run: BulkUpdate, snippet: Snippet, sandbox: Sandbox
) -> None:
    form, puts = reason_form(web, way, change, run), len(sandbox.puts())

    answer = web.post(form.action, form.filled(**{REASON: "vì"}, into=REASON, snippet="123456"))

    assert answer.status_code == 422
    assert "this snippet no longer exists" in text_of(answer)
    assert form_to(answer, form.action).values[REASON] == ["vì"]
    assert web.post(form.action, form.filled(into="ticket_title")).status_code == 404
    assert len(sandbox.puts()) == puts


def test_accepted_losses_are_carried_along(web: Client, change: Change) -> None:
    form = form_to(web.get("/history/"), f"{change.uuid}/undo/")
    typed = form.filled(accept_losing=["ticket_phone", "email"], into=REASON)

    answer = form_to(web.post(form.action, typed), form.action)

    assert answer.values["accept_losing"] == ["ticket_phone", "email"]
    assert answer.values["submission"] == form.values["submission"]


def test_enter_on_a_status_page_without_a_status_chooses_none(web: Client, snippet: Snippet) -> None:
    page = text_of(web.get(f"{URL}status/"))
    first = re.search(r"<button[^>]*>", page[page.index("data-quick") :])

    assert first is not None
    assert "disabled" in first[0]
    assert "data-snippets" not in first[0]
    offered = web.post(f"{URL}status/", {REASON: "vì", "into": REASON})
    assert form_to(offered, f"{URL}status/").values[REASON] == ["vì"]


@pytest.mark.parametrize("way", ["bulk pause", "bulk retry"])
def test_an_action_without_a_reason_accepts_no_snippet(way: str, web: Client, run: BulkUpdate) -> None:
    answer = web.post(f"/bulk/{run.uuid}/{way.removeprefix('bulk ')}/", {"into": REASON})

    assert answer.status_code == 404
    assert BulkUpdate.objects.count() == 1


def test_a_reason_required_by_a_rule_accepts_a_snippet_in_place(web: Client, sandbox: Sandbox) -> None:
    """The fragment is for scripts, so its button is not a submit button: Enter in the box tries again."""
    TicketRule.objects.create(field="status_name", value="Hủy", needs_reason=True)

    answer = web.post(f"{URL}status/", {"status": "Hủy"}, headers={"X-Requested-With": "XMLHttpRequest"})

    page = text_of(answer)
    assert answer.status_code == 422
    button = re.search(r"<button[^>]*data-snippets[^>]*>", page)
    assert button is not None
    assert 'type="button"' in button[0]
    assert f'value="{REASON}"' in button[0]
    assert f'data-code="{CODE}"' in page


# --- a further custom field ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "into"),
    [("moi", "custom_fields.moi"), ("", "new_custom_value"), ("không được", "new_custom_value")],
)
def test_the_value_of_an_additional_custom_field_accepts_a_snippet(
    key: str, into: str, web: Client, snippet: Snippet, sandbox: Sandbox, settings: Any
) -> None:
    settings.TICKET_API_READ = "off"
    Snippet.objects.update(content="a & b")
    page = web.get(URL)
    assert "new_custom_value" in buttons(text_of(page))
    typed = ticket_form(page).filled(new_custom_key=key, new_custom_value="vì", into="new_custom_value")

    offered = ticket_form(web.post(f"{URL}snippet/", typed))
    assert offered.values[into] == ["vì"]
    page = web.post(f"{URL}snippet/", offered.filled(into=into))

    form = ticket_form(page)
    assert "The snippet “b” was inserted at the end of" in text_of(page)
    assert form.values[into] == ["vì a & b"]
    assert form.values["new_custom_key"] == ["" if key == "moi" else key]
    assert sandbox.puts() == []


# --- more than a list holds ----------------------------------------------------------------------


def test_further_snippets_are_one_press_away(
    web: Client, lead: User, administrator: User, bulk: BulkUpdate, sandbox: Sandbox
) -> None:
    Snippet.objects.bulk_create(
        Snippet(owner=owner, name=f"n{number:03}", content="x", is_shared=True)
        for owner in (lead, administrator)
        for number in range(MAX_SNIPPETS_SHOWN // 2 + 1)
    )
    last = Snippet.objects.get(owner=administrator, name=f"n{MAX_SNIPPETS_SHOWN // 2:03}")
    places = [
        (f"/bulk/{bulk.uuid}/", lambda: changes_form(web, bulk), "ticket_title"),
        (f"{URL}snippet/", lambda: ticket_form(web.get(URL)), "ticket_title"),
        (f"{URL}status/", lambda: form_to(web.get(f"{URL}status/"), f"{URL}status/"), REASON),
    ]

    for address, form, box in places:
        first = web.post(address, form().filled(**{box: "vì"}, into=box))
        assert "Show more snippets" in text_of(first)
        assert f'<option value="{last.pk}">' not in text_of(first)
        shown = ticket_form(first) if "snippet/" in address else form_to(first, address)
        following = web.post(address, shown.filled(more_for=box))
        assert f'<option value="{last.pk}">' in text_of(following)
        assert "Show more snippets" not in text_of(following)
        again = ticket_form(following) if "snippet/" in address else form_to(following, address)
        assert again.values[box] == ["vì"]


@pytest.mark.parametrize("after", ["-1", "x", "9" * 18, "9" * 40])
def test_a_position_beyond_the_last_snippet_shows_none(after: str, web: Client, snippet: Snippet) -> None:
    answer = web.post(f"{URL}status/", {"more_for": REASON, "snippets_after": after})

    assert answer.status_code == 200
