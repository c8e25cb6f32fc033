"""Ticket codes in another letter case than the CRM's, which may be case-sensitive."""

from collections.abc import Callable
from io import BytesIO

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command
from django.test import Client
from openpyxl import load_workbook

from tests.sandbox_driver import Sandbox
from tests.services.spreadsheets.test_spreadsheets import workbook
from ticketadmin.models import BulkUpdate, IndexedTicket, User
from ticketadmin.services.index.rows import current_index
from ticketadmin.services.index.spelling import spelled_as_known
from ticketadmin.services.values.ordering import sort_key

KNOWN = ("TK240014", "ABCXYZ1234", "twin-1", "TWIN-1", "Lone-1")

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _index(sandbox: Sandbox) -> None:
    index = current_index()
    IndexedTicket.objects.bulk_create(
        IndexedTicket(index=index, code=code, code_key=sort_key(code)) for code in KNOWN
    )


@pytest.mark.parametrize(
    ("given", "spelled"),
    [
        ("tk240014", {"tk240014": "TK240014"}),
        ("TK240014", {}),  # as it is known
        ("lONE-1", {"lONE-1": "Lone-1"}),
        ("Twin-1", {}),  # two tickets: either may be meant
        ("twin-1", {}),
        ("TK2400140", {}),
    ],
)
def test_a_code_is_corrected_to_the_case_of_its_only_match(given: str, spelled: dict[str, str]) -> None:
    assert spelled_as_known([given]) == spelled


def test_any_number_of_codes_costs_two_queries(django_assert_num_queries: Callable[..., object]) -> None:
    with django_assert_num_queries(2):  # one finds the index
        assert len(spelled_as_known([f"tk{number}" for number in range(239_000, 241_000)])) == 1


@pytest.mark.parametrize(
    "posted",
    [
        lambda: {"codes": "tk240014; Abcxyz1234"},
        lambda: {"file": SimpleUploadedFile("phieu.csv", b"code;Title\r\ntk240014;a\r\nAbcxyz1234;b\r\n")},
    ],
    ids=["pasted", "file"],
)
def test_a_bulk_update_uses_the_codes_that_the_index_knows(
    posted: Callable[[], dict[str, object]], lead: User, client_of: Callable[[User], Client]
) -> None:
    client_of(lead).post("/bulk/new/", posted())

    items = BulkUpdate.objects.get().items.order_by("position")
    assert list(items.values_list("ticket_code", flat=True)) == ["TK240014", "ABCXYZ1234"]


def test_outcomes_are_written_beside_a_code_in_other_letter_case(
    lead: User, client_of: Callable[[User], Client]
) -> None:
    web = client_of(lead)
    content = workbook(["code", "Title"], ["tk240014", "a"])
    web.post("/bulk/new/", {"file": SimpleUploadedFile("phieu.xlsx", content)})
    run = BulkUpdate.objects.get()
    run.items.update(outcome="verified")

    sheet = load_workbook(BytesIO(web.get(f"/bulk/{run.uuid}/outcomes/").content)).active
    assert sheet is not None
    assert [row[2].value for row in sheet.iter_rows()] == ["ticketadmin: outcome", "Verified"]


def test_the_command_uses_the_code_that_the_index_knows(lead: User, sandbox: Sandbox) -> None:
    call_command("change", "abcxyz1234", "ticket_title=Máy in tầng 3", "--as", lead.username)

    assert sandbox.puts() == [{"ticket_code": "ABCXYZ1234", "ticket_title": "Máy in tầng 3"}]


def test_an_address_redirects_to_the_code_that_the_index_knows(
    staff: User, sandbox: Sandbox, client_of: Callable[[User], Client]
) -> None:
    web = client_of(staff)
    web.get("/tickets/ABCXYZ1234/")  # shows that this key may read

    assert web.get("/tickets/abcxyz1234/").headers["Location"] == "/tickets/ABCXYZ1234/"
    assert web.get("/tickets/lone-2/").status_code == 404
    sandbox.remove("ABCXYZ1234")
    assert web.get("/tickets/ABCXYZ1234/").status_code == 404
