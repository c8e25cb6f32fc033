"""Tabs for everyone's changes or the user's own: links that keep the other filters."""

import re
from collections.abc import Callable

import pytest
from django.test import Client

from tests.factories import make_run
from tests.pages import squeezed
from ticketadmin.models import BulkState, Role, User

Tabs = list[tuple[str, bool, str]]


def tabs(page: bytes) -> Tabs:
    """Return address, whether it is shown, and word of each tab."""
    found = re.findall(
        r'<a class="tabs__tab" href="([^"]+)"( aria-current="page")?>([^<]+)</a>', squeezed(page.decode())
    )
    return [
        (url.replace("&amp;", "&"), bool(current), word.replace("&#x27;", "'"))
        for url, current, word in found
    ]


@pytest.fixture
def web(lead: User, client_of: Callable[[User], Client]) -> Client:
    return client_of(lead)


@pytest.fixture
def runs(lead: User, make_person: Callable[..., User]) -> None:
    """One bulk update of the lead, one of another user."""
    other = make_person(Role.LEAD, "hoa", first_name="Hoa")
    for owner in (lead, other):
        make_run(owner, state=BulkState.DRAFT)


def test_the_tabs_of_history_keep_the_filters_and_begin_at_the_first_page(web: Client, lead: User) -> None:
    page = web.get("/history/?outcome=verified&before=12")

    assert tabs(page.content) == [
        ("?outcome=verified", True, "Everyone's"),
        (f"?outcome=verified&person={lead.pk}", False, "Mine"),
    ]
    mine = web.get(f"/history/?person={lead.pk}")
    assert [is_shown for _url, is_shown, _word in tabs(mine.content)] == [False, True]


def test_users_who_see_only_their_own_changes_get_no_tabs(
    staff: User, client_of: Callable[[User], Client]
) -> None:
    assert tabs(client_of(staff).get("/history/").content) == []


@pytest.mark.usefixtures("runs")
def test_the_tabs_of_bulk_updates_show_all_or_ones_own(web: Client, lead: User) -> None:
    everybodys = web.get("/bulk/").content
    assert everybodys.count(b'data-label="Who"') == 2
    mine_url = tabs(everybodys)[1][0]

    mine = web.get(f"/bulk/{mine_url}").content
    assert mine.count(b'data-label="Who"') == 1
    assert b"Hoa" not in mine
    assert tabs(mine) == [("?", False, "Everyone's"), (f"?person={lead.pk}", True, "Mine")]


@pytest.mark.usefixtures("runs")
def test_a_lead_without_bulk_updates_is_pointed_to_the_others(
    make_person: Callable[..., User], client_of: Callable[[User], Client]
) -> None:
    new = make_person(Role.LEAD, "moi")
    page = client_of(new).get(f"/bulk/?person={new.pk}").content.decode()

    assert "You have not started one yet" in page
