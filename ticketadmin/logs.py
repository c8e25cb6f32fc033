"""Log records that are safe to keep: they carry the request id and never the API key."""

import contextvars
import logging

from django.conf import settings

request_id: contextvars.ContextVar[str] = contextvars.ContextVar("request_id", default="-")
MASK = "•••"


class SafeRecord(logging.Filter):
    """Add the request id to each record and blank out the API key wherever it turns up.

    The last layer: nothing is meant to log the key in the first place.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        record.request_id = request_id.get()
        key = settings.TICKET_API_KEY
        if key and len(key) >= 8 and key in record.getMessage():  # shorter would mask ordinary words
            record.msg, record.args = record.getMessage().replace(key, MASK), ()
        return True
