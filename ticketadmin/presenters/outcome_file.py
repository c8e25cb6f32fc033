"""How the tickets of a run ended, in the reader's words, for the file that they came from."""

from django.utils import timezone
from django.utils.formats import date_format

from ticketadmin.models import BulkItem, BulkUpdate
from ticketadmin.presenters.bulk import label_of, why_so
from ticketadmin.services.bulk.outcome_file import Ending
from ticketadmin.services.bulk.runs import CHUNK
from ticketadmin.services.values.schema import TicketSchema, load_schema


def present_endings(bulk: BulkUpdate) -> dict[str, Ending]:
    """Return how each ticket of a run ended, by its code."""
    schema = load_schema()
    items = bulk.items.select_related("change").order_by("position").iterator(chunk_size=CHUNK)
    return {item.ticket_code: _ending(bulk, item, schema) for item in items}


def _ending(bulk: BulkUpdate, item: BulkItem, schema: TicketSchema) -> Ending:
    why = str(why_so(item, schema))
    detail = " ".join(text for text in (why, item.message) if text)
    at = item.finished_at
    checked = date_format(timezone.localtime(at), "SHORT_DATETIME_FORMAT") if at else ""
    return Ending(str(label_of(bulk, item)[0]), detail, checked)
