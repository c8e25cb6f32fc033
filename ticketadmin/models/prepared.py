"""Queries whose SQL is worked out once a connection, for those that every page of a kind needs.

Django builds and compiles a query anew each time it is used. For the queries of the ticket page that was half
of the page's processor time, several times what the database and the rows took. A prepared query is built
once, with `Slot`s where its values go; what it returns is what its queryset would return, always read afresh.
Queries that depend on filters or are rare stay ordinary querysets.
"""

from collections.abc import Callable
from typing import Any, Generic, TypeVar

from django.db import DEFAULT_DB_ALIAS, connections
from django.db.models import Expression, Field, QuerySet

Row = TypeVar("Row")
_KEPT = "_prepared"  # the attribute of a connection that keeps what was compiled for it


class Slot(Expression):
    """The place of a value that each call brings, by name; it is converted as its field converts values."""

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
        kept = vars(connections[DEFAULT_DB_ALIAS]).setdefault(_KEPT, {})
        if self not in kept:
            kept[self] = _Compiled(self._build())
        found: list[Row] = kept[self].rows(values)
        return found

    def first(self, **values: object) -> Row | None:
        """Return the first row; the queryset is sliced to it. Raises TypeError for other names."""
        return next(iter(self.rows(**values)), None)


class _Compiled:
    """A query as one connection, which belongs to one thread, takes it."""

    def __init__(self, queryset: Any) -> None:
        self._queryset = queryset
        self._compiler = queryset.query.get_compiler(queryset.db)
        self._sql, self._parameters = self._compiler.as_sql()
        self._names = {one.name for one in self._parameters if isinstance(one, Slot)}
        converters = self._compiler.get_converters([column for column, *_rest in self._compiler.select])
        replaced: dict[str, Any] = {"as_sql": self._bound, "get_converters": lambda _columns: converters}
        vars(self._compiler).update(replaced)
        vars(queryset.query).update(get_compiler=lambda *_given, **_options: self._compiler)
        self._values: tuple[Any, ...] = ()

    def rows(self, values: dict[str, object]) -> list[Any]:
        if values.keys() != self._names:
            raise TypeError(f"takes {sorted(self._names)}, not {sorted(values)}")
        connection = self._compiler.connection
        self._values = tuple(
            one.value(values, connection) if isinstance(one, Slot) else one for one in self._parameters
        )
        try:
            return list(self._queryset._iterable_class(self._queryset))
        finally:
            self._values = ()

    def _bound(self, *_options: Any, **_further: Any) -> tuple[str, tuple[Any, ...]]:
        return self._sql, self._values
