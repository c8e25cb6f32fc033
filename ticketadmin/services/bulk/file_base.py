"""The values of an uploaded export as a comparison base, and what the user chose where the CRM has others.

An item's `file_base` holds texts, by field: what the index knew when the file was exported. A fresh value is
the same where it means the same, or where the index would spell it as that text. `file_choices` holds
`{"take": "mine", "seen": value}` or `{"take": "theirs"}` for fields whose conflict was decided; a value that
changes again after that is a new conflict.
"""

from collections.abc import Mapping

from ticketadmin.models import BulkItem
from ticketadmin.services.index.texts import index_text
from ticketadmin.services.values.fields import Value
from ticketadmin.services.values.schema import TicketSchema


def bases_in_file(item: BulkItem, known: Mapping[str, Value], schema: TicketSchema) -> dict[str, Value]:
    """Return the base that an uploaded export brings for a merge with `known`, the ticket as it is now.

    A field whose value is still that of the file has the present value as its base, so that neither its
    JSON type nor its spelling looks like a change.
    """
    choices = item.file_choices or {}
    bases: dict[str, Value] = {}
    for name, had in (item.file_base or {}).items():
        if name in known:
            choice = choices.get(name, {})
            bases[name] = choice["seen"] if "seen" in choice else known[name]
            if "seen" not in choice and not _is_as_exported(name, had, known[name], schema):
                bases[name] = had
    return bases


def _is_as_exported(name: str, had: str, now: Value, schema: TicketSchema) -> bool:
    return schema.same(name, had, now) or schema.same(name, had, index_text(now))
