"""Announces, on every page, bulk updates that ended while their owner was on another one."""

from django import template

from ticketadmin.models import User
from ticketadmin.presenters.bulk import PresentedRun, present_run
from ticketadmin.services.bulk.progress import news_for

register = template.Library()


@register.inclusion_tag("bulk/_news.html", takes_context=True)
def bulk_news(context: template.Context) -> dict[str, list[PresentedRun]]:
    """Announce each of the user's ended runs once; one query, and only for users who may run them."""
    user = context.get("user")
    if not isinstance(user, User) or not user.may("run_bulk_updates"):
        return {"news": []}
    return {"news": [present_run(one) for one in news_for(user)]}
