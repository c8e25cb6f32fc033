"""Where to go next: after a POST, and only ever to a page of this tool."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponseRedirect
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme

# Addresses that only take posts; their answers cannot be opened again there.
ONLY_POSTED = frozenset(
    """ticket_preview draft_keep draft_discard draft_bring_back content_preview presence keep_view delete_view
    bulk_action undo restore settle sign_out sign_out_all preferences choose_columns omitted_fields
    export_csv export_xlsx recipe_delete ticket_snippet snippets_csv""".split()
)


def see_other(address: str) -> HttpResponseRedirect:
    """Answer 303, so that reloading the next page does not post again (RFC 9110 section 15.4.4)."""
    return HttpResponseRedirect(address, status=303)


def confirmed(request: HttpRequest, text: str, route: str, *arguments: object) -> HttpResponseRedirect:
    """Answer 303 to a page of this tool, which confirms what was done."""
    messages.success(request, text)
    return see_other(reverse(route, args=arguments))


def own_or_else(request: HttpRequest, address: str, *, otherwise: str) -> str:
    """Return the address if it leads to a page of this tool, else `otherwise`: no link can lead elsewhere."""
    is_ours = url_has_allowed_host_and_scheme(
        address, {request.get_host()}, require_https=request.is_secure()
    )
    return address if is_ours else otherwise


def address_of_page(request: HttpRequest, *, code: str) -> str:
    """Return the address at which the page that answers a request can be opened again.

    That is the request's address, unless it only takes posts: then it is that of the ticket (`code`, if the
    address does not name it) or bulk update concerned, else of the tickets page.
    """
    match = request.resolver_match
    if match is None or match.url_name not in ONLY_POSTED:
        return request.get_full_path()
    if code := match.kwargs.get("code", code):
        return reverse("ticket", args=[code])
    if bulk := match.kwargs.get("bulk"):
        return reverse("bulk", args=[bulk])
    return reverse("tickets")
