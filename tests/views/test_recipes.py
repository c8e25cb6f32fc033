"""Recipes: written, filled into a ticket's form, and sent only by the user."""

import json
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from tests.pages import form_to, ticket_form
from tests.sandbox_driver import Sandbox
from ticketadmin.models import AuditAction, AuditEntry, Change, CustomField, Draft, Recipe, User
from ticketadmin.services.recipes.keep import MAX_RECIPES, recipes_named

CODE = "ABCXYZ1234"
URL = f"/tickets/{CODE}/"
USE = f"{URL}recipe/"
CLOSE = [
    {"field": "status_name", "do": "set", "texts": ["Đã hoàn tất"]},
    {"field": "expected_at", "do": "days", "texts": ["0"]},
    {"field": "ticket_content", "do": "after", "texts": ["<p>{me} &lt;3 {code}</p>"]},
]


@pytest.fixture
def web(staff: User, client_of: Callable[[User], Client], sandbox: Sandbox) -> Client:
    return client_of(staff)


@pytest.fixture
def close(staff: User) -> Recipe:
    return recipe_of(staff, "close", CLOSE)


def recipe_of(owner: User, name: str, changes: Sequence[dict[str, Any]], **values: Any) -> Recipe:
    return Recipe.objects.create(owner=owner, name=name, changes=list(changes), **values)


def used(client: Client, recipe: Recipe, then: str = "look", **typed: str | list[str]) -> Any:
    form = ticket_form(client.get(URL))
    return client.post(USE, {**form.filled(**typed), "recipe": recipe.pk, "then": then}, follow=True)


def test_search_box_page_and_apply_and_save_send_the_same_bytes(
    web: Client, sandbox: Sandbox, close: Recipe
) -> None:
    """Each fills the form of the same ticket; what the form sends is byte for byte the same."""
    ticket = sandbox.ticket(CODE)
    sent = []

    leads_to = web.get("/go/", {"q": f"{CODE} /close"})
    by_box = ticket_form(web.get(leads_to["Location"]))
    web.post(URL, by_box.filled())
    sent.append(sandbox.puts()[-1])
    sandbox.store(CODE, ticket)
    by_page = ticket_form(used(web, close))
    web.post(URL, by_page.filled())
    sent.append(sandbox.puts()[-1])
    sandbox.store(CODE, ticket)
    used(web, close, "save")
    sent.append(sandbox.puts()[-1])

    assert len(sandbox.puts()) == 3
    assert len({json.dumps(one, ensure_ascii=False) for one in sent}) == 1
    assert sent[0]["status_name"] == "Đã hoàn tất"
    assert sent[0]["expected_at"] == timezone.localdate().isoformat()
    assert sent[0]["ticket_content"].endswith(f"&lt;3 {CODE}</p>")
    assert sent[0].keys() == {"ticket_code", "status_name", "expected_at", "ticket_content"}


def test_filling_in_sends_nothing_and_shows_what_would_be_sent(
    web: Client, sandbox: Sandbox, close: Recipe
) -> None:
    page = used(web, close).content.decode()

    assert sandbox.puts() == []
    assert Change.objects.count() == 0
    assert "The recipe “close” filled in: Status, Expected date, Content." in page
    assert "What would be sent" in page


@pytest.mark.parametrize("then", ["look", "save"])
def test_typed_values_stay_and_are_named(web: Client, sandbox: Sandbox, close: Recipe, then: str) -> None:
    page = used(web, close, then, status_name="Hủy", ticket_title="Nửa chừng")
    form = ticket_form(page)

    assert form.values["status_name"] == ["Hủy"]
    assert form.values["ticket_title"] == ["Nửa chừng"]
    assert form.values["expected_at"] == [timezone.localdate().isoformat()]
    assert "Kept as you typed: Status." in page.content.decode()
    assert sandbox.puts() == [], "apply and save would send half-typed text"
    assert Draft.objects.get().inputs["ticket_title"] == ["Nửa chừng"]


def test_a_text_is_added_to_what_was_typed(web: Client, sandbox: Sandbox, staff: User) -> None:
    added = recipe_of(staff, "sign", [{"field": "ticket_content", "do": "before", "texts": ["<p>Chào</p>"]}])

    form = ticket_form(used(web, added, ticket_content="<p>Nửa chừng</p>"))

    assert form.values["ticket_content"] == ["<p>Chào</p><p>Nửa chừng</p>"]


