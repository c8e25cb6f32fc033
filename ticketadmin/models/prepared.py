"""Statements whose SQL is compiled once per connection: queries of frequent pages, the writes of each save.

Django builds and compiles a query each time it is used. For the queries of the ticket page that was half
of the page's processor time, several times what the database and the rows took. A prepared query is built
once, with `Slot`s where its values go; what it returns is what its queryset would return, always read afresh.
Queries that depend on filters or are rare stay ordinary querysets.

Django's `bulk_update` spells each value of each row as a branch of a CASE expression, which is built and
compiled each time: at 50 rows of a bulk run it was two fifths of the worker's processor time.
A `RowsUpdate` sends the values as a table that the update joins.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from typing import Any, Generic, TypeVar

from django.db import DEFAULT_DB_ALIAS, connections, transaction
from django.db.models import Expression, Field, Model, QuerySet
from django.db.models.sql import UpdateQuery
from django.db.models.sql.constants import ROW_COUNT

_Row = TypeVar("_Row")
Compiled = TypeVar("Compiled")
USES_BEFORE_PLANNED = 1  # of a statement on one connection, before PostgreSQL keeps it
_KEPT = "_prepared"  # the attribute of a connection that keeps what was compiled for it


class Slot(Expression):
    """The place of a value that each call passes by name; it is converted as its field converts values.

    A slot without a name computes its value in its `value` method.
    """

    def __init__(self, name: str, field: Field[Any, Any]) -> None:
        super().__init__(output_field=field)
        self.name = name

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, list[Any]]:  # type: ignore[override]
        """Return a placeholder, and this slot as its parameter."""
        return "%s", [self]

    def value(self, values: dict[str, object], connection: Any) -> Any:
        """Return the value for this place as the database expects it. Raises KeyError if it is missing."""
        return self.output_field.get_db_prep_value(values[self.name], connection)


class Prepared(Generic[_Row]):
    """One query. `build` returns its queryset, ordered and sliced as it is to be used, and is called seldom:
    nothing in it may change while the process runs, such as the time, the language or a setting.
    """

    def __init__(self, build: Callable[[], "QuerySet[Any, _Row]"]) -> None:
        self._build = build

    def rows(self, **values: object) -> list[_Row]:
        """Return the rows for the values of all slots, by one query. Raises TypeError for other names."""
        found: list[_Row] = _kept(self, self._compile).rows(values)
        return found

    def first(self, **values: object) -> _Row | None:
        """Return the first row; the queryset is sliced to it. Raises TypeError for other names."""
        return next(iter(self.rows(**values)), None)

    def _compile(self) -> "_CompiledQuery":
        return _CompiledQuery(self._build())


class PreparedUpdate:
    """One update. `build` returns which rows to update and the columns to set, as values or slots."""

    def __init__(self, build: Callable[[], tuple["QuerySet[Any]", Mapping[str, object]]]) -> None:
        self._build = build

    def run(self, **values: object) -> int:
        """Update the rows for the values of all slots, and return how many there were.

        Raises TypeError for other names.
        """
        return _kept(self, self._compile).run(values)

    def _compile(self) -> "_CompiledUpdate":
        rows, columns = self._build()
        query: Any = rows.query.chain(UpdateQuery)
        query.add_update_values(columns)
        return _CompiledUpdate(query.get_compiler(rows.db))


class RowsUpdate:
    """An update of many rows, each with values of its own.

    `build` returns which rows may be updated, with slots where its values go; `columns` names the fields to
    write.
    """

    def __init__(self, build: Callable[[], "QuerySet[Any]"], columns: Sequence[str]) -> None:
        self._build, self._columns = build, columns

    def run(self, rows: Sequence[Model], **values: object) -> None:
        """Write these rows as they are in memory, as far as they may be updated, in one statement.

        No signal is sent. Raises TypeError for other slots.
        """
        if rows:
            _kept(self, self._compile).run(rows, values)

    def _compile(self) -> "_CompiledRowsUpdate":
        allowed = self._build()
        about = allowed.model._meta
        fields = [about.pk, *(about.get_field(name) for name in self._columns)]
        query: Any = allowed.filter(pk=_Given(fields[0])).query.chain(UpdateQuery)
        query.add_update_fields([(field, None, _Given(field)) for field in fields[1:]])
        return _CompiledRowsUpdate(query.get_compiler(allowed.db), fields)


class Insert:
    """Inserting a row of one model with rows of another that point to it by their field `link`, its parts.

    All columns have a value in memory. No signal is sent.
    """

    def __init__(self, model: type[Model], parts: type[Model], *, link: str) -> None:
        self._models = model, parts, link

    def run(self, row: Model, parts: Sequence[Model]) -> None:
        """Insert a row, which learns its primary key, and its parts: both or, where an error is raised, none.

        On PostgreSQL it is one statement, which needs no BEGIN and COMMIT: one round trip instead of four.
        """
        _kept(self, lambda: _CompiledInsert(*self._models)).run(row, parts)


class _Given(Expression):
    """A column of the table `given`, which holds the values of a `RowsUpdate`."""

    def __init__(self, field: Field[Any, Any]) -> None:
        super().__init__(output_field=field)

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, list[Any]]:  # type: ignore[override]
        """Return the column."""
        return f"given.{connection.ops.quote_name(self.output_field.column)}", []


def _kept(owner: object, compiled: Callable[[], Compiled]) -> Compiled:
    """Return what was compiled for this thread's connection."""
    kept = vars(connections[DEFAULT_DB_ALIAS]).setdefault(_KEPT, {})
    if owner not in kept:
        kept[owner] = compiled()
    found: Compiled = kept[owner]
    return found


