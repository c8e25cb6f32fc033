"""News of bulk updates on every page: a run that ended while its lead was elsewhere."""

from django import template

from ticketadmin.models import User
from ticketadmin.presenters.bulk import PresentedRun, present_run
from ticketadmin.services.bulk.progress import news_for

register = template.Library()


@register.inclusion_tag("bulk/_news.html", takes_context=True)
def bulk_news(context: template.Context) -> dict[str, list[PresentedRun]]:
    """Announce, once, each of the user's runs that ended since; one query, and only for leads."""
    person = context.get("user")
    if not isinstance(person, User) or not person.may("run_bulk_updates"):
        return {"news": []}
    return {"news": [present_run(one) for one in news_for(person)]}
