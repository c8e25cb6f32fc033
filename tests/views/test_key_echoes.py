"""A CRM that repeats the key somewhere, in any spelling: it reaches no page, no file, no row.

One place a test, which holds every spelling. What is searched is decoded in each way that a reader or a
browser would decode it.
"""

import html
import json
import re
from collections.abc import Callable, Collection, Iterable
from typing import Any
from urllib.parse import unquote

import pytest
from django.apps import apps
from django.core import serializers
from django.core.management import CommandError
from django.test import Client

from tests.lists import forget_lists
from tests.pages import ticket_form
from tests.sandbox_driver import KEY, Sandbox
from tests.swept import sweep
from ticketadmin.models import User

CODE = "ABCXYZ1234"
SPELLINGS: dict[str, Callable[[str], str]] = {
    "as it is": str,
    "JSON": lambda one: f"\\u{ord(one):04X}",
    "JSON in JSON": lambda one: f"\\\\u{ord(one):04x}",
    "HTML": lambda one: f"&#{ord(one)};",
    "HTML in HTML": lambda one: f"&amp;#x{ord(one):X};",
    "percent": lambda one: f"%{ord(one):02X}",
    "HTML in JSON": lambda one: f"\\u0026#{ord(one)};",
}
# Where a ticket that is read holds it; KEY stands for a spelling of the key.
IN_TICKET = {
    "title": {"ticket_title": "a KEY b"},
    "content": {"ticket_content": "<p>KEY</p>"},
    "link": {"ticket_content": '<a href=\\"https://example.com/?key=KEY\\">x</a>'},
    "host of a link": {"ticket_content": '<a href=\\"https://KEY.example.com\\">x</a>'},
    "image": {"ticket_content": '<img src=\\"https://example.com/KEY.png\\" alt=\\"KEY\\">'},
    "attribute": {"ticket_content": '<p title=\\"KEY\\">x</p>'},
    "comment": {"ticket_content": "<!-- KEY -->x"},
    "e-mail": {"account_email": "KEY@example.com"},
    "category": {"cate_name": "KEY"},
    "status": {"status_name": "KEY"},
    "date": {"expected_at": "2026-KEY"},
    "phone": {"emergency_phone": "KEY"},
    "customer": {"account_name": "KEY"},
    "updated": {"updated_at": "KEY"},
}
RAW_TICKET = {
    "custom value": '"custom_fields": {"note": "KEY"}',
    "custom key": '"custom_fields": {"KEY": "x"}',
    "custom list": '"custom_fields": {"note": ["KEY", {"KEY": "KEY"}]}',
    "custom fields in a string": '"custom_fields": "{\\"note\\": \\"KEY\\"}"',
    "unknown field": '"KEY": "KEY"',
}
# Each place by itself takes long: every run has one of each kind, and all texts of a ticket at once.
AT_ONCE = "all texts at once"
IN_TICKET[AT_ONCE] = {name: value for one in IN_TICKET.values() for name, value in one.items()} | {
    "ticket_content": "".join(one["ticket_content"] for one in IN_TICKET.values() if "ticket_content" in one)
}
BY_ITSELF = {AT_ONCE, "content", "link", "date"} | RAW_TICKET.keys()
ANSWERS = {
    **{
        f"message of a {status}": (status, '{"message": "bad KEY"}')
        for status in (400, 401, 403, 404, 409, 422, 429, 500, 503)
    },
    "message of a field": (422, '{"errors": {"ticket_title": ["bad KEY"]}}'),
    "name of a field": (422, '{"errors": {"KEY": ["bad"]}}'),
    "message of a custom field": (422, '{"errors": {"custom_fields": {"KEY": "KEY"}}}'),
    "list of errors": (422, '{"errors": ["KEY"]}'),
    "error in a success": (200, '{"error": "KEY"}'),
    "message of a success": (200, '{"message": "KEY", "data": {"ticket_code": "ABCXYZ1234"}}'),
    "code of a success": (200, '{"message": "x", "data": {"ticket_code": "KEY"}}'),
    "web page": (500, "<html><title>KEY</title><p>KEY</p></html>"),
    "web page in a success": (200, "<html><p>KEY</p></html>"),
    "plain text": (400, "X-API-KEY: KEY"),
    "broken JSON": (400, '{"message": "KEY"'),
}
OTHER_STATUSES = {f"message of a {status}" for status in (401, 404, 409, 503)}
LISTS = {
    "categories": ("/ticket/categories", '{"data": [{"id": 1, "cate_name": "KEY"}]}'),
    "statuses": ("/ticket/status", '{"data": [{"id": 1, "status_name": "KEY"}]}'),
    "title in the list": ("/tickets", '{"data": [{"ticket_code": "T1", "ticket_title": "KEY"}]}'),
    "customer in the list": ("/tickets", '{"data": [{"ticket_code": "T1", "account_name": "KEY"}]}'),
    "refused list": ("/tickets", '{"data": "KEY"}'),
}
PAGES = ("/tickets/", f"/tickets/{CODE}/", "/history/", "/history/changes.csv", "/connection/")
SPELLED = " ".join("".join(map(spell, KEY)) for spell in SPELLINGS.values())