class _Statement:
    """SQL for one connection, which belongs to one thread."""

    def __init__(self, compiler: Any) -> None:
        self._compiler = compiler
        self._sql, self._parameters = compiler.as_sql()
        self._names = {one.name for one in self._parameters if isinstance(one, Slot) and one.name}
        self._values: tuple[Any, ...] = ()
        vars(compiler).update(as_sql=lambda *_given, **_options: (self._sql, self._values))

    @contextmanager
    def _bound(self, values: dict[str, object]) -> Iterator[None]:
        """Set the values of the slots."""
        if values.keys() != self._names:
            raise TypeError(f"takes {sorted(self._names)}, not {sorted(values)}")
        connection = self._compiler.connection
        self._values = tuple(
            one.value(values, connection) if isinstance(one, Slot) else one for one in self._parameters
        )
        try:
            with _planned_once(connection):
                yield
        finally:
            self._values = ()


@contextmanager
def _planned_once(connection: Any) -> Iterator[None]:
    """Make PostgreSQL keep the plans of statements executed in this context; SQLite's module always does.

    Django sends each statement with its values in it. Parsing and planning it takes longer than running it:
    1.4 of 1.6 ms of the server's processor time for the user of a session, 0.7 of 1 for a list's overview.
    """
    if connection.vendor != "postgresql":
        yield
        return
    connection.ensure_connection()
    raw, features = connection.connection, connection.features
    usual = raw.cursor_factory, raw.prepare_threshold, features.uses_server_side_binding
    raw.cursor_factory, raw.prepare_threshold = connection.Database.Cursor, USES_BEFORE_PLANNED
    features.uses_server_side_binding = True  # so that Django can tell what was executed
    try:
        yield
    finally:
        raw.cursor_factory, raw.prepare_threshold, features.uses_server_side_binding = usual


class _CompiledQuery(_Statement):
    def __init__(self, queryset: Any) -> None:
        super().__init__(queryset.query.get_compiler(queryset.db))
        self._queryset = queryset
        converters = self._compiler.get_converters([column for column, *_rest in self._compiler.select])
        vars(self._compiler).update(get_converters=lambda _columns: converters)
        vars(queryset.query).update(get_compiler=lambda *_given, **_options: self._compiler)

    def rows(self, values: dict[str, object]) -> list[Any]:
        with self._bound(values):
            return list(self._queryset._iterable_class(self._queryset))


class _CompiledUpdate(_Statement):
    def run(self, values: dict[str, object]) -> int:
        with self._bound(values), transaction.mark_for_rollback_on_error(self._compiler.using):
            return int(self._compiler.execute_sql(ROW_COUNT))


class _CompiledRowsUpdate(_Statement):
    def __init__(self, compiler: Any, fields: Sequence[Field[Any, Any]]) -> None:
        super().__init__(compiler)
        self._given = _GivenRows(fields, compiler.connection)
        self._update, _where, self._condition = self._sql.partition(" WHERE ")

    def run(self, rows: Sequence[Model], values: dict[str, object]) -> None:
        given, connection = self._given, self._compiler.connection
        table = f"WITH given {given.names} AS ({given.sql(rows, is_filled_up=True)})"
        with (
            self._bound(values),
            transaction.mark_for_rollback_on_error(self._compiler.using),
            connection.cursor() as cursor,
        ):
            cursor.execute(
                f"{table} {self._update} FROM given WHERE {self._condition}",
                (*given.parameters(rows, is_filled_up=True), *self._values),
            )


