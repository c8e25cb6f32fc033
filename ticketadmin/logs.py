"""Log records that are safe to keep: they carry the request id, and no secret in any part of them.

A record names the user (by id), the ticket (by code), the outcome and the time it took: never content,
e-mail, phone or key. `event` writes such a record; with LOG_FORMAT=json each fact has its own key.
"""

import json
import logging
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from django.conf import settings
from django.views.debug import SafeExceptionReporterFilter

from ticketadmin.request_ids import current_request_id
from ticketadmin.ticketapi.keys import MASK, ApiKey

# Settings that hold secrets. Nothing logs them on purpose; masking them is the last line of defence.
SECRETS = (
    *("TICKET_API_KEY", "TICKET_API_COOKIE", "SECRET_KEY", "METRICS_TOKEN"),
    *("LDAP_BIND_PASSWORD", "OIDC_RP_CLIENT_SECRET", "EMAIL_HOST_PASSWORD"),
)
MIN_SECRET = 8  # shorter would mask ordinary words


def event(logger: logging.Logger, name: str, *, level: int = logging.INFO, **facts: Any) -> None:
    """Log that something happened, with its facts; those that are None or empty are left out."""
    if not logger.isEnabledFor(level):
        return
    known = {key: value for key, value in facts.items() if value not in (None, "")}
    words = " ".join([name, *(f"{key}={_plain(value)}" for key, value in known.items())])
    logger.log(level, "%s", words, extra={"event": name, "facts": known})


def _plain(value: object) -> str:
    """Return a value as text that cannot start a new line in the log; containers as JSON.

    JSON writes members of string enums as their values; `str` of a container would write their `repr`.
    """
    is_container = isinstance(value, Mapping | list | tuple)
    text = json.dumps(value, default=str, separators=(",", ":")) if is_container else str(value)
    return text if text.isprintable() and " " not in text else json.dumps(text, ensure_ascii=True)


def without_secrets(text: str) -> str:
    """Return the text with every secret of the settings blanked out."""
    for name in SECRETS:
        secret = getattr(settings, name, "")
        if isinstance(secret, str) and len(secret) >= MIN_SECRET:
            text = text.replace(secret, MASK)
    if settings.TICKET_API_KEY_FILE:
        text = _key_in(settings.TICKET_API_KEY_FILE).mask(text)
    return text


@lru_cache(maxsize=4)
def _key_in(file: str) -> ApiKey:
    return ApiKey(file=file)


class SafeErrorReport(SafeExceptionReporterFilter):
    """Django's filter of DEBUG pages and mailed reports, which also hides addresses that hold a password.

    Under `runserver` the environment is part of the request.
    """

    hidden_settings = re.compile(
        SafeExceptionReporterFilter.hidden_settings.pattern + "|_URL$|_DSN$|PROXY$|COOKIE", re.IGNORECASE
    )


class SafeRecord(logging.Filter):
    """Add the request id to each record."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.request_id = current_request_id() or "-"
        return True


class SafeFormatter(logging.Formatter):
    """One line per record, then its traceback, if any; secrets are blanked out of both."""

    def format(self, record: logging.LogRecord) -> str:
        return without_secrets(super().format(record))


class JsonFormatter(logging.Formatter):
    """One JSON object per record, for log collectors."""

    def format(self, record: logging.LogRecord) -> str:
        content: dict[str, Any] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "request_id": getattr(record, "request_id", "-"),
            "event": getattr(record, "event", None),
            **getattr(record, "facts", {}),
        }
        if content["event"] is None:
            content["message"] = record.getMessage()
        if record.exc_info:
            content["traceback"] = self.formatException(record.exc_info)
        kept = {key: value for key, value in content.items() if value is not None}
        return without_secrets(json.dumps(kept, ensure_ascii=False, default=str))
