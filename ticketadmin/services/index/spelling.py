"""How the index spells what a user named: a code in other letter case, a status that no longer exists."""

from collections import defaultdict
from collections.abc import Iterable
from enum import StrEnum

from ticketadmin.models import IndexedTicket
from ticketadmin.services.index.rows import current_index
from ticketadmin.services.values.ordering import sort_key


def spelled_as_known(codes: Iterable[str]) -> dict[str, str]:
    """Return the index's spelling of each code that it knows only in other letter case, in two queries.

    A code is left out if the index knows several such spellings.
    """
    given = {code: sort_key(code) for code in codes}
    known: defaultdict[bytes, set[str]] = defaultdict(set)
    found = IndexedTicket.objects.filter(index=current_index(), code_key__in=set(given.values()))
    for key, code in found.values_list("code_key", "code"):
        known[bytes(key)].add(code)
    spellings = {code: known[key] for code, key in given.items() if key in known}
    return {code: min(names) for code, names in spellings.items() if code not in names and len(names) == 1}


class NamedColumn(StrEnum):
    """A field whose names the index can look up; the value is the field's name."""

    STATUS = "status_name"
    CATEGORY = "cate_name"

    @property
    def key_column(self) -> str:
        """The column that holds the name's sort key."""
        return "status_key" if self is NamedColumn.STATUS else "category_key"


def name_in_index(column: NamedColumn, name: str) -> str:
    """Return a name as tickets in the index have it, "" if none has it. One query, and that of the index."""
    rows = IndexedTicket.objects.filter(index=current_index(), missing_at=None)
    # Without an order: to find the first row by id, a database may scan all of them.
    found = rows.filter(**{column.key_column: sort_key(name)}).order_by().values_list("values", flat=True)[:1]
    return next((values.get(column.value, "") for values in found), "")
