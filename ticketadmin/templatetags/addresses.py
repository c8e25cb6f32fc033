"""The address of a page in templates."""

from django import template

from ticketadmin.views import redirects

register = template.Library()


@register.simple_tag(takes_context=True)
def own_address(context: template.Context) -> str:
    """Write where this page can be opened again, also when it answers a form."""
    return redirects.own_address(context["request"], code=getattr(context.get("page"), "code", ""))
