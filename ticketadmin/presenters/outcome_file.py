"""How the tickets of a run ended, in the reader's words, for the file that they came from."""

from collections import defaultdict

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from ticketadmin.models import BulkItem, BulkUpdate
from ticketadmin.presenters.bulk import label_of, why_so
from ticketadmin.services.bulk.outcome_file import Ending, Endings
from ticketadmin.services.bulk.runs import CHUNK
from ticketadmin.services.values.schema import TicketSchema, load_schema


def present_endings(bulk: BulkUpdate) -> Endings:
    """Return how each ticket of a run ended, and why rows of its file had no part in it."""
    schema = load_schema()
    items = bulk.items.select_related("change").order_by("position").iterator(chunk_size=CHUNK)
    return Endings(
        by_code={item.ticket_code: _ending(bulk, item, schema) for item in items},
        by_row=_wrong_rows(bulk),
        otherwise=_not_sent(""),
    )


def _wrong_rows(bulk: BulkUpdate) -> dict[int, Ending]:
    """Return the ending of each row with a known error; only the first errors of a file are kept."""
    found = defaultdict(list)
    for error in bulk.notes.get("errors", []):
        found[error["row"]].append(f"{error['column']}: {error['message']}")
    return {row: _not_sent(" · ".join(texts)) for row, texts in found.items()}


def _not_sent(detail: str) -> Ending:
    return Ending(_("Not part of the run"), detail, "")


def _ending(bulk: BulkUpdate, item: BulkItem, schema: TicketSchema) -> Ending:
    why = str(why_so(item, schema))
    detail = " ".join(text for text in (why, item.message) if text)
    at = item.finished_at
    checked = date_format(timezone.localtime(at), "SHORT_DATETIME_FORMAT") if at else ""
    return Ending(str(label_of(bulk, item)[0]), detail, checked)