@pytest.mark.parametrize("then", ["look", "save"])
@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"field": "status_name", "do": "set", "texts": ["Không còn"]}, "Status:"),
        ({"field": "custom_fields.gone", "do": "set", "texts": ["x"]}, "no longer exists"),
        ({"field": "ticket_title", "do": "set", "texts": ["{customer}"]}, "name is not known here"),
        ({"field": "ticket_title", "do": "clear", "texts": []}, "Title: This field cannot be empty."),
        ({"field": "expected_at", "do": "set", "texts": ["2026-02-30"]}, "Expected date:"),
    ],
)
def test_a_recipe_that_cannot_be_used_fills_in_nothing(
    web: Client, sandbox: Sandbox, staff: User, change: dict[str, Any], said: str, then: str
) -> None:
    sandbox.edit(CODE, account_name="")
    recipe = recipe_of(
        staff, "broken", [{"field": "emergency_phone", "do": "set", "texts": ["0999999999"]}, change]
    )
    before = ticket_form(web.get(URL))

    page = used(web, recipe, then, account_email="nua@chung.vn")
    form = ticket_form(page)

    assert page.status_code == 422
    assert said in page.content.decode()
    assert "was not used" in page.content.decode()
    assert sandbox.puts() == []
    assert form.values["account_email"] == ["nua@chung.vn"]
    assert form.values["emergency_phone"] == before.values["emergency_phone"]


def test_a_customers_name_is_escaped_text(web: Client, sandbox: Sandbox, staff: User) -> None:
    sandbox.edit(CODE, account_name='<img src=x onerror="1"> {me} & Con')
    greet = recipe_of(
        staff, "greet", [{"field": "ticket_content", "do": "set", "texts": ["<p>Chào {customer}</p>"]}]
    )

    used(web, greet, "save")

    assert sandbox.puts()[0]["ticket_content"] == ('<p>Chào &lt;img src=x onerror="1"&gt; {me} &amp; Con</p>')


def test_nothing_is_added_to_an_unknown_content(web: Client, sandbox: Sandbox, close: Recipe) -> None:
    sandbox.switch(read_right="403")

    page = used(web, close, "save").content.decode()

    assert "nothing can be added to it" in page
    assert sandbox.puts() == []


def test_a_recipe_of_another_user_is_not_found(web: Client, sandbox: Sandbox, lead: User) -> None:
    private = recipe_of(lead, "private", CLOSE)
    shared = recipe_of(lead, "everybody", CLOSE, is_shared=True)

    assert "no longer exists" in used(web, private, "save").content.decode()
    assert sandbox.puts() == []
    assert "filled in" in used(web, shared).content.decode()
    for address in (f"/recipes/{private.pk}/", f"/recipes/{shared.pk}/"):
        assert web.get(address).status_code == 404
    assert web.post(f"/recipes/{shared.pk}/delete/").status_code == 404


def write(client: Client, address: str = "/recipes/new/", **typed: str | list[str]) -> Any:
    form = form_to(client.get(address), address)
    return client.post(address, form.filled(**{name.replace("__", "."): one for name, one in typed.items()}))


def test_a_recipe_is_created_changed_and_deleted(web: Client, staff: User) -> None:
    fields = {"action.status_name": "set", "status_name": "hủy", "action.expected_at": "working_days"}
    made = write(web, name="close", **fields, **{"days.expected_at": "3"})
    recipe = Recipe.objects.get()

    assert made.status_code == 303
    assert [(one["field"], one["do"], one["texts"]) for one in recipe.changes] == [
        ("status_name", "set", ["hủy"]),
        ("expected_at", "working_days", ["3"]),
    ]
    page = web.get("/recipes/").content.decode()
    assert "Expected date: 3 working days after the day of use" in page
    assert write(web, f"/recipes/{recipe.pk}/", name="done").status_code == 303
    recipe.refresh_from_db()
    assert (recipe.name, len(recipe.changes)) == ("done", 2)
    assert web.post(f"/recipes/{recipe.pk}/delete/").status_code == 303
    assert not Recipe.objects.exists()


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ({"name": ""}, "Give the recipe a name"),
        ({"name": "x" * 61}, "60"),
        ({"name": "x"}, "Choose at least one change."),
        ({"name": "x", "action.status_name": "set"}, "Type the value to set"),
        ({"name": "x", "action.status_name": "set", "status_name": "Không có"}, "Không có"),
        ({"name": "x", "action.expected_at": "days"}, "Write the number of days."),
        ({"name": "x", "action.expected_at": "days", "days.expected_at": "1001"}, "1000"),
        ({"name": "x", "action.ticket_title": "set", "ticket_title": "{name}"}, "no placeholder {name}"),
        ({"name": "x", "action.account_email": "set", "account_email": "{me}"}, "takes no placeholder"),
        ({"name": "x", "ticket_title": "Typed"}, "but “Keep” is chosen"),
        ({"name": "x", "action.ticket_content": "set", "ticket_content": "a" * 20_001}, "20000"),
        ({"name": "taken", "action.emergency_phone": "clear"}, "another recipe of this name"),
    ],
)
def test_an_invalid_recipe_is_shown_again_with_everything_in_it(
    web: Client, staff: User, typed: dict[str, str], said: str
) -> None:
    recipe_of(staff, "taken", CLOSE)

    page = write(web, **typed)
    form = form_to(page, "/recipes/new/")

    assert page.status_code == 422
    assert said in page.content.decode().replace("1,000", "1000").replace("20,000", "20000")
    assert all(form.values[name] == [value] for name, value in typed.items())
    assert Recipe.objects.count() == 1


