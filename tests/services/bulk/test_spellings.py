"""Error messages name every accepted spelling, and every spelling that they name is accepted."""

from pathlib import Path

import pytest
from django.conf import settings

from ticketadmin.presenters.file_help import spelling_rows
from ticketadmin.services.bulk.cells import FREE_TEXT, read_cell
from ticketadmin.services.bulk.columns import CODE_COLUMN
from ticketadmin.services.bulk.rows import plan_rows
from ticketadmin.services.bulk.spellings import CODE_EXAMPLES, SPELLINGS
from ticketadmin.services.bulk.template import explain_columns
from ticketadmin.services.saving.edit import Set
from ticketadmin.services.spreadsheets.table import Table, TableRow
from ticketadmin.services.values.fields import Field, Kind
from ticketadmin.services.values.schema import TicketSchema

OPTIONS = (("1", "Thấp"), ("2", "Cao"))
NAMED = {Kind.SELECT, Kind.MULTI_SELECT, Kind.CHOICE}


def field_of(kind: Kind) -> Field:
    return Field("custom_fields.x", "X", kind, choices=OPTIONS if kind in NAMED else ())


def test_every_kind_has_spellings_or_names_or_accepts_any_text() -> None:
    assert set(SPELLINGS) | NAMED | FREE_TEXT == set(Kind)


@pytest.mark.parametrize(
    ("kind", "text"), [(kind, text) for kind, texts in SPELLINGS.items() for text in texts]
)
def test_every_documented_spelling_is_accepted(kind: Kind, text: str) -> None:
    assert isinstance(read_cell(field_of(kind), text, TicketSchema({})), Set)


def test_the_template_documents_every_spelling_of_its_columns() -> None:
    fields = {kind.value: Field(kind.value, kind.value, kind) for kind in SPELLINGS}

    meanings = [column.meaning for column in explain_columns(TicketSchema(fields))[1:]]

    for kind, meaning in zip(SPELLINGS, meanings, strict=True):
        assert [one for one in SPELLINGS[kind] if one not in meaning] == []


def test_the_upload_page_documents_every_spelling() -> None:
    named = {example for row in spelling_rows() for example in row.examples}

    assert named == {*CODE_EXAMPLES, *(text for texts in SPELLINGS.values() for text in texts)}


def test_the_manual_documents_every_spelling_of_dates_numbers_and_answers() -> None:
    manual = (Path(settings.BASE_DIR) / "docs" / "files.md").read_text(encoding="utf-8")
    texts = {text for kind in (Kind.DATE, Kind.NUMBER, Kind.YES_NO) for text in SPELLINGS[kind]}

    assert [text for text in texts if f"`{text}`" not in manual] == []


def errors_of(kind: Kind, text: str) -> list[str]:
    field = field_of(kind)
    table = Table((CODE_COLUMN, field.name), (TableRow(2, ("TK-1", text)), TableRow(3, ("T 2", ""))))
    return [error.message for error in plan_rows(table, TicketSchema({field.name: field})).errors]


@pytest.mark.parametrize("kind", [*SPELLINGS, Kind.SELECT, Kind.MULTI_SELECT])
def test_an_error_names_everything_that_its_column_accepts(kind: Kind) -> None:
    expected = SPELLINGS.get(kind) or [label for _value, label in OPTIONS]

    cell, code = errors_of(kind, "???")

    assert [one for one in expected if one not in cell] == []
    assert [one for one in CODE_EXAMPLES if one not in code] == []
