"""How the index spells a ticket code that a user typed in other capitals, which a CRM may tell apart."""

from collections import defaultdict
from collections.abc import Iterable

from ticketadmin.models import IndexedTicket
from ticketadmin.services.index.rows import current_index
from ticketadmin.services.values.ordering import sort_key


def spelled_as_known(codes: Iterable[str]) -> dict[str, str]:
    """Return the spelling that the index knows of each code that it does not know as given, in two queries.

    A code is left out where the index has no ticket of its letters, or several.
    """
    given = {code: sort_key(code) for code in codes}
    known: defaultdict[bytes, set[str]] = defaultdict(set)
    found = IndexedTicket.objects.filter(index=current_index(), code_key__in=set(given.values()))
    for key, code in found.values_list("code_key", "code"):
        known[bytes(key)].add(code)
    spellings = {code: known[key] for code, key in given.items() if key in known}
    return {code: min(names) for code, names in spellings.items() if code not in names and len(names) == 1}
