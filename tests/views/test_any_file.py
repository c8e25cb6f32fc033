"""Any file leads to a page that says what is wrong, or to a prepared run; nothing is sent unconfirmed."""

import csv
import io
from collections.abc import Callable
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openpyxl import Workbook
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE

from tests.sandbox_driver import Sandbox
from ticketadmin.models import BulkFile, BulkState, BulkUpdate, CustomField, User
from ticketadmin.services.bulk.engine import drain

pytestmark = pytest.mark.django_db
HEADINGS = [
    "code", "Mã phiếu", "Title", "Expected date", "Status", "Category", "Emergency phone", "Cost", "Paid",
    "Shop",
    "ticketadmin: errors", "Content", "", "unknown",
]  # fmt: skip
TEXTS = [
    "TK240001", "TK240002", "TK-9", "05/12/26", "24/12/2026", "12/31/2026", "1.250", "1,250", "1.250.000 ₫",
    "x", "lang", "MOI", "[clear]", "=1+1", "#REF!", "1E+12", "0", "\u202e", "a\u0301" * 40, '"',
]  # fmt: skip
CELLS = st.one_of(st.sampled_from(TEXTS), st.text(max_size=8))
FIELDS = [name for name in HEADINGS if name not in {"code", "Mã phiếu", "", "unknown"}]
HEADERS = st.one_of(
    st.lists(st.sampled_from(FIELDS), max_size=6, unique=True).map(lambda names: ["code", *names]),
    st.lists(st.sampled_from(HEADINGS), min_size=1, max_size=6),
)
ROWS = st.tuples(
    HEADERS,
    st.lists(st.lists(CELLS, max_size=7), max_size=6),
).map(lambda parts: [parts[0], *parts[1]])
bounded = settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@pytest.fixture
def web(lead: User, client_of: Callable[[User], Client], sandbox: Sandbox) -> Client:
    CustomField.objects.create(kind="number", key="cost", label="Cost")
    CustomField.objects.create(kind="yes_no", key="paid", label="Paid")
    CustomField.objects.create(kind="select", key="shop", label="Shop", choices_text="a = Láng\nb = Lạng")
    return client_of(lead)


def go_through(web: Client, sandbox: Sandbox, content: bytes, choose: Callable[[list[Any]], Any]) -> None:
    """Upload a file, answer its questions, confirm everything, and do the dry run."""
    BulkUpdate.objects.all().delete()
    answer = web.post("/bulk/new/", {"file": SimpleUploadedFile("a", content)})
    assert answer.status_code in {303, 422}
    for file in BulkFile.objects.all():
        assert web.get(f"/bulk/files/{file.uuid}/errors/").status_code in {200, 409}
    if answer.status_code == 303:
        run = BulkUpdate.objects.get()
        assert web.get(answer["Location"]).status_code == 200
        asked = enumerate(run.notes["questions"])
        given_answers = {f"reading_{at}": choose(one["options"])[0] for at, one in asked}
        for _again in range(2):
            posted = web.post(answer["Location"], {**given_answers, "as_read": "on", "leave_out": "on"})
            assert posted.status_code in {303, 422}
        run.refresh_from_db()
        if run.state == BulkState.CHECKING:
            drain(run.pk, worker="test")
            run.refresh_from_db()
        assert run.state in {BulkState.DRAFT, BulkState.READY, BulkState.CHECKING, BulkState.PAUSED}
    assert sandbox.puts() == []


@bounded
@given(
    rows=ROWS,
    separator=st.sampled_from(",;\t|"),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "cp1258", "cp1252"]),
    data=st.data(),
)
def test_any_csv_file_is_read_or_refused(
    rows: list[list[str]], separator: str, encoding: str, data: st.DataObject, web: Client, sandbox: Sandbox
) -> None:
    written = io.StringIO(newline="")
    csv.writer(written, delimiter=separator).writerows(rows)
    content = written.getvalue().encode(encoding, "replace")

    go_through(web, sandbox, content, lambda options: data.draw(st.sampled_from(options)))


@bounded
@given(
    content=st.binary(max_size=200),
    beginning=st.sampled_from([b"", b"PK\x03\x04", b"\xff\xfe", b"code,Title\n"]),
)
def test_any_bytes_are_read_or_refused(
    content: bytes, beginning: bytes, web: Client, sandbox: Sandbox
) -> None:
    go_through(web, sandbox, beginning + content, lambda options: options[0])


VALUES = st.one_of(
    CELLS.map(lambda text: ILLEGAL_CHARACTERS_RE.sub("", text)),
    st.none(),
    st.booleans(),
    st.integers(-(10**9), 10**9),
    st.floats(allow_nan=False, allow_infinity=False, width=32),
    st.datetimes(),
    st.dates(),
)


@settings(bounded, max_examples=10)
@given(
    header=HEADERS,
    rows=st.lists(st.lists(VALUES, max_size=7), max_size=6),
    merged=st.lists(st.tuples(*[st.integers(1, 5)] * 4), max_size=2),
    data=st.data(),
)
def test_any_workbook_is_read_or_refused(
    header: list[str],
    rows: list[list[Any]],
    merged: list[Any],
    data: st.DataObject,
    web: Client,
    sandbox: Sandbox,
) -> None:
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    for row in [header, *rows]:
        sheet.append(row)
    for top, left, height, width in merged:
        sheet.merge_cells(start_row=top, start_column=left, end_row=top + height, end_column=left + width - 1)
    content = io.BytesIO()
    book.save(content)

    go_through(web, sandbox, content.getvalue(), lambda options: data.draw(st.sampled_from(options)))
