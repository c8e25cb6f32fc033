"""Tags of bulk updates: buttons of a run, and news of ended runs on every page."""

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


@register.inclusion_tag("bulk/_action.html", takes_context=True)
def run_button(
    context: template.Context, action: str, label: str, **options: str | bool
) -> dict[str, object]:
    """Write the button of an action on the run whose page it is, with an `icon`.

    `look` is a style of button, `extra` a name that is posted as well; `takes_reason` adds the box for a
    reason and says what for.
    """
    return {"bulk": context["page"].bulk, "action": action, "label": label, **options}