def test_recipes_of_a_user_are_limited_in_number(web: Client, staff: User) -> None:
    Recipe.objects.bulk_create(
        Recipe(owner=staff, name=f"r{number}", changes=CLOSE) for number in range(MAX_RECIPES)
    )

    page = write(web, name="one more", **{"action.emergency_phone": "clear"})

    assert page.status_code == 422
    assert "which is the most" in page.content.decode()
    assert Recipe.objects.count() == MAX_RECIPES


def test_leads_share_and_staff_cannot(web: Client, lead: User, client_of: Callable[[User], Client]) -> None:
    fields = {"action.emergency_phone": "clear", "is_shared": "on"}

    write(web, name="mine", **fields)
    write(client_of(lead), name="all", **fields)

    assert [(one.name, one.is_shared) for one in Recipe.objects.all()] == [("all", True), ("mine", False)]
    assert AuditEntry.objects.get(action=AuditAction.SETTING_CREATED).target_name == "all"


def test_a_recipe_says_what_is_gone_where_it_is_used(web: Client, staff: User, sandbox: Sandbox) -> None:
    field = CustomField.objects.create(key="colour", label="Colour", kind="text")
    recipe_of(staff, "paint", [{"field": "custom_fields.colour", "do": "set", "texts": ["red"]}])
    field.delete()

    for address in (URL, "/recipes/"):
        assert "no longer exists" in web.get(address).content.decode()


@pytest.mark.parametrize(
    ("typed", "leads_to"),
    [
        (f"{CODE} /clo", f"{USE}?recipe="),
        (f"{CODE} /CLOSE", f"{USE}?recipe="),
        (f"{CODE} /nothing", URL),
        (f"{CODE} /", "/recipes/"),
        ("please /close", "/tickets/?text="),
    ],
)
def test_the_search_box_leads_to_the_recipe(web: Client, close: Recipe, typed: str, leads_to: str) -> None:
    assert web.get("/go/", {"q": typed})["Location"].startswith(leads_to)


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("dong", ["Đóng phiếu", "Đông lạnh"]),
        ("đóng", ["Đóng phiếu"]),
        ("ĐÓNG PHIẾU", ["Đóng phiếu"]),
        ("dong phieu", ["Đóng phiếu"]),
        ("phieu", []),
        (" ", []),
    ],
)
def test_diacritics_of_a_recipe_may_be_left_out(staff: User, typed: str, found: list[str]) -> None:
    for name in ("Đóng phiếu", "Đông lạnh"):
        recipe_of(staff, name, CLOSE)

    assert sorted(one.name for one in recipes_named(staff, typed)) == sorted(found)


def test_a_deleted_recipe_is_not_named(web: Client, sandbox: Sandbox) -> None:
    page = web.get(USE, {"recipe": 99_999})

    assert page.status_code == 422
    assert "No recipe was used." in page.content.decode()
    assert "under Recipes" not in page.content.decode()


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        (f"{CODE} /nothing", "You have no recipe whose name begins with “nothing”."),
        (f"{CODE} /cl", "Several recipes have a name that begins with “cl”: choose one."),
        (
            f"{CODE} TK240001 /close",
            "A recipe for several tickets is a bulk update, which your role does not",
        ),
        (f"{CODE} /{'n' * 100}", f"begins with “{'n' * 59}…”"),
    ],
)
def test_the_search_box_says_why_no_recipe_is_filled_in(
    web: Client, close: Recipe, staff: User, typed: str, said: str
) -> None:
    recipe_of(staff, "clear", CLOSE)

    page = web.get("/go/", {"q": typed}, follow=True)

    assert page.status_code == 200
    assert CODE in page.request["PATH_INFO"] + page.request["QUERY_STRING"]
    assert said in page.content.decode()


def test_a_lead_continues_to_the_tickets_of_a_missing_recipe(
    lead: User, client_of: Callable[[User], Client], sandbox: Sandbox
) -> None:
    page = client_of(lead).get("/go/", {"q": f"{CODE} TK240001 /nothing"}, follow=True)

    assert page.request["PATH_INFO"] == "/bulk/new/"
    assert "You have no recipe whose name begins with “nothing”." in page.content.decode()
    assert f"{CODE}\nTK240001" in page.content.decode()


def test_the_search_box_suggests_recipes(web: Client, close: Recipe) -> None:
    page = web.get("/suggest/", {"q": f"{CODE} /c"}).content.decode()

    assert f"{USE}?recipe={close.pk}" in page
