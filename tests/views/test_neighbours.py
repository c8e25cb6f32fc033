"""A ticket's neighbours: the others of its customer, and those in the list that the user came from."""

import re
from collections.abc import Callable
from html import unescape

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from tests.pages import form_to, ticket_form
from tests.sandbox_driver import Sandbox
from tests.swept import SweptIndex
from ticketadmin.models import User

SCRIPT = {"X-Requested-With": "XMLHttpRequest"}
STATUSES = ("Mới", "Đang xử lý")


@pytest.fixture
def web(staff: User, client_of: Callable[[User], Client], swept_index: SweptIndex) -> Client:
    swept_index.fill()
    return client_of(staff)


def in_order(sandbox: Sandbox, customer: str) -> list[str]:
    """Return a customer's tickets, by their numbers."""
    tickets = [sandbox.ticket(code) for code in sandbox.codes()]
    own = [one for one in tickets if one["account_name"] == customer]
    return [one["ticket_code"] for one in sorted(own, key=lambda one: int(one["id"]))]


def test_five_other_tickets_of_the_customer_are_shown_with_a_link_to_all(
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


def test_a_ticket_shows_its_position_in_the_list(web: Client, sandbox: Sandbox) -> None:
    codes = in_order(sandbox, "An Phát")
    middle = len(codes) // 2

    page = web.get(
        f"/tickets/{codes[middle]}/neighbours/?customer=an+phat&sort=number", headers=SCRIPT
    ).content.decode()

    assert ways(page) == {"prev": f"/tickets/{codes[middle - 1]}/", "next": f"/tickets/{codes[middle + 1]}/"}
    assert f"{middle + 1} of {len(codes)}" in " ".join(page.split())


def ways(page: str) -> dict[str, str]:
    """Return the addresses that a ticket's page or fragment leads to before and after it."""
    found = re.findall(r'href="([^"]+)"\s+rel="(prev|next)"', page)
    return {rel: unescape(address) for address, rel in found}


def test_without_scripts_the_list_is_carried_from_ticket_to_ticket(web: Client, sandbox: Sandbox) -> None:
    codes = in_order(sandbox, "An Phát")
    rows = web.get("/tickets/?customer=an+phat&sort=number").content.decode()
    address = unescape(re.findall(rf'href="(/tickets/{codes[0]}/[^"]*)"', rows)[0])

    visited = []
    for place in range(1, len(codes) + 1):
        page = web.get(address).content.decode()
        visited.append(address.split("/")[2])
        assert f"{place} of {len(codes)}" in " ".join(page.split())
        assert 'href="/tickets/?customer=an+phat&amp;sort=number"' in page
        address = ways(page).get("next", "")

    assert visited == codes
    assert address == ""


@pytest.mark.parametrize("posted", ["form", "preview", "status"])
def test_a_save_without_scripts_returns_to_the_same_position(
    posted: str, web: Client, sandbox: Sandbox
) -> None:
    codes = in_order(sandbox, "An Phát")
    before = web.get(f"/tickets/{codes[1]}/?list=customer%3Dan%2Bphat%26sort%3Dnumber")
    if posted == "status":
        form = form_to(before, f"/tickets/{codes[1]}/status/")
        wanted = next(one for one in STATUSES if [one] != form.values["seen"])
        page = web.post(form.action, {**form.values, "status": wanted}, follow=True)
    else:
        form = ticket_form(before)
        to = form.action if posted == "form" else f"{form.action}preview/"
        page = web.post(to, form.filled(ticket_title="Mới"), follow=True)

    assert page.status_code == 200
    assert len(sandbox.puts()) == (posted != "preview")
    assert ways(page.content.decode()).keys() == {"prev", "next"}
    assert ways(page.content.decode())["next"].startswith(f"/tickets/{codes[2]}/?list=customer")


@pytest.mark.parametrize("query", ["status=Nope&sort=%00", "place=x", "%", "x" * 1_501, "codes=NOPE"])
def test_an_invalid_list_does_not_prevent_opening_the_ticket(
    query: str, web: Client, sandbox: Sandbox
) -> None:
    page = web.get(f"/tickets/{sandbox.codes()[20]}/", {"list": query})

    assert page.status_code == 200
    assert ticket_form(page).values["ticket_title"]


def test_a_list_whose_address_is_too_long_is_not_carried(web: Client, sandbox: Sandbox) -> None:
    codes = [*sandbox.codes()[:30], *(f"{'X' * 60}{number:04d}" for number in range(30))]

    rows = web.get("/tickets/", {"codes": ",".join(codes)}).content.decode()

    assert re.findall(r'href="/tickets/([^/"]+)/"', rows)
    assert "?list=" not in rows


@pytest.mark.parametrize(("place", "missing"), [(0, 'rel="prev"'), (-1, 'rel="next"')])
def test_the_ends_of_a_list_have_one_neighbour(
    place: int, missing: str, web: Client, sandbox: Sandbox
) -> None:
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


def test_neighbours_in_the_list_cost_nine_more_queries_and_no_remote_call(
    web: Client, sandbox: Sandbox
) -> None:
    """The custom fields and statuses that a filter may name, the row, two neighbours, place and total."""
    code = sandbox.codes()[20]
    address = f"/tickets/{code}/?list=customer%3Dan%2Bphat"
    web.get(address)
    sandbox.forget_log()
    with CaptureQueriesContext(connection) as queries:
        web.get(f"/tickets/{code}/?list=")

    found = [one["sql"] for one in queries if "\"name\" = 'circuit'" not in one["sql"]]
    assert len(sandbox.log()) == 1
    assert len(found) <= 20, found


def test_a_customer_whose_name_is_very_long_has_neighbours_too(web: Client, sandbox: Sandbox) -> None:
    first, second = sandbox.codes()[20:22]
    for code in (first, second):
        sandbox.edit(code, account_name="Công ty " * 80)
        web.get(f"/tickets/{code}/")

    page = web.get(f"/tickets/{first}/").content.decode()

    panel = page.split('id="customer-title"')[1].split("</section>")[0]
    assert f"/tickets/{second}/" in panel
