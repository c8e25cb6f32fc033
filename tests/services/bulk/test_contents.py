"""Contents as cells of an export: what Excel can hold, what is cut, and explanations instead of a content."""

import random

import pytest
from django.conf import settings
from django.utils import timezone, translation
from hypothesis import example, given
from hypothesis import strategies as st

from tests.sandbox_driver import Sandbox
from ticketadmin.services.bulk.cells import read_cell
from ticketadmin.services.bulk.contents import CONTENT, MAX_CONTENT_BYTES, ContentReader, content_cell
from ticketadmin.services.bulk.exports import Missing, is_shortened, missing_text, shortened
from ticketadmin.services.crm.choices import get_choices
from ticketadmin.services.history.export import harmless
from ticketadmin.services.spreadsheets import read_table
from ticketadmin.services.spreadsheets.records import RecordedColumn, RecordWriter
from ticketadmin.services.spreadsheets.writing import (
    MAX_CELL,
    SheetColumn,
    SheetRow,
    code_units,
    write_workbook,
)
from ticketadmin.services.values.schema import TicketSchema

PIECES = ("a", "ế", "😀", "\n", "\r\n", "=1+1\n", "<p>x</p>", "👩‍💻", "\n=A1", "_x0041_", "'=")
SHORT = st.text(st.characters(exclude_categories=("C",)), max_size=3)


@given(piece=st.sampled_from(PIECES), before=SHORT, length=st.integers(0, 70_000))
@example(piece="😀", before="", length=2 * MAX_CELL)
@example(piece="😀", before="a", length=2 * MAX_CELL)
@example(piece="a", before="", length=MAX_CELL)
@example(piece="a", before="", length=MAX_CELL + 1)
def test_a_cell_holds_the_whole_content_or_its_marked_beginning(piece: str, before: str, length: int) -> None:
    content = before + piece * (length // len(piece))

    cell = content_cell(content)

    assert code_units(cell.text) <= MAX_CELL
    assert code_units(harmless(cell.text)) <= MAX_CELL
    assert cell.is_cut == is_shortened(cell.text) == (code_units(harmless(content)) > MAX_CELL)
    assert cell.value == (None if cell.is_cut else content)
    assert content.startswith(cell.text.removesuffix(shortened("")))


@pytest.mark.parametrize(("units", "is_cut"), [(MAX_CELL, False), (MAX_CELL + 1, True)])
def test_an_emoji_counts_twice_as_in_excel(units: int, *, is_cut: bool) -> None:
    content = "😀" * (units // 2) + "a" * (units % 2)

    cell = content_cell(content)

    assert cell.is_cut is is_cut
    assert len(cell.text) < MAX_CELL
    assert "�" not in cell.text
    cell.text.encode()  # half a surrogate pair would raise


@pytest.mark.parametrize("language", ["en", "vi"])
@pytest.mark.parametrize("why", Missing)
def test_a_cell_that_explains_its_missing_value_keeps_the_field(why: Missing, language: str) -> None:
    with translation.override(language):
        text = missing_text(why)

    schema = TicketSchema()
    assert read_cell(schema.field(CONTENT), text, schema) is None
    assert read_cell(schema.field("expected_at"), f" {text}\n", schema) is None


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("limit", "why"), [({"seconds": 0.0}, Missing.NO_TIME), ({"size": 0}, Missing.NO_ROOM)]
)
def test_beyond_its_limits_a_file_says_so_and_makes_no_call(
    limit: dict[str, float], why: Missing, sandbox: Sandbox
) -> None:
    reader = ContentReader(get_choices(), **limit)  # type: ignore[arg-type] # each has its own type
    sandbox.forget_log()

    cells = [reader.cell_of(code) for code in sandbox.codes()[:2]]

    assert {cell.text for cell in cells} == {missing_text(why)}
    assert sandbox.log() == []
    assert reader.audit_details() == {"contents_not_read": 2}


@pytest.mark.django_db
def test_a_file_includes_the_content_that_fills_it_and_none_after_it(sandbox: Sandbox) -> None:
    one, other = sandbox.codes()[:2]
    sandbox.edit(one, ticket_content="đầy")
    reader = ContentReader(get_choices(), size=len("đầy".encode()))

    assert [reader.cell_of(one).text, reader.cell_of(other).text] == ["đầy", missing_text(Missing.NO_ROOM)]


@pytest.mark.parametrize(("first", "last"), [("!", "~"), ("一", "鿿")])
@pytest.mark.slow
def test_a_file_full_of_contents_is_no_larger_than_an_upload_may_be(first: str, last: str) -> None:
    letters = [chr(one) for one in range(ord(first), ord(last) + 1)]
    generator = random.Random(7)  # noqa: S311 - a test's
    cells, room = [], MAX_CONTENT_BYTES
    while room > 0:  # nothing that compresses well
        cells.append(content_cell("".join(generator.choices(letters, k=16_300))))
        room -= len(cells[-1].text.encode())
    columns = [RecordedColumn("Content", CONTENT)]
    rows = [SheetRow([f"C-{at}", cell.text], f"C-{at}", [cell]) for at, cell in enumerate(cells)]

    file = write_workbook(
        "Tickets",
        [SheetColumn("Ticket code"), SheetColumn("Content")],
        rows,
        record=RecordWriter(columns, address=str(settings.TICKET_API_URL), at=timezone.now()),
    )

    assert len(read_table(file.getvalue(), "tickets.xlsx").rows) == len(cells)
