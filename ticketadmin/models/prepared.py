"""Queries whose SQL is worked out once a connection, for those that every page of a kind needs.

Django builds and compiles a query anew each time it is used. For the queries of the ticket page that was half
of the page's processor time, several times what the database and the rows took. A prepared query is built
once, with `Slot`s where its values go; what it returns is what its queryset would return, always read afresh.
Queries that depend on filters or are rare stay ordinary querysets.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Generic, TypeVar

from django.db import DEFAULT_DB_ALIAS, connections, transaction
from django.db.models import Expression, Field, QuerySet
from django.db.models.sql import UpdateQuery
from django.db.models.sql.constants import ROW_COUNT

Row = TypeVar("Row")
Compiled = TypeVar("Compiled")
_KEPT = "_prepared"  # the attribute of a connection that keeps what was compiled for it


class Slot(Expression):
    """The place of a value that each call brings, by name; it is converted as its field converts values.

    One without a name brings its value itself, by a `value` of its own.
    """

    def __init__(self, name: str, field: Field[Any, Any]) -> None:
        super().__init__(output_field=field)
        self.name = name

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, list[Any]]:  # type: ignore[override]
        """Return a placeholder, and this slot as its parameter."""
        return "%s", [self]

    def value(self, values: dict[str, object], connection: Any) -> Any:
        """Return this place's value as the database takes it. Raises KeyError where it is missing."""
        return self.output_field.get_db_prep_value(values[self.name], connection)


class Prepared(Generic[Row]):
    """One query. `build` returns its queryset, ordered and sliced as it is to be used, and is called seldom:
    nothing in it may change while the process runs, such as the time, the language or a setting.
    """

    def __init__(self, build: Callable[[], "QuerySet[Any, Row]"]) -> None:
        self._build = build

    def rows(self, **values: object) -> list[Row]:
        """Return the rows for the values of all slots, by one query. Raises TypeError for other names."""
        found: list[Row] = _kept(self, self._compile).rows(values)
        return found

    def first(self, **values: object) -> Row | None:
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


def _kept(owner: object, compiled: Callable[[], Compiled]) -> Compiled:
    """Return what was compiled for this thread's connection."""
    kept = vars(connections[DEFAULT_DB_ALIAS]).setdefault(_KEPT, {})
    if owner not in kept:
        kept[owner] = compiled()
    found: Compiled = kept[owner]
    return found


class _Statement:
    """SQL as one connection, which belongs to one thread, takes it."""

    def __init__(self, compiler: Any) -> None:
        self._compiler = compiler
        self._sql, self._parameters = compiler.as_sql()
        self._names = {one.name for one in self._parameters if isinstance(one, Slot) and one.name}
        self._values: tuple[Any, ...] = ()
        vars(compiler).update(as_sql=lambda *_given, **_options: (self._sql, self._values))

    @contextmanager
    def _bound(self, values: dict[str, object]) -> Iterator[None]:
        if values.keys() != self._names:
            raise TypeError(f"takes {sorted(self._names)}, not {sorted(values)}")
        connection = self._compiler.connection
        self._values = tuple(
            one.value(values, connection) if isinstance(one, Slot) else one for one in self._parameters
        )
        try:
            yield
        finally:
            self._values = ()


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
