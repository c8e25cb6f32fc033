"""Chromium checks the browser model that decides what is untouched: `services/values/browser.py`."""

import json
import random
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import parse_qs

import pytest
from django import forms
from django.template.loader import render_to_string
from playwright.sync_api import Browser, Route, expect

from tests.e2e.conftest import Tab, next_page
from tests.live import LiveServer
from tests.sandbox_driver import Sandbox
from tests.services.values.values import CUSTOM_KINDS, FIELDS, OPTIONS, VALUES
from ticketadmin.forms.boxes import make_box
from ticketadmin.forms.rendering import PLAIN_WIDGETS
from ticketadmin.services.values.browser import posted_texts
from ticketadmin.services.values.fields import Field, Kind
from ticketadmin.services.values.inputs import to_inputs, widget_of
from ticketadmin.services.values.schema import TicketSchema

pytestmark = pytest.mark.browser
JUDGE = "http://judge.test/"
GENERATED = 2_500
LETTERS = "ab1. \t\n\r\0\u00a0\u200b\u2028\u202e\ufeff\ufffe<>&\"'`=/é\u0301中😀\ud800"


class ManyWidgets(forms.Form):
    """Every kind of widget with every value: for this test alone."""

    default_renderer = PLAIN_WIDGETS

    def __init__(self, held: dict[str, tuple[Field, Any]]) -> None:
        super().__init__()
        for name, (field, value) in held.items():
            self.fields[name] = make_box(field, to_inputs(field, value), TicketSchema(), is_known=True)


def generated(seed: int) -> Iterator[tuple[Field, Any]]:
    chance = random.Random(seed)  # noqa: S311 - no secret

    def text() -> str:
        return "".join(chance.choices(LETTERS, k=chance.randrange(12)))

    for _each in range(GENERATED):
        values: list[Any] = [text(), [text(), text()], {text(): text()}]
        yield chance.choice(FIELDS), chance.choice(values)


def test_chromium_posts_what_the_model_predicts_for_thousands_of_widgets(isolated_browser: Browser) -> None:
    seed = random.randrange(10**6)  # noqa: S311 - no secret
    pairs = [*((field, value) for field in FIELDS for value in VALUES), *generated(seed)]
    held = {f"w{at}": pair for at, pair in enumerate(pairs)}
    form = ManyWidgets(held)
    boxes = "".join(render_to_string("ticketadmin/field.html", {"field": form[name]}) for name in held)
    page = f'<!doctype html><meta charset="utf-8"><form method="post">{boxes}<button>Send</button></form>'
    posts: list[str] = []

    def answer(route: Route) -> None:
        if route.request.method == "POST":
            posts.append(route.request.post_data or "")
        route.fulfill(body=page if not posts else "", content_type="text/html; charset=utf-8")

    context = isolated_browser.new_context(java_script_enabled=False)
    tab = context.new_page()
    tab.route(JUDGE, answer)
    tab.goto(JUDGE)
    tab.get_by_role("button", name="Send").click()
    tab.wait_for_url(JUDGE)
    context.close()

    posted = parse_qs(posts[0], keep_blank_values=True, max_num_fields=100_000)
    wrong = []
    for name, (field, value) in held.items():
        shown = to_inputs(field, value)
        expected = posted_texts(widget_of(field, shown), shown)
        if sorted(posted.get(name, [])) != sorted(expected):  # boxes are posted in the order of the page
            wrong.append((field.kind, value, expected, posted.get(name)))
    assert wrong == [], f"seed {seed}"
    assert len(held) > 4_000


# --- tickets full of values ----------------------------------------------------------------------

KINDS = (*CUSTOM_KINDS, "free")
BOXES = 300  # each page costs what it costs without them, too
AT_ONCE = BOXES // len(KINDS)
CODE = "ABCXYZ1234"
ODD = [value for value in VALUES if "\\ud" not in json.dumps(value)]  # the stand-in's database is in UTF-8
TICKETS = -(-len(ODD) // AT_ONCE)
FIRST, REST = range(2), range(2, TICKETS)
assert len(ODD) >= 150


@pytest.fixture(scope="module")
def described(live: LiveServer) -> Iterator[None]:
    """Custom fields of every kind, as many of each; the raw ones stay without a description."""
    made = [_definition(at) for at in range(BOXES) if KINDS[at % len(KINDS)] is not Kind.RAW]
    create = f"C.objects.bulk_create([C(**one) for one in {made!r}])"
    live.execute(f"from ticketadmin.models import CustomField as C; {create}")
    yield
    gone = "C.objects.filter(key__regex='^k[0-9]+$').delete()"
    live.execute(f"from ticketadmin.models import CustomField as C; {gone}")


def _definition(at: int) -> dict[str, Any]:
    kind = KINDS[at % len(KINDS)]
    options = "\n".join(f"{value}={label}" for value, label in OPTIONS) if "select" in kind else ""
    kind = Kind.SELECT if kind == "free" else kind
    return {"key": f"k{at}", "label": f"K{at}", "kind": str(kind), "order": at, "choices_text": options}


def values_of(ticket: int) -> dict[str, Any]:
    """Return a value for each field: as many for each kind, in their order; the next ticket has others."""
    start = ticket * AT_ONCE
    return {f"k{at}": ODD[(start + at // len(KINDS)) % len(ODD)] for at in range(BOXES)}


@pytest.mark.usefixtures("described")
@pytest.mark.parametrize(
    "tickets", [FIRST, pytest.param(REST, marks=pytest.mark.slow)], ids=["first", "rest"]
)
def test_with_only_the_title_changed_only_the_title_is_sent(
    tickets: range, tab_of: Callable[..., Tab], live_sandbox: Sandbox
) -> None:
    """Alone, and then with every other field changed in the CRM since the page was shown."""
    tab = tab_of("staff")
    live_sandbox.edit(CODE, custom_fields=values_of(tickets[0]))
    page = tab.goto(f"/tickets/{CODE}/")
    for shown in tickets:  # what the page of a save shows is what the next save begins with
        for held in (shown, shown + 1):
            live_sandbox.edit(CODE, custom_fields=values_of(held))
            live_sandbox.forget_log()
            title = f"Chỉ tiêu đề {shown} {held}"
            page.get_by_label("Title", exact=True).fill(title)
            with next_page(page):
                page.get_by_role("button", name="Save", exact=True).click()
            expect(page.get_by_role("status").filter(has_text="Saved and verified.")).to_be_visible()

            assert live_sandbox.puts(CODE) == [{"ticket_code": CODE, "ticket_title": title}], (shown, held)
