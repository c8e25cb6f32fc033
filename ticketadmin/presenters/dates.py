"""Dates of the CRM in the user's language."""

from datetime import date, datetime
from functools import lru_cache

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import get_language, gettext, ngettext


def readable_date(text: str | None) -> str:
    """Return a date, or a date with its time, in the reader's format; other text unchanged, "" for None.

    The CRM's times have no zone and are shown as it writes them; one with a zone is converted to TIME_ZONE.
    """
    return _readable(text or "", get_language() or "")


@lru_cache(maxsize=2048)
def _readable(text: str, language: str) -> str:
    try:
        if len(text) <= len("2026-12-31"):
            return date_format(date.fromisoformat(text), "DATE_FORMAT")
        moment = datetime.fromisoformat(text)
        local = timezone.localtime(moment) if timezone.is_aware(moment) else moment
    except (ValueError, OverflowError):  # the latter for the first and the last day that Python knows
        return text
    return date_format(local, "DATETIME_FORMAT")


def readable_moment(moment: datetime) -> str:
    """Return a moment to the minute, in the reader's format and TIME_ZONE."""
    return _readable_moment(moment.replace(second=0, microsecond=0), get_language() or "")


@lru_cache(maxsize=2048)
def _readable_moment(moment: datetime, language: str) -> str:
    return date_format(timezone.localtime(moment), "SHORT_DATETIME_FORMAT")


def ago(moment: datetime) -> str:
    """Return how long ago a moment was, such as "3 minutes ago"."""
    minutes = max(0, int((timezone.now() - moment).total_seconds() // 60))
    if minutes == 0:
        return gettext("less than a minute ago")
    if minutes < 60:
        return ngettext("%(n)s minute ago", "%(n)s minutes ago", minutes) % {"n": minutes}
    if minutes < 24 * 60:
        return ngettext("%(n)s hour ago", "%(n)s hours ago", minutes // 60) % {"n": minutes // 60}
    days = minutes // (24 * 60)
    return ngettext("%(n)s day ago", "%(n)s days ago", days) % {"n": days}
