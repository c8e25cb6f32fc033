"""Recipes in bulk updates: filled in for each ticket by the dry run, sent as the ticket's form sends them."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from html import unescape
from typing import Any

import pytest
from django.test import Client
from django.utils import translation

from tests.pages import form_to, squeezed, ticket_form
from tests.sandbox_driver import Sandbox
from ticketadmin.models import BulkItem, BulkState, BulkUpdate, ItemOutcome, ItemReason, Plan, Recipe, User
from ticketadmin.services.bulk.dry_run import plan_item
from ticketadmin.services.bulk.items import send_item
from ticketadmin.services.bulk.seal import seal_of
from ticketadmin.services.bulk.work import work_on

CODE, OTHER, THIRD = "ABCXYZ1234", "TK240001", "TK240002"
CLOSE = [
    {"field": "status_name", "do": "set", "texts": ["Đã hoàn tất"]},
    {"field": "expected_at", "do": "working_days", "texts": ["2"]},
    {"field": "ticket_content", "do": "after", "texts": ["<p>{me}, {code}, {customer}, {today}</p>"]},
    {"field": "emergency_phone", "do": "clear", "texts": []},
]


@pytest.fixture
def web(lead: User, client_of: Callable[[User], Client], sandbox: Sandbox) -> Client:
    return client_of(lead)


@pytest.fixture
def close(lead: User) -> Recipe:
    return Recipe.objects.create(owner=lead, name="close", changes=CLOSE)


def work(bulk: BulkUpdate) -> None:
    """Do the run's items one after the other in this thread, as a worker does in several."""
    bulk.refresh_from_db()
    shared = work_on(bulk, bulk.owner)
    if bulk.state == BulkState.CHECKING:
        for item in bulk.items.all():
            plan_item(shared, item)
        bulk.state, bulk.seal = BulkState.READY, seal_of(bulk)
    else:
        for item in bulk.items.filter(plan=Plan.SEND):
            send_item(shared, item)
        bulk.state = BulkState.FINISHED
    bulk.save()


def checked(client: Client, address: str, codes: Sequence[str], **typed: str) -> BulkUpdate:
    """Choose the tickets as the search box links to them, keep the recipe of the link, and do the dry run."""
    form = form_to(client.get(address), "/bulk/new/")
    return checked_from(client, form.filled(codes="\n".join(codes)), **typed)


def checked_from(client: Client, chosen: Mapping[str, Any], **typed: str) -> BulkUpdate:
    """Post what chooses the tickets, take the recipe that came with it, and do the dry run."""
    changes = client.post("/bulk/new/", chosen)["Location"]
    bulk = BulkUpdate.objects.order_by("-id")[0]
    form = form_to(client.get(changes), f"/bulk/{bulk.uuid}/")
    answer = client.post(f"/bulk/{bulk.uuid}/", form.filled(**typed))
    assert answer.status_code == 303
    work(bulk)
    return bulk


def confirmed(client: Client, bulk: BulkUpdate) -> BulkUpdate:
    client.post(f"/bulk/{bulk.uuid}/confirm/", {"seal": bulk.seal, "in_flight": "1"})
    work(bulk)
    return bulk


def by_box(web: Client, codes: Sequence[str], recipe: Recipe) -> BulkUpdate:
    leads_to = web.get("/go/", {"q": f"{' '.join(codes)} /{recipe.name}"})["Location"]
    return checked(web, leads_to, codes)


def by_ticked_rows(web: Client, codes: Sequence[str], recipe: Recipe) -> BulkUpdate:
    """The boxes of the rows and the choice of recipe belong to one form, which needs no script."""
    page = squeezed(web.get("/tickets/").content.decode())
    assert '<select class="list__recipe" name="recipe" form="bulk-selection"' in page
    assert f'<option value="{recipe.pk}">{recipe.name}</option>' in page
    assert all(f'name="code" value="{code}" form="bulk-selection"' in page for code in codes)
    return checked_from(web, {"code": codes, "recipe": recipe.pk})


def by_all_that_match(web: Client, codes: Sequence[str], recipe: Recipe) -> BulkUpdate:
    """A row that happens to be ticked does not limit what the button names."""
    query = f"codes={','.join(codes)}"
    page = squeezed(web.get(f"/tickets/?{query}").content.decode())
    found = re.search(r'name="matching" value="([^"]*)"', page)
    assert found, page
    return checked_from(web, {"matching": unescape(found[1]), "recipe": recipe.pk, "code": codes[0]})


