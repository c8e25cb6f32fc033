"""Rows of a small table as a column of another query."""

import pytest
from django.db.utils import ConnectionHandler

from ticketadmin.models import CustomField, TicketRule, json_rows, rows_in


@pytest.mark.django_db
def test_a_connection_that_was_locked_during_the_json_check_still_reads_rows() -> None:
    """Django asks in a transaction, and keeps the "no" of a locked file for the life of the connection."""
    handler = ConnectionHandler({"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}})
    connection = handler["default"]
    connection.features.supports_json_field = False
    rows = json_rows(CustomField)

    sql, _params = TicketRule.objects.annotate(fields=rows).query.get_compiler(connection=connection).as_sql()

    assert "JSON_OBJECT" in sql


@pytest.mark.django_db
def test_each_row_has_its_columns_and_its_position() -> None:
    made = CustomField.objects.create(key="serial", label="Số máy", kind="text")
    CustomField.objects.create(key="room", label="Phòng", kind="text")

    column = CustomField.objects.filter(pk=made.pk).values_list(json_rows(CustomField), flat=True)

    rows = rows_in(CustomField, column[0])
    assert [(row.key, row.label, row.is_listed) for row in rows] == [
        ("room", "Phòng", False),
        ("serial", "Số máy", False),
    ]
