"""Moments as a CRM writes them; its documentation does not say in which form."""

import re
from datetime import UTC, datetime

from django.utils import timezone
from django.utils.dateparse import parse_datetime

_SECONDS = re.compile(r"[0-9]{9,10}")
_MILLISECONDS = re.compile(r"[0-9]{12,13}")


def moment_of(text: str) -> datetime | None:
    """Return the moment in a text, aware: ISO with or without a zone, or seconds since 1970; else None.

    A time without a zone is taken to be in the product's time zone (TIME_ZONE).
    """
    text = text.strip()[:40]
    if _SECONDS.fullmatch(text):
        return datetime.fromtimestamp(int(text), UTC)
    if _MILLISECONDS.fullmatch(text):
        return datetime.fromtimestamp(int(text) / 1000, UTC)
    try:
        moment = parse_datetime(text)
    except ValueError:
        return None
    if moment is None or not 1970 <= moment.year < 3000:  # far ones cannot be written in every time zone
        return None
    try:
        return timezone.make_aware(moment) if timezone.is_naive(moment) else moment.astimezone(UTC)
    except (OverflowError, ValueError):
        return None
