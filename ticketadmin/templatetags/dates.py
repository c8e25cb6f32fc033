"""The CRM's dates in templates."""

from datetime import datetime

from django import template

from ticketadmin.presenters import dates

register = template.Library()


@register.filter
def readable_date(text: str | None) -> str:
    """Write a date of the CRM as the reader does."""
    return dates.readable_date(text) if text else ""


@register.filter
def ago(moment: datetime) -> str:
    """Say how long ago a moment was."""
    return dates.ago(moment)