def in_every_run(places: Iterable[str], chosen: Collection[str]) -> list[Any]:
    """Return the places as parameters; those that are not chosen are tried in the slow group."""
    return [one if one in chosen else pytest.param(one, marks=pytest.mark.slow) for one in places]


@pytest.fixture
def web(administrator: User, client_of: Callable[[User], Client], sandbox: Sandbox) -> Client:
    return client_of(administrator)


def assert_nowhere(client: Client, *pages: str) -> None:
    """Search pages, downloads and every row of the database, in each way of decoding them."""
    texts = [*pages]
    for address in PAGES:
        answer = client.get(address)
        texts.append(b"".join(answer).decode())
    for model in apps.get_models():
        texts.append(serializers.serialize("json", model.objects.all(), ensure_ascii=False))
    found = [decoded for text in texts for decoded in decodings(text) if KEY in decoded]
    assert [text[max(0, text.index(KEY) - 80) :][:200] for text in found] == []


def decodings(text: str) -> list[str]:
    unescaped = re.sub(r"\\+u00([0-9A-Fa-f]{2})", lambda match: chr(int(match[1], 16)), text)
    once = html.unescape(unescaped)
    twice = html.unescape(once)
    return [text, unescaped, once, twice, unquote(text), unquote(once)]


def test_the_leak_search_finds_each_spelling() -> None:
    for spell in SPELLINGS.values():
        spelled = "".join(map(spell, KEY))
        assert any(KEY in decoded for decoded in decodings(f"<p>{spelled}</p>"))


@pytest.mark.parametrize("place", in_every_run([*IN_TICKET, *RAW_TICKET], BY_ITSELF))
def test_no_key_is_shown_from_a_ticket(place: str, web: Client, sandbox: Sandbox) -> None:
    members = [f'"{name}": "{value}"' for name, value in IN_TICKET.get(place, {}).items()]
    members += [RAW_TICKET[place]] if place in RAW_TICKET else []
    ticket = '{"data": {"id": 1, "ticket_code": "ABCXYZ1234", ' + ", ".join(members) + "}}"
    body = ticket.replace("KEY", SPELLED)
    sandbox.fault("status", path="/ticket", method="GET", times=None, status=200, body=body)

    page = web.get(f"/tickets/{CODE}/")
    form = ticket_form(page)
    preview = web.post(f"/tickets/{CODE}/preview/", form.filled(emergency_phone="0909 111 222"))
    saved = web.post(f"/tickets/{CODE}/", form.filled(emergency_phone="0909 111 222"), follow=True)

    assert page.status_code == 200
    assert_nowhere(web, *(answer.content.decode() for answer in (page, preview, saved)))


@pytest.mark.parametrize("place", in_every_run(ANSWERS, ANSWERS.keys() - OTHER_STATUSES))
def test_no_key_is_shown_from_an_answer_to_a_save(place: str, web: Client, sandbox: Sandbox) -> None:
    status, body = ANSWERS[place]
    form = ticket_form(web.get(f"/tickets/{CODE}/"))
    body = body.replace("KEY", SPELLED)
    sandbox.fault("status", method="PUT", times=None, status=status, body=body)

    saved = web.post(f"/tickets/{CODE}/", form.filled(ticket_title="x"), follow=True)

    assert_nowhere(web, saved.content.decode())


@pytest.mark.parametrize("place", LISTS)
def test_no_key_is_shown_from_a_list(place: str, web: Client, sandbox: Sandbox, settings: Any) -> None:
    settings.TICKET_INDEX_PER_SECOND = 1_000_000.0
    path, body = LISTS[place]
    sandbox.fault("status", path=path, times=None, status=200, body=body.replace("KEY", SPELLED))
    forget_lists()
    said = ""
    try:
        sweep()
    except CommandError as error:  # about the list without rows
        said = str(error)

    assert_nowhere(web, said, web.get("/tickets/", {"refresh": "1"}).content.decode())
    assert any(call.path.endswith(path) for call in sandbox.log("GET"))


def test_the_table_has_all_known_places() -> None:
    assert len(IN_TICKET) + len(RAW_TICKET) + len(ANSWERS) + len(LISTS) >= 35
    assert json.loads('"' + "".join(map(SPELLINGS["JSON"], KEY)) + '"') == KEY
