"""All rows of a small table as one column of another query, so that they cost no query of their own."""

import json
from collections.abc import Iterable
from typing import Any

from django.db.models import Func, QuerySet, Subquery, TextField
from django.db.models.functions import JSONObject


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


def json_rows(rows: QuerySet[Any], names: Iterable[str]) -> Subquery:
    """Return these columns of all rows, in no order, as a column of any query, for `rows_in`.

    Each row of the query repeats them, so it is for queries of a few rows.
    """
    columns = {name: name for name in names}
    return Subquery(rows.order_by().annotate(rows=_JsonList(_JsonObject(**columns))).values("rows"))


def rows_in(column: str | None) -> list[dict[str, Any]]:
    """Return the columns of each row by name. A column that is JSON itself is a text on SQLite."""
    return list(json.loads(column or "[]"))


def as_json_value(value: Any) -> Any:
    """Return what a JSON column of such a row holds."""
    return json.loads(value) if isinstance(value, str) else value
