"""How the database finds words inside texts: by trigrams if it supports them.

SQLite gets an FTS5 table with a trigram tokenizer that triggers keep equal to the rows; PostgreSQL gets a
`pg_trgm` index where the database lets us make the extension, and an index of the lines that are numbers: a
whole telephone number is found there among a million rows in 0.04 ms, by its trigrams in 4. Without these,
rows are scanned. They are made after migrations, because a rebuilt SQLite table loses its triggers.
"""

import logging
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import reduce
from operator import and_, or_
from typing import Any

from django.db import DatabaseError, connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import BooleanField, Q
from django.db.models.expressions import RawSQL
from django.db.models.signals import post_migrate
from django.dispatch import receiver

from ticketadmin.services.index.words import Term

logger = logging.getLogger(__name__)
TRIGRAM = 3  # letters: a shorter word is in no trigram
ROWS, FTS = "ticketadmin_indexedticket", "ticketadmin_ticketwords"
_TABLE = """
CREATE VIRTUAL TABLE IF NOT EXISTS ticketadmin_ticketwords
USING fts5(words, content='ticketadmin_indexedticket', content_rowid='id', tokenize='trigram')
"""
_ADD = f"INSERT INTO {FTS}(rowid, words) VALUES (new.id, new.words);"  # noqa: S608 - no input in it
_DROP = f"INSERT INTO {FTS}({FTS}, rowid, words) VALUES ('delete', old.id, old.words);"  # noqa: S608 - nor here
_TRIGGERS = tuple(
    f"CREATE TRIGGER IF NOT EXISTS {FTS}_{event.split()[0].lower()} AFTER {event} ON {ROWS} {work} END"
    for event, work in (
        ("INSERT", f"BEGIN {_ADD}"),
        ("DELETE", f"BEGIN {_DROP}"),
        ("UPDATE OF words", f"WHEN old.words IS NOT new.words BEGIN {_DROP} {_ADD}"),
    )
)
_REBUILD = "INSERT INTO ticketadmin_ticketwords(ticketadmin_ticketwords) VALUES ('rebuild')"
_FOUND = "SELECT rowid FROM ticketadmin_ticketwords WHERE ticketadmin_ticketwords MATCH %s"
# The plus keeps SQLite from looking rows up by their ids, which would have to be sorted afterwards.
_AMONG_FOUND = f"+ticketadmin_indexedticket.id IN ({_FOUND})"
_FIRST_FOUND = f"{_FOUND} LIMIT %s"
# A third of its trigrams name few enough rows to look at: 0.2 ms instead of 0.8 for all of them in order.
_WITH_PARTS = f"{_FOUND} AND instr(words, %s) LIMIT %s"
FREQUENT_ROWS = (
    1_000  # rows; up to here one query of the word table gives the ids, and later queries use those
)
_TRIGRAMS = """
CREATE INDEX IF NOT EXISTS indexed_words ON ticketadmin_indexedticket USING gin (words gin_trgm_ops)
"""
_LINES = r"string_to_array(regexp_replace(words, '[^\n]*[^0-9\n][^\n]*', '', 'g'), E'\n')"
_NUMBERS = f"array_remove({_LINES}, '')"  # the lines without anything but digits
# Without fastupdate: a search would read what is not in the tree yet, row by row, 7 ms for 2 MB of it.
_NUMBER_INDEX = f"""
CREATE INDEX IF NOT EXISTS indexed_numbers ON {ROWS} USING gin (({_NUMBERS})) WITH (fastupdate = off)
"""
_WITH_NUMBER = f"SELECT id FROM {ROWS} WHERE {_NUMBERS} @> ARRAY[%s] LIMIT %s"  # noqa: S608 - no input in it


@dataclass(frozen=True)
class Matches:
    """The condition under which a row holds words, and the one for reading the first rows of an order.

    They differ where the words are frequent: SQLite then walks the order's index and looks each row up among
    those found, instead of fetching and sorting them all: 6 ms instead of 36 for 20,000 of 100,000 rows.
    `are_few`: the rows have been found already and are named one by one.
    """

    any_order: Q
    in_order: Q
    are_few: bool = False


@receiver(post_migrate)
def prepare_search(sender: Any, using: str, **_signal: Any) -> None:
    """Create the tables and triggers that search needs, unless they exist. Idempotent and quick."""
    if getattr(sender, "name", "") != "ticketadmin":
        return
    connection = connections[using]
    if ROWS not in connection.introspection.table_names():
        return
    if connection.vendor == "sqlite":
        _prepare_sqlite(connection)
    elif connection.vendor == "postgresql":
        _prepare_postgresql(connection)


def rebuild_words(connection: BaseDatabaseWrapper) -> None:
    """Rebuild SQLite's word table from the rows."""
    if connection.vendor == "sqlite" and has_trigrams(connection):
        with connection.cursor() as cursor:
            cursor.execute(_REBUILD)


def has_trigrams(connection: BaseDatabaseWrapper) -> bool:
    """Return whether this SQLite database has the word table."""
    return bool(_asked(connection, "SELECT 1 FROM sqlite_master WHERE name = %s", FTS))


def _has_numbers(connection: BaseDatabaseWrapper) -> bool:
    """Return whether this PostgreSQL database has the index of numbers."""
    return bool(_asked(connection, "SELECT 1 FROM pg_class WHERE oid = to_regclass(%s)", "indexed_numbers"))