@pytest.mark.parametrize("way", [by_box, by_ticked_rows, by_all_that_match])
def test_a_run_sends_the_same_bytes_as_the_tickets_own_form(
    way: Callable[[Client, Sequence[str], Recipe], BulkUpdate], web: Client, sandbox: Sandbox, close: Recipe
) -> None:
    codes = [CODE, OTHER]
    tickets = {code: sandbox.ticket(code) for code in codes}
    by_form = {}
    for code in codes:
        page = web.get(f"/tickets/{code}/recipe/", {"recipe": close.pk})
        web.post(f"/tickets/{code}/", ticket_form(page).filled())
        by_form[code] = sandbox.puts(code)[-1]
        sandbox.store(code, tickets[code])

    bulk = confirmed(web, way(web, codes, close))

    assert {item.ticket_code: item.outcome for item in bulk.items.all()} == dict.fromkeys(
        codes, ItemOutcome.VERIFIED
    )
    for code in codes:
        assert json.dumps(sandbox.puts(code)[-1]) == json.dumps(by_form[code])
        assert code in by_form[code]["ticket_content"]


@pytest.mark.parametrize("do", ["before", "after"])
def test_the_dry_run_shows_the_addition_to_a_long_content(
    do: str, web: Client, sandbox: Sandbox, lead: User
) -> None:
    added = {"field": "ticket_content", "do": do, "texts": ["<p>Đã xong {code}</p>"]}
    recipe = Recipe.objects.create(owner=lead, name="long", changes=[added])
    sandbox.edit(CODE, ticket_content=f"<p>{'Nội dung dài. ' * 60}</p>")

    bulk = checked(web, f"/bulk/new/?recipe={recipe.pk}", [CODE])
    page = squeezed(web.get(f"/bulk/{bulk.uuid}/").content.decode())

    shown = re.findall(r"<(?:del|ins) class=.value--\w+.>(.*?)</", page)
    assert [f"Đã xong {CODE}" in text for text in shown] == [False, True]
    assert all(len(text) < 120 for text in shown)


def test_values_set_in_the_form_win_over_the_recipe_and_are_named(
    web: Client, sandbox: Sandbox, close: Recipe
) -> None:
    typed = {"action.status_name": "set", "status_name": "Hủy"}
    bulk = checked(web, f"/bulk/new/?recipe={close.pk}", [CODE], **typed)
    page = web.get(f"/bulk/{bulk.uuid}/").content.decode()
    confirmed(web, bulk)

    assert "has values of its own for them: Status." in page
    assert sandbox.puts(CODE)[0]["status_name"] == "Hủy"
    assert "expected_at" in sandbox.puts(CODE)[0]


def test_tickets_that_the_recipe_cannot_fill_are_named_and_left_out(
    web: Client, sandbox: Sandbox, close: Recipe
) -> None:
    codes = [CODE, OTHER, THIRD]
    sandbox.edit(codes[1], account_name="")

    bulk = checked(web, f"/bulk/new/?recipe={close.pk}", codes)
    page = web.get(f"/bulk/{bulk.uuid}/").content.decode()
    confirmed(web, bulk)

    stopped = BulkItem.objects.get(reason=ItemReason.RECIPE_STOPPED)
    assert (stopped.ticket_code, stopped.plan) == (codes[1], Plan.CANNOT)
    assert "Content: The customer's name is not known here." in page.replace("&#x27;", "'")
    assert sandbox.puts(codes[1]) == []
    assert all(sandbox.puts(code) for code in (codes[0], codes[2]))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"field": "status_name", "do": "set", "texts": ["Không còn"]}, "The CRM has no “Không còn”."),
        (
            {"field": "custom_fields.gone", "do": "clear", "texts": []},
            "“custom_fields.gone” no longer exists",
        ),
    ],
)
def test_a_recipe_that_no_ticket_can_take_is_refused_before_the_dry_run(
    web: Client, lead: User, sandbox: Sandbox, change: dict[str, Any], said: str
) -> None:
    """Unless the form sets that field itself: then the recipe is left out there."""
    phone = {"field": "emergency_phone", "do": "clear", "texts": []}
    recipe = Recipe.objects.create(owner=lead, name="close", changes=[change, phone])
    changes = web.post("/bulk/new/", {"code": [CODE], "recipe": recipe.pk})["Location"]
    bulk = BulkUpdate.objects.get()
    form = form_to(page := web.get(changes), f"/bulk/{bulk.uuid}/")
    refused = web.post(
        f"/bulk/{bulk.uuid}/", form.filled(**{"action.ticket_title": "set", "ticket_title": "Mới"})
    )
    bulk.refresh_from_db()

    assert said in page.content.decode(), "the choice does not say that it cannot be used"
    assert refused.status_code == 422
    assert said in refused.content.decode()
    assert form_to(refused, f"/bulk/{bulk.uuid}/").values["ticket_title"] == ["Mới"]
    assert (bulk.state, sandbox.puts()) == (BulkState.DRAFT, [])
    if change["field"] == "status_name":
        typed = {"action.status_name": "set", "status_name": "Hủy"}
        assert web.post(f"/bulk/{bulk.uuid}/", form.filled(**typed)).status_code == 303


