"""Values that a browser, a form or a type could change: each example that was seen, through the form."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import OperationalError
from django.test import Client, RequestFactory
from django.utils import timezone

from tests.pages import PageForm, forms_in, ticket_form
from tests.sandbox_driver import Sandbox
from tests.services.values.values import LEFT_ALONE, OPTIONS
from ticketadmin.models import CrmSnapshot, CustomField, Snapshot, User
from ticketadmin.views.error_pages import server_error

CODE = "ABCXYZ1234"
URL = f"/tickets/{CODE}/"
NAME = "custom_fields.o"


@pytest.fixture
def web(staff: User, client_of: Callable[[User], Client], sandbox: Sandbox) -> Client:
    return client_of(staff)


@pytest.fixture
def hold(web: Client, sandbox: Sandbox) -> Callable[[str, Any], PageForm]:
    """Describes the custom field `o` as a kind, has the ticket hold a value in it, and opens the ticket."""

    def held(kind: str, value: Any) -> PageForm:
        options = "\n".join(f"{value} = {label}" for value, label in OPTIONS) if "select" in kind else ""
        if kind != "raw":
            CustomField.objects.create(key="o", label="Ô", kind=kind, choices_text=options)
        sandbox.edit(CODE, custom_fields={"o": value})
        return ticket_form(web.get(URL))

    return held


def sent(sandbox: Sandbox) -> Any:
    return sandbox.puts(CODE)[-1]["custom_fields"]["o"]


def errors_of(page: Any) -> str:
    assert page.status_code == 422
    return page.content.decode().partition('class="field__errors"')[2].partition("</ul>")[0]


@pytest.mark.parametrize(("kind", "value"), LEFT_ALONE)
def test_an_untouched_value_is_not_sent(
    kind: str, value: Any, hold: Callable[..., PageForm], web: Client, sandbox: Sandbox
) -> None:
    form = hold(kind, value)

    page = web.post(URL, form.filled(ticket_title="Chỉ tiêu đề"), follow=True)

    assert "Saved and verified." in page.content.decode()
    assert sandbox.puts(CODE) == [{"ticket_code": CODE, "ticket_title": "Chỉ tiêu đề"}]


@pytest.mark.parametrize("name", ["ticket_title", "account_email", "emergency_phone"])
def test_a_line_end_in_a_one_line_standard_field_is_kept(name: str, web: Client, sandbox: Sandbox) -> None:
    sandbox.edit(CODE, **{name: "một\nhai"})
    form = ticket_form(web.get(URL))

    web.post(URL, form.filled(expected_at="2026-12-31"))

    assert sandbox.puts(CODE) == [{"ticket_code": CODE, "expected_at": "2026-12-31"}]


def test_a_colleagues_line_end_in_an_untouched_field_is_not_a_conflict(
    hold: Callable[..., PageForm], web: Client, sandbox: Sandbox
) -> None:
    form = hold("text", "Tầng 3\nPhòng 302")
    sandbox.edit(CODE, custom_fields={"o": "Tầng 4\nPhòng 402"})

    page = web.post(URL, form.filled(ticket_title="Chỉ tiêu đề"), follow=True)

    assert "Saved and verified." in page.content.decode()
    assert sandbox.ticket(CODE)["custom_fields"]["o"] == "Tầng 4\nPhòng 402"


@pytest.mark.parametrize(
    ("kind", "value", "typed", "stored"),
    [
        (
            "multi_select",
            ["A", "OLD"],
            ["", "A", "OLD", "B"],
            ["A", "OLD", "B"],
        ),  # no longer offered
        ("multi_select", [1, 2], ["", "1", "2", "A"], [1, 2, "A"]),
        ("multi_select", [{"id": 7}], ["", '{"id": 7}', "A"], [{"id": 7}, "A"]),
        ("multi_select", ["A", "A"], ["", "A", "B"], ["A", "A", "B"]),
        ("multi_select", ["A", "OLD"], ["", "A"], ["A"]),
        ("text", {"a": 1}, '{"a": 2}', {"a": 2}),
        ("yes_no", "false", "1", "true"),
        ("yes_no", False, "1", True),
        ("select", 1.0, "2", 2),
        ("select", ["1"], "2", ["2"]),
        ("epoch_date", 1735689600000, "2025-05-26", 1748192400000),
        ("epoch_date", 253402300799, "2025-05-26", 1748192400),
        ("date", "2026-02-30", "2026-03-01", "2026-03-01"),
        ("long_text", "một", "  một\n hai", "  một\n hai"),
    ],
)
def test_sent_values_keep_the_json_type_of_the_previous_value(
    kind: str,
    value: Any,
    typed: Any,
    stored: Any,
    hold: Callable[..., PageForm],
    web: Client,
    sandbox: Sandbox,
) -> None:
    form = hold(kind, value)

    page = web.post(URL, form.filled(**{NAME: typed}), follow=True)

    assert "Saved and verified." in page.content.decode()
    assert (sent(sandbox), type(sent(sandbox))) == (stored, type(stored))


@pytest.mark.parametrize(
    ("kind", "value", "typed", "said"),
    [
        ("number", None, "1.500", "Write 1500, or 1.5 if you mean a fraction."),
        ("number", None, "1,250", "Write 1250, or 1.25 if you mean a fraction."),
        ("number", None, "1,255", "Write 1255, or 1.2550 if you mean a fraction."),
        ("number", None, "1_000", "This is not a number."),
        ("number", None, "NaN", "This is not a number."),
        ("number", 1, "0.12345678901234567890", "at most 15 digits"),
        ("date", None, "0026-11-28", "Write the year with four digits"),
        ("epoch_date", None, "0026-11-28", "Write the year with four digits"),
        ("raw", 1, "NaN", "not valid JSON"),
        ("raw", 1, "1e999", "not valid JSON"),
        ("text", {"a": 1}, "chữ", "not valid JSON"),
        ("multi_select", ["OLD"], ["", "OLD", "C"], "C is not one of the options."),
    ],
)
def test_an_invalid_value_is_refused_with_its_reason_and_stays_in_its_box(
    kind: str,
    value: Any,
    typed: Any,
    said: str,
    hold: Callable[..., PageForm],
    web: Client,
    sandbox: Sandbox,
) -> None:
    form = hold(kind, value)

    page = web.post(URL, form.filled(**{NAME: typed}))

    assert said in errors_of(page)
    assert ticket_form(page).values[NAME] == form.filled(**{NAME: typed})[NAME]
    assert sandbox.puts(CODE) == []


@pytest.mark.parametrize(
    ("name", "typed", "said"),
    [
        ("ticket_title", "x" * 256, "This is 256 characters long; at most 255 are possible."),
        ("account_email", "x" * 400 + "@example.com", "This is not an e-mail address."),
        ("emergency_phone", "0" * 21, "Write 6 to 20 digits"),
    ],
)
def test_no_box_truncates_pasted_text(
    name: str, typed: str, said: str, web: Client, sandbox: Sandbox
) -> None:
    page = web.get(URL)
    form = ticket_form(page)
    assert "maxlength" not in page.content.decode().partition("data-ticket-form")[2].partition("</form>")[0]

    page = web.post(URL, form.filled(**{name: typed}))

    assert said in errors_of(page)
    assert ticket_form(page).values[name] == [typed]
    assert sandbox.puts(CODE) == []


@pytest.mark.parametrize(
    ("name", "typed", "stored"),
    [
        ("emergency_phone", "\u200b0901\u00a0234\u00a0567\u202c", "0901 234 567"),
        ("emergency_phone", "0901\u2011234\u2011567", "0901-234-567"),
        ("account_email", "\u00a0lan@example.com\ufeff", "lan@example.com"),
    ],
)
def test_invisible_characters_do_not_spoil_a_value(
    name: str, typed: str, stored: str, web: Client, sandbox: Sandbox
) -> None:
    web.post(URL, ticket_form(web.get(URL)).filled(**{name: typed}))

    assert sandbox.puts(CODE) == [{"ticket_code": CODE, name: stored}]


def test_plain_text_keeps_every_character_and_line(web: Client, sandbox: Sandbox) -> None:
    typed = "Liên hệ Lan <lan@example.com> gấp\na < b && c\n\nHết"

    page = web.post(URL, ticket_form(web.get(URL)).filled(ticket_content=typed), follow=True)

    stored = sandbox.puts(CODE)[0]["ticket_content"]
    assert stored == ("<p>Liên hệ Lan &lt;lan@example.com&gt; gấp<br>a &lt; b &amp;&amp; c</p><p>Hết</p>")
    assert "Lan &lt;lan@example.com&gt; gấp" in page.content.decode()


def test_stored_plain_text_content_is_shown_whole(web: Client, sandbox: Sandbox) -> None:
    sandbox.edit(CODE, ticket_content="Liên hệ Lan <lan@example.com> gấp\nhai\nba")

    page = web.get(URL).content.decode()

    assert "Liên hệ Lan &lt;lan@example.com&gt; gấp<br>hai<br>ba" in page


@pytest.mark.parametrize(("held", "typed"), [(" Máy in ", "Máy in"), ("Máy in  ", "Máy in")])
def test_the_outer_white_space_of_a_title_can_be_removed(
    held: str, typed: str, web: Client, sandbox: Sandbox
) -> None:
    sandbox.edit(CODE, ticket_title=held)

    web.post(URL, ticket_form(web.get(URL)).filled(ticket_title=typed))

    assert sandbox.puts(CODE) == [{"ticket_code": CODE, "ticket_title": typed}]


@pytest.mark.parametrize("emptied", ["<p></p><p> </p>", "<p><br></p>", "<p>&nbsp;</p>"])
def test_an_emptied_editor_clears_the_content(emptied: str, web: Client, sandbox: Sandbox) -> None:
    web.post(URL, ticket_form(web.get(URL)).filled(ticket_content=emptied))

    assert sandbox.puts(CODE) == [{"ticket_code": CODE, "ticket_content": ""}]


def test_without_our_database_the_page_keeps_typed_text_and_can_resend_it(
    web: Client, sandbox: Sandbox
) -> None:
    form = ticket_form(web.get(URL))
    data = form.filled(ticket_title='Tiêu đề <mới> & "cũ"', emergency_phone="0901 234 567")
    try:
        raise OperationalError("gone")
    except OperationalError:
        page = server_error(RequestFactory().post(URL, data))

    assert page.status_code == 503
    text = page.content.decode()
    assert "Tiêu đề &lt;mới&gt; &amp; &quot;cũ&quot;</textarea>" in text
    assert text.count("<textarea") == 2
    again = forms_in(page)[0]
    assert {name: again.values[name] for name in data} == data
    web.post(again.action, again.values)
    assert [put["emergency_phone"] for put in sandbox.puts(CODE)] == ["0901 234 567"]


def test_the_chosen_one_of_names_that_differ_in_case_is_sent(web: Client, sandbox: Sandbox) -> None:
    items = [{"id": 1, "name": "New"}, {"id": 2, "name": "new"}, {"id": 3, "name": "Mới "}]
    now = timezone.now()
    CrmSnapshot.objects.keep(Snapshot.STATUSES, {"items": items, "fetched_at": now.isoformat()}, at=now)
    for name in ("new", "New", "Mới "):
        web.post(URL, ticket_form(web.get(URL)).filled(status_name=name))
        web.post(f"{URL}status/", {"status": name})

    assert [put["status_name"] for put in sandbox.puts(CODE)] == ["new", "new", "New", "New", "Mới ", "Mới "]
