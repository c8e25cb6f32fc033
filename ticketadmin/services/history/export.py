"""Tables for spreadsheets: streamed CSV in which no cell can act as a formula."""

import csv
import json
from collections.abc import Iterable, Iterator
from typing import Any

from django.utils import timezone

from ticketadmin.models import Change
from ticketadmin.services.spreadsheets.formulas import disarmed, disarmed_inside

HISTORY_COLUMNS = (
    "when", "ticket", "person", "origin", "field", "before", "sent", "read_back", "field_outcome", "outcome",
    "message", "http_status", "duration_ms", "request_id", "change", "undo_of", "bulk",
    "reason", "system_account", "waived_rules",
)  # fmt: skip


class _Echo:
    def write(self, text: str) -> str:
        return text


def csv_lines(columns: Iterable[str], rows: Iterable[Iterable[Any]]) -> Iterator[str]:
    """Yield a CSV file line by line, with a byte order mark so that spreadsheets read it as UTF-8."""
    writer = csv.writer(_Echo())
    yield "\ufeff" + writer.writerow([harmless(column) for column in columns])
    for row in rows:
        yield writer.writerow([harmless(cell) for cell in row])


def harmless(value: Any) -> str:
    """Return a cell's text; where a spreadsheet would run it as a formula, it gets an apostrophe.

    A plain number or phone number such as -5 or +84 90 is left as it is: it cannot call a function.
    """
    if value is None:
        return ""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    is_number = text.translate(str.maketrans("", "", "+-. ()")).isdigit()
    if is_number:
        return text
    return disarmed(disarmed_inside(text))


def history_table(changes: Iterable[Change]) -> Iterator[tuple[Any, ...]]:
    """Yield one row for each field of each change, in the order of HISTORY_COLUMNS."""
    for change in changes:
        before, after = change.before or {}, change.read_back or {}
        for name, wanted in change.wanted.items():
            yield (
                timezone.localtime(change.created_at).isoformat(timespec="seconds"),
                change.ticket_code,
                change.actor_name,
                change.origin,
                name,
                before.get(name),
                wanted,
                after.get(name),
                change.results.get(name),
                change.outcome,
                change.message,
                change.http_status,
                change.duration_ms,
                change.request_id,
                str(change.uuid),
                str(change.undo_of.uuid) if change.undo_of else None,
                str(change.bulk) if change.bulk else None,
                change.change_reason,
                change.system_account,
                change.waived_rules,
            )
