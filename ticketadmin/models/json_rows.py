"""All rows of a small table as one column of another query, so that they cost no query of their own."""

import json
from operator import attrgetter
from typing import Any, TypeVar

from django.db.models import Field, Func, JSONField, Model, Subquery, TextField
from django.db.models.functions import JSONObject

Row = TypeVar("Row", bound=Model)


class _JsonList(Func):
    """All rows of a query as one JSON text."""

    function = "JSON_GROUP_ARRAY"
    output_field = TextField()

    def as_postgresql(self, compiler: Any, connection: Any, **context: Any) -> Any:
        return self.as_sql(compiler, connection, function="JSONB_AGG", **context)


class _JsonObject(JSONObject):
    """One row as a JSON object, without asking whether the database can make one.

    Django asks SQLite in a transaction, which takes the database's lock here (`transaction_mode`). Where
    another process holds that lock, Django takes the failure for a "no" as long as the connection lives.
    Each database that the product runs on can (SQLite since 3.38, PostgreSQL since 9.5).
    """

    def as_sql(self, compiler: Any, connection: Any, *options: Any, **context: Any) -> Any:
        return Func.as_sql(self, compiler, connection, *options, **context)


def json_rows(model: type[Row]) -> Subquery:
    """Return all rows of a table, in no order, as a column of any query, for `rows_in`.

    Each row of the query repeats them, so it is for queries of a few rows.
    """
    columns = {field.attname: field.attname for field in model._meta.concrete_fields}
    rows = model._default_manager.order_by().annotate(rows=_JsonList(_JsonObject(**columns)))
    return Subquery(rows.values("rows"))


def rows_in(model: type[Row], column: str | None) -> tuple[Row, ...]:
    """Return the rows in such a column, in the model's order: compared here, as collations differ."""
    fields = {field.attname: field for field in model._meta.concrete_fields}
    rows = [
        model(**{name: _value(fields[name], value) for name, value in row.items()})
        for row in json.loads(column or "[]")
    ]
    order: list[Any] = [*(model._meta.ordering or ()), "pk"]
    return tuple(sorted(rows, key=attrgetter(*order)))


def _value(field: Field[Any, Any], value: Any) -> Any:
    """Return a value as its field has it: SQLite spells a boolean as a number, and JSON as a text."""
    is_text = isinstance(field, JSONField) and isinstance(value, str)
    return json.loads(value) if is_text else field.to_python(value)