class _Made:
    """Which databases have the indexes for search. Cached, because no version of the product drops them."""

    def __init__(self) -> None:
        self._names: set[str] = set()

    def __call__(
        self, connection: BaseDatabaseWrapper, is_there: Callable[[BaseDatabaseWrapper], bool]
    ) -> bool:
        name = str(connection.settings_dict["NAME"])
        if name not in self._names and is_there(connection):
            self._names.add(name)
        return name in self._names


_is_made = _Made()  # a process has one database, tests a few


def _asked(connection: BaseDatabaseWrapper, sql: str, *parameters: str | int) -> list[Any]:
    """Return the first column of a query."""
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return [row[0] for row in cursor.fetchall()]


def _prepare_sqlite(connection: BaseDatabaseWrapper) -> None:
    there = _asked(connection, "SELECT 1 FROM sqlite_master WHERE type = 'trigger' AND tbl_name = %s", ROWS)
    if len(there) == len(_TRIGGERS) and has_trigrams(connection):
        return
    with connection.cursor() as cursor:
        try:
            cursor.execute(_TABLE)
        except DatabaseError as error:  # a SQLite without FTS5 or older than 3.34: rows are scanned
            logger.warning("search has no word table and scans rows: %s", error)
            return
        for trigger in _TRIGGERS:
            cursor.execute(trigger)
        cursor.execute(_REBUILD)


def _prepare_postgresql(connection: BaseDatabaseWrapper) -> None:
    for statements in (f"CREATE EXTENSION IF NOT EXISTS pg_trgm; {_TRIGRAMS}", _NUMBER_INDEX):
        try:
            with transaction.atomic(using=connection.alias), connection.cursor() as cursor:
                cursor.execute("SET LOCAL statement_timeout = 0")  # a million rows take half a minute
                cursor.execute(statements)
        except DatabaseError as error:  # the database's owner may not create extensions: rows are scanned
            logger.warning("search has no trigram index and scans rows: %s", type(error).__name__)


def matching_words(terms: Iterable[Term], connection: BaseDatabaseWrapper) -> Matches:
    """Return the conditions under which a ticket holds every term, by this database's quickest way.

    A complete telephone number that tickets hold is not searched for by its parts and, on PostgreSQL, not
    inside longer numbers.
    """
    terms = tuple(terms)
    is_sqlite = connection.vendor == "sqlite"
    if not _is_made(connection, has_trigrams if is_sqlite else _has_numbers):
        return _by_scan(terms)
    number = next((term.number for term in terms if term.number), "")
    if number and (found := _with_number(number, connection)):
        others = _by_scan(term for term in terms if term.number != number)
        named = Q(pk__in=found) & others.any_order
        return Matches(named, named, are_few=True)
    return _in_word_table(terms, connection) if is_sqlite else _by_scan(terms)


def _by_scan(terms: Iterable[Term]) -> Matches:
    scanned = reduce(and_, map(holding, terms), Q())
    return Matches(scanned, scanned)


def _with_number(number: str, connection: BaseDatabaseWrapper) -> list[int]:
    """Return the ids of the rows with a whole number; none if there are many."""
    if connection.vendor == "sqlite":
        parts = " AND ".join(_quoted(number[start : start + TRIGRAM]) for start in (1, 4, 7))
        found = _asked(connection, _WITH_PARTS, parts, number, FREQUENT_ROWS + 1)
    else:
        found = _asked(connection, _WITH_NUMBER, number, FREQUENT_ROWS + 1)
    return found if len(found) <= FREQUENT_ROWS else []


def _in_word_table(terms: tuple[Term, ...], connection: BaseDatabaseWrapper) -> Matches:
    indexed = [term for term in terms if all(len(word) >= TRIGRAM for way in term.options for word in way)]
    if not indexed:
        return _by_scan(terms)
    scanned = _by_scan(term for term in terms if term not in indexed).any_order
    match = " AND ".join(f"({_alternatives(term)})" for term in indexed)
    found = _asked(connection, _FIRST_FOUND, match, FREQUENT_ROWS + 1)
    if len(found) <= FREQUENT_ROWS:
        named = scanned & Q(pk__in=found)
        return Matches(named, named, are_few=True)
    return Matches(
        scanned & Q(pk__in=RawSQL(_FOUND, [match])),  # noqa: S611
        scanned & Q(RawSQL(_AMONG_FOUND, [match], output_field=BooleanField())),  # noqa: S611
    )


@contextmanager
def walking(connection: BaseDatabaseWrapper) -> Iterator[None]:
    """Make PostgreSQL scan the table for counts inside this context, up to a limit: for frequent words.

    Its planner takes several words for rarer than they are together, and collects the place of every row that
    holds them before it counts the first: 208 ms for 200,000 of a million, 73 ms by a scan to the limit.
    """
    with transaction.atomic(using=connection.alias):
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL enable_bitmapscan = off")
        yield


def _alternatives(term: Term) -> str:
    ways = ("(" + " AND ".join(_quoted(word) for word in way) + ")" for way in term.options)
    return " OR ".join(ways)


def _quoted(word: str) -> str:
    return '"' + word.replace('"', '""') + '"'


def holding(term: Term, column: str = "words") -> Q:
    """Return the condition that a column of search words holds one of the term's options."""
    ways = (reduce(and_, (Q(**{f"{column}__contains": word}) for word in way), Q()) for way in term.options)
    return reduce(or_, ways)