class _CompiledInsert:
    def __init__(self, model: type[Model], parts: type[Model], link: str) -> None:
        self._connection = connection = connections[DEFAULT_DB_ALIAS]
        quoted: Callable[[Any], str] = connection.ops.quote_name
        self._link: Any = parts._meta.get_field(link)
        self._row = _GivenRows(_but(model, model._meta.pk), connection)
        columns = _but(parts, parts._meta.pk, self._link)
        with_link: list[Any] = [self._link, *columns]
        self._parts = _GivenRows(columns if self._row.is_json else with_link, connection)
        self._key = quoted(model._meta.pk.column)
        self._into = f"INSERT INTO {quoted(model._meta.db_table)} {self._row.names} "
        names = ", ".join(quoted(one.column) for one in with_link)
        self._parts_into = f"INSERT INTO {quoted(parts._meta.db_table)} ({names}) "

    def run(self, row: Model, parts: Sequence[Model]) -> None:
        connection = self._connection
        is_one_statement = self._row.is_json
        with (
            _planned_once(connection),
            nullcontext() if is_one_statement and not connection.in_atomic_block else transaction.atomic(),
            connection.cursor() as cursor,
        ):
            if is_one_statement:
                parameters = *self._row.parameters([row]), *self._parts.parameters(parts)
                (row.pk,) = cursor.execute(self._both(row, parts), parameters).fetchone()
                self._point(parts, row)
            else:
                (row.pk,) = cursor.execute(self._insert(row), self._row.parameters([row])).fetchone()
                self._point(parts, row)
                cursor.execute(self._parts_into + self._parts.sql(parts), self._parts.parameters(parts))
        for one in (row, *parts):
            one._state.adding, one._state.db = False, DEFAULT_DB_ALIAS

    def _insert(self, row: Model) -> str:
        return f"{self._into}{self._row.sql([row])} RETURNING {self._key}"

    def _both(self, row: Model, parts: Sequence[Model]) -> str:
        given = f"SELECT made.{self._key}, part.* FROM made, ({self._parts.sql(parts)}) AS part"  # noqa: S608
        both = f"made AS ({self._insert(row)}), parts AS ({self._parts_into}{given})"
        return f"WITH {both} SELECT {self._key} FROM made"  # noqa: S608

    def _point(self, parts: Sequence[Model], row: Model) -> None:
        for part in parts:
            setattr(part, self._link.name, row)


def _but(model: type[Model], *left_out: Any) -> list[Any]:
    """Return the columns of a model without some."""
    return [field for field in model._meta.concrete_fields if field not in left_out]


class _GivenRows:
    """The values of rows as a table in a statement.

    PostgreSQL takes them as one JSON value, so that the statement is the same for any number of rows and is
    planned once; psycopg converts one value instead of a dozen per row. SQLite takes them one by one.
    """

    def __init__(self, fields: Sequence[Field[Any, Any]], connection: Any) -> None:
        self._fields, self._connection = fields, connection
        columns = [connection.ops.quote_name(field.column) for field in fields]
        self.names = f"({', '.join(columns)})"
        self.is_json = connection.vendor == "postgresql"
        if self.is_json:
            # Without a length: a column of a length would cut the value silently.
            kinds = [str(field.rel_db_type(connection)).partition("(")[0] for field in fields]
            self._typed = ", ".join(map(" ".join, zip(columns, kinds, strict=True)))

    def sql(self, rows: Sequence[Model], *, is_filled_up: bool = False) -> str:
        """Return the table; `is_filled_up`: its last row may be given more than once."""
        if self.is_json:
            read = "jsonb_to_record" if len(rows) == 1 else "jsonb_to_recordset"
            return f"SELECT * FROM {read}(%s) AS row ({self._typed})"  # noqa: S608 - no input
        row = f"({', '.join(['%s'] * len(self._fields))})"
        return f"VALUES {', '.join([row] * (_places_for(len(rows)) if is_filled_up else len(rows)))}"

    def parameters(self, rows: Sequence[Model], *, is_filled_up: bool = False) -> tuple[Any, ...]:
        """Return the values of all rows as the database expects them."""
        if self.is_json:
            found = [{one.column: getattr(row, one.attname) for one in self._fields} for row in rows]
            return (json.dumps(found[0] if len(rows) == 1 else found, default=_as_json),)
        connection = self._connection
        values = tuple(
            field.get_db_prep_save(getattr(row, field.attname), connection)
            for row in rows
            for field in self._fields
        )
        further = _places_for(len(rows)) - len(rows) if is_filled_up else 0
        return values + values[-len(self._fields) :] * further


def _as_json(value: object) -> str:
    """Return a value that JSON has no kind for, as PostgreSQL reads it from a text."""
    return "\\x" + bytes(value).hex() if isinstance(value, (bytes, memoryview)) else str(value)


def _places_for(rows: int) -> int:
    """Return how many rows a statement has places for: the next of 1, 2, 3, 4, 6, 8, 12, 16, 24, …

    Each number of rows is a statement of its own, which SQLite keeps compiled for each connection (0.1 MB for
    25 rows). The last row fills the places left: given twice, it is updated once.
    """
    places = 1 << (rows - 1).bit_length()
    return places * 3 // 4 if rows <= places * 3 // 4 else places
