"""A ticket's neighbours: the others of its customer, and the way through the list that one came from."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from tests.sandbox_driver import Sandbox
from ticketadmin.models import User

SCRIPT = {"X-Requested-With": "XMLHttpRequest"}


@pytest.fixture
def web(staff: User, client_of: Callable[[User], Client], sandbox: Sandbox, settings: Any) -> Client:
    settings.TICKET_INDEX_PER_SECOND = 1_000_000.0
    call_command("index", "--sweep")
    return client_of(staff)


def in_order(sandbox: Sandbox, customer: str) -> list[str]:
    """Return a customer's tickets, by their numbers."""
    tickets = [sandbox.ticket(code) for code in sandbox.codes()]
    own = [one for one in tickets if one["account_name"] == customer]
    return [one["ticket_code"] for one in sorted(own, key=lambda one: int(one["id"]))]


def test_five_others_of_the_customer_are_beside_the_form_and_a_link_to_all(
    web: Client, sandbox: Sandbox
) -> None:
    code = sandbox.codes()[20]
    customer = sandbox.ticket(code)["account_name"]

    page = web.get(f"/tickets/{code}/").content.decode()

    panel = page.split('id="customer-title"')[1].split("</section>")[0]
    found = re.findall(r'href="/tickets/([^/"]+)/"', panel)
    assert len(found) == 5
    assert code not in found
    assert {sandbox.ticket(one)["account_name"] for one in found} == {customer}
    newest = sorted((sandbox.ticket(one)["updated_at"] for one in found), reverse=True)
    assert [sandbox.ticket(one)["updated_at"] for one in found] == newest
    assert "/tickets/?customer=" in panel


def test_a_ticket_knows_its_place_in_the_list(web: Client, sandbox: Sandbox) -> None:
    codes = in_order(sandbox, "An Phát")
    middle = len(codes) // 2

    page = web.get(
        f"/tickets/{codes[middle]}/neighbours/?customer=an+phat&sort=number", headers=SCRIPT
    ).content.decode()

    links = dict(reversed(one) for one in re.findall(r'href="/tickets/([^/"]+)/" rel="(prev|next)"', page))
    assert links == {"prev": codes[middle - 1], "next": codes[middle + 1]}
    assert f"{middle + 1} of {len(codes)}" in " ".join(page.split())


@pytest.mark.parametrize(("place", "missing"), [(0, 'rel="prev"'), (-1, 'rel="next"')])
def test_the_ends_of_a_list_lead_one_way(place: int, missing: str, web: Client, sandbox: Sandbox) -> None:
    code = in_order(sandbox, "An Phát")[place]

    page = web.get(f"/tickets/{code}/neighbours/?customer=an+phat&sort=number", headers=SCRIPT)

    assert missing not in page.content.decode()
    assert 'rel="' in page.content.decode()


def test_a_ticket_outside_the_list_has_no_neighbours(web: Client, sandbox: Sandbox) -> None:
    other = next(code for code in sandbox.codes() if sandbox.ticket(code)["account_name"] != "An Phát")

    assert web.get(f"/tickets/{other}/neighbours/?customer=an+phat", headers=SCRIPT).content.strip() == b""


def test_neighbours_cost_no_remote_call_and_lead_to_the_ticket_without_a_script(
    web: Client, sandbox: Sandbox
) -> None:
    code = sandbox.codes()[9]
    sandbox.forget_log()

    assert web.get(f"/tickets/{code}/neighbours/", headers=SCRIPT).status_code == 200
    assert web.get(f"/tickets/{code}/neighbours/")["Location"] == f"/tickets/{code}/"
    assert sandbox.log() == []


def test_opening_a_ticket_again_costs_eleven_queries(web: Client, sandbox: Sandbox) -> None:
    code = sandbox.codes()[20]
    web.get(f"/tickets/{code}/")  # its row in the index came from the list; from now on the ticket's own read
    with CaptureQueriesContext(connection) as queries:
        page = web.get(f"/tickets/{code}/").content.decode()

    assert 'id="customer-title"' in page
    found = [one["sql"] for one in queries if "\"name\" = 'circuit'" not in one["sql"]]
    assert [sql for sql in found if "SAVEPOINT" in sql] == []
    assert len(found) <= 11, found


def test_a_customer_whose_name_is_very_long_has_neighbours_too(web: Client, sandbox: Sandbox) -> None:
    first, second = sandbox.codes()[20:22]
    for code in (first, second):
        sandbox.edit(code, account_name="Công ty " * 80)
        web.get(f"/tickets/{code}/")

    page = web.get(f"/tickets/{first}/").content.decode()

    panel = page.split('id="customer-title"')[1].split("</section>")[0]
    assert f"/tickets/{second}/" in panel
