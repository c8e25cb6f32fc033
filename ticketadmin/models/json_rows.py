"""All rows of a small table as one column of another query, so that they cost no query of their own."""

import json
from collections.abc import Collection
from datetime import UTC
from operator import attrgetter
from typing import Any, TypeVar

from django.db.models import (
    BinaryField,
    DateTimeField,
    Field,
    Func,
    JSONField,
    Model,
    QuerySet,
    Subquery,
    TextField,
    Value,
)
from django.db.models.functions import JSONObject
from django.utils.timezone import is_naive

_Row = TypeVar("_Row", bound=Model)
JsonRows = list[dict[str, Any]] | None  # what such a column holds


class _JsonList(Func):
    """A value of all rows of a query as one JSON list."""

    function = "JSON_GROUP_ARRAY"
    output_field = JSONField()

    def as_postgresql(self, compiler: Any, connection: Any, **context: Any) -> Any:
        return self.as_sql(compiler, connection, function="JSONB_AGG", **context)


class _JsonObject(JSONObject):
    """One row as a JSON object, without checking whether the database supports that.

    Django checks it on SQLite in a transaction, which takes the database's lock here (`transaction_mode`). If
    another process holds that lock, Django takes the failure for a "no" as long as the connection lives.
    Every database that the product runs on supports it (SQLite since 3.38, PostgreSQL since 9.5).
    """

    def as_sql(self, compiler: Any, connection: Any, *options: Any, **context: Any) -> Any:
        return Func.as_sql(self, compiler, connection, *options, **context)


class _Hexadecimal(Func):
    """Bytes as JSON can hold them."""

    function = "HEX"
    output_field = TextField()

    def as_postgresql(self, compiler: Any, connection: Any, **context: Any) -> Any:
        encoded = Func(*self.source_expressions, Value("hex"), function="ENCODE", output_field=TextField())
        return encoded.as_sql(compiler, connection, **context)


def json_rows(rows: type[_Row] | QuerySet[_Row], names: Collection[str] = ()) -> Subquery:
    """Return rows, or all of a table, in no order, as a column of any query, for `rows_in`.

    `names` are the columns, by default all of them. Each row of the query repeats them, so this is meant for
    queries of a few rows.
    """
    if isinstance(rows, type):
        rows = rows._default_manager.all()
    fields = [one for one in rows.model._meta.concrete_fields if not names or one.attname in names]
    columns = {
        one.attname: _Hexadecimal(one.attname) if isinstance(one, BinaryField) else one.attname
        for one in fields
    }
    return json_list(rows, _JsonObject(**columns))


def json_list(rows: QuerySet[Any], value: Any) -> Subquery:
    """Return a value of each row, in no order, as a column of any query: a list, or None without rows."""
    return Subquery(rows.order_by().annotate(listed=_JsonList(value)).values("listed"))


def rows_in(model: type[_Row], column: JsonRows) -> tuple[_Row, ...]:
    """Return the rows in such a column, in the model's order: compared here, as collations differ.

    Columns that are not in it have their defaults; the primary key is.
    """
    fields = {field.attname: field for field in model._meta.concrete_fields}
    rows = [
        model(**{name: _value(fields[name], value) for name, value in row.items()}) for row in column or ()
    ]
    order = [*map(str, model._meta.ordering or ()), "pk"]
    for name in reversed(order):
        rows.sort(key=attrgetter(name.removeprefix("-")), reverse=name.startswith("-"))
    return tuple(rows)


def _value(field: Field[Any, Any], value: Any) -> Any:
    """Return a value of the type that its field has.

    SQLite spells a boolean as a number, JSON as a text, and a moment, which is in UTC, without a zone.
    """
    if isinstance(field, JSONField) and isinstance(value, str):
        return json.loads(value)
    if isinstance(field, BinaryField):
        return None if value is None else bytes.fromhex(value)
    found = field.to_python(value)
    is_moment = isinstance(field, DateTimeField) and found is not None
    return found.replace(tzinfo=UTC) if is_moment and is_naive(found) else found