@pytest.mark.parametrize("worker", ["en", "vi"])
@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            {"field": "ticket_title", "do": "set", "texts": ["{customer}"]},
            {
                "en": "Title: The customer's name is not known here.",
                "vi": "Tiêu đề: Ở đây chưa biết tên khách hàng.",
            },
        ),
        (
            {"field": "ticket_title", "do": "set", "texts": ["x" * 300]},
            {"en": "Title: This is 300", "vi": "Tiêu đề: Dài 300"},
        ),
    ],
)
def test_the_reason_why_it_cannot_be_used_is_in_the_readers_language(
    lead: User,
    client_of: Callable[[User], Client],
    sandbox: Sandbox,
    change: dict[str, Any],
    said: dict[str, str],
    worker: str,
) -> None:
    web = client_of(lead)
    recipe = Recipe.objects.create(owner=lead, name="close", changes=[change])
    sandbox.edit(CODE, account_name="")
    with translation.override(worker):
        bulk = checked(web, f"/bulk/new/?recipe={recipe.pk}", [CODE])

    for language, sentence in said.items():
        User.objects.filter(pk=lead.pk).update(language=language)
        pages = [web.get(f"/bulk/{bulk.uuid}/"), web.get(f"/bulk/{bulk.uuid}/results.csv")]
        texts = ["".join(map(bytes.decode, page)).replace("&#x27;", "'") for page in pages]
        assert [text for text in texts if sentence not in text] == []
    item = bulk.items.get()
    assert (item.plan, item.reason, item.message) == (Plan.CANNOT, ItemReason.RECIPE_STOPPED, "")
    assert sandbox.puts() == []


def test_a_second_dry_run_adds_nothing_twice_and_another_choice_drops_the_recipe(
    web: Client, sandbox: Sandbox, close: Recipe
) -> None:
    bulk = checked(web, f"/bulk/new/?recipe={close.pk}", [CODE])
    first = bulk.items.get().wishes
    web.post(f"/bulk/{bulk.uuid}/again/")
    work(bulk)
    assert bulk.items.get().wishes == first

    web.post(f"/bulk/{bulk.uuid}/change/")
    form = form_to(web.get(f"/bulk/{bulk.uuid}/"), f"/bulk/{bulk.uuid}/")
    typed = {"action.status_name": "set", "status_name": "Hủy", "recipe": ""}
    web.post(f"/bulk/{bulk.uuid}/", form.filled(**typed))
    work(bulk)
    bulk.refresh_from_db()
    confirmed(web, bulk)

    assert sandbox.puts(CODE) == [{"ticket_code": CODE, "status_name": "Hủy"}]


@pytest.mark.parametrize(("name", "status"), [("again", 303), ("close", 422), ("", 422), ("x" * 61, 422)])
def test_the_changes_of_a_run_can_be_stored_as_a_recipe(
    web: Client, sandbox: Sandbox, close: Recipe, name: str, status: int
) -> None:
    typed = {"action.status_name": "set", "status_name": "Hủy"}
    bulk = confirmed(web, checked(web, f"/bulk/new/?recipe={close.pk}", [CODE], **typed))

    answer = web.post(f"/bulk/{bulk.uuid}/keep-recipe/", {"name": name})

    assert answer.status_code == status
    kept: list[Any] = list(Recipe.objects.exclude(pk=close.pk))
    if status == 303:
        said = [(one["field"], one["do"]) for one in kept[0].changes]
        assert said[0] == ("status_name", "set")
        assert ("ticket_content", "after") in said
        assert ("status_name", "set") not in said[1:]
    else:
        assert kept == []
