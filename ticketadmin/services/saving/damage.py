"""What a save did to fields that it did not send: emptied, changed, or only spelled otherwise.

Judged by the values read just before the PUT and right after it (`Change.collateral`). An emptied
field points to a CRM that wipes what a PUT leaves out; a changed one may be an automation of the CRM or
a colleague at the same moment; another spelling of the same value is the CRM's own normalisation.
"""

import json
from collections.abc import Iterable, Mapping, Sequence

from ticketadmin.models import Damage
from ticketadmin.sanitizing import visible_text
from ticketadmin.services.values.codecs import canonical
from ticketadmin.services.values.fields import Field, Kind, Value
from ticketadmin.services.values.schema import TicketSchema
from ticketadmin.text import normalize

DAY = len("2026-01-31")


def damage_by_field(collateral: Mapping[str, Sequence[Value]], schema: TicketSchema) -> dict[str, Damage]:
    """Return the kind of damage of each field; `collateral` maps its name to [before, after]."""
    return {name: _damage(schema.field(name), *pair) for name, pair in collateral.items()}


def worst_damage(found: Iterable[Damage]) -> Damage | None:
    """Return the worst of several, None if there is none."""
    kinds = set(found)
    return next((one for one in Damage if one in kinds), None)


def _damage(field: Field, before: Value, after: Value) -> Damage:
    if canonical(field, after) == "":
        return Damage.EMPTIED
    return Damage.RESPELLED if _loosely(field, before) == _loosely(field, after) else Damage.CHANGED


def _loosely(field: Field, value: Value) -> str:
    """Return what is left of a value without its spelling: case, white space, composition, markup."""
    text = _as_text(value)
    if field.kind is Kind.HTML:
        text = visible_text(text)
    text = "".join(normalize("NFKC", text).casefold().split())
    if field.kind is Kind.DATE:
        return text[:DAY]
    if field.kind is Kind.PHONE:
        return "".join(one for one in text if one.isdigit())
    return text


def _as_text(value: Value) -> str:
    if isinstance(value, list):
        return " ".join(sorted(_as_text(one) for one in value))
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, sort_keys=True)
