"""A refused name in `fields=` leaves out that name only, is identified once, and is tried again later."""

from collections.abc import Callable, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.sandbox_driver import KEY, Sandbox, SandboxProcess
from ticketadmin.ticketapi.calls import ApiConfig
from ticketadmin.ticketapi.client import TicketApi
from ticketadmin.ticketapi.errors import InvalidTicket, Unavailable, UnexpectedReply
from ticketadmin.ticketapi.fields import BELIEVED_SECONDS, AskedFields
from ticketadmin.ticketapi.keys import ApiKey
from ticketadmin.ticketapi.reasons import Reason
from ticketadmin.ticketapi.tickets import MAX_CUSTOM_FIELDS

CODE = "ABCXYZ1234"
DOCUMENTED = ("id", "ticket_title")
FURTHER = ("status_name", "expected_at", "account_email", "created_at", "updated_at", "cate_name")


@pytest.fixture
def crm(sandbox_process: SandboxProcess) -> Sandbox:
    driver = Sandbox(sandbox_process.url)
    driver.reset()
    return driver


@pytest.fixture
def api(crm: Sandbox) -> Iterator[TicketApi]:
    client = TicketApi(ApiConfig(url=crm.url, key=ApiKey(value=KEY)))
    yield client
    client.close()


def asked(crm: Sandbox, path: str) -> list[set[str]]:
    return [set(entry.query["fields"].split(",")) for entry in crm.log("GET") if entry.path.endswith(path)]


@pytest.mark.parametrize("name", ["expected_at", "created_at", "status_id"])
def test_an_unknown_name_leaves_out_that_name_only(name: str, api: TicketApi, crm: Sandbox) -> None:
    crm.switch(unknown_fields=name)

    first, second = api.get_ticket(CODE), api.get_ticket(CODE)

    assert first == second
    assert {"status_name", "account_email"} <= set(first.values)
    assert ("expected_at" in first.values) == (name != "expected_at")
    queries = asked(crm, "/ticket")
    assert len(queries) == 6  # all, the documented ones, the others, the suspect; then twice what was found
    assert queries[-1] == queries[-2]


def test_several_unknown_names_are_found_in_the_list_too(api: TicketApi, crm: Sandbox) -> None:
    crm.switch(unknown_fields="created_at,account_email")

    page = api.list_tickets(limit=1)

    assert "status_name" in page.tickets[0].values
    assert "account_email" not in page.tickets[0].values


def test_a_crm_that_knows_only_documented_names_gets_only_those(api: TicketApi, crm: Sandbox) -> None:
    crm.switch(readable="documented")

    api.get_ticket(CODE)
    api.get_ticket(CODE)

    queries = asked(crm, "/ticket")
    assert "status_name" in queries[0]
    assert "status_name" not in queries[-1] | queries[1]


def test_refused_values_are_not_mistaken_for_unknown_names(api: TicketApi, crm: Sandbox) -> None:
    crm.fault("status", times=None, method="GET", status=400)

    with pytest.raises(InvalidTicket):
        api.get_ticket(CODE)

    assert len(asked(crm, "/ticket")) == 2


@given(st.sets(st.sampled_from(FURTHER)), st.sampled_from(["", *FURTHER]))
def test_exactly_the_refused_names_are_left_out(unknown: set[str], words: str) -> None:
    calls: list[tuple[str, ...]] = []

    def accepts(names: tuple[str, ...]) -> bool:
        calls.append(names)
        return not unknown & set(names)

    fields = AskedFields(DOCUMENTED, FURTHER)
    fields.find_refused(accepts, words=words)

    assert set(fields.names) == {*DOCUMENTED, *FURTHER} - unknown
    assert len(calls) <= 2 * len(FURTHER) + 1


def test_all_names_are_requested_again_after_a_while() -> None:
    now = [0.0]
    fields = AskedFields(DOCUMENTED, FURTHER, clock=lambda: now[0])
    fields.find_refused(lambda names: "expected_at" not in names)
    assert "expected_at" not in fields.names

    now[0] = BELIEVED_SECONDS + 1

    assert set(fields.names) == {*DOCUMENTED, *FURTHER}


def test_an_interrupted_search_requests_the_accepted_names() -> None:
    def breaks() -> Callable[[tuple[str, ...]], bool]:
        calls: list[int] = []

        def accepts(_names: tuple[str, ...]) -> bool:
            calls.append(1)
            if len(calls) > 1:
                raise Unavailable(Reason.RESET)
            return True

        return accepts

    fields = AskedFields(DOCUMENTED, FURTHER)
    with pytest.raises(Unavailable):
        fields.find_refused(breaks())

    assert set(fields.names) == {*DOCUMENTED, *FURTHER[:3]}


def test_too_many_custom_fields_are_refused_after_one_request(api: TicketApi, crm: Sandbox) -> None:
    """Without its content the ticket has no fewer of them."""
    crm.edit(CODE, custom_fields={f"field{number}": "x" for number in range(MAX_CUSTOM_FIELDS + 1)})

    with pytest.raises(UnexpectedReply) as refused:
        api.get_ticket(CODE)

    assert refused.value.reason is Reason.OVERSIZED
    assert len(asked(crm, "/ticket")) == 1


def test_a_list_shows_a_ticket_with_too_many_custom_fields_without_them(api: TicketApi, crm: Sandbox) -> None:
    code = api.list_tickets(limit=2).tickets[0].code
    crm.edit(code, custom_fields={f"field{number}": "x" for number in range(MAX_CUSTOM_FIELDS + 1)})

    page = api.list_tickets(limit=2, with_custom_fields=True)

    assert page.tickets[0].code == code
    assert [ticket.custom_fields is None for ticket in page.tickets] == [True, False]
