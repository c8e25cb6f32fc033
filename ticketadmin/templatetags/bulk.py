"""News of bulk updates on every page: a run that ended while its lead was elsewhere."""

from typing import Any

from django import template

from ticketadmin.models import User
from ticketadmin.presenters.bulk import Tile, tiles_of, title_of
from ticketadmin.services.bulk.progress import news_for

register = template.Library()


@register.inclusion_tag("bulk/_news.html", takes_context=True)
def bulk_news(context: template.Context) -> dict[str, Any]:
    """Announce, once, each of the person's runs that ended since; one query, and only for leads."""
    person = context.get("user")
    if not isinstance(person, User) or not person.may("run_bulk_updates"):
        return {"news": []}
    shown = context.get("bulk")
    ended = news_for(person, but_not=str(shown.uuid) if shown else "")
    news: list[tuple[Any, str, tuple[Tile, ...]]] = [
        (bulk, title_of(bulk, progress.total), tiles_of(bulk, progress)) for bulk, progress in ended
    ]
    return {"news": news}
