"""Where to go next: after a POST, and only ever to a page of ours."""

from django.http import HttpRequest, HttpResponseRedirect
from django.utils.http import url_has_allowed_host_and_scheme


def see_other(address: str) -> HttpResponseRedirect:
    """Answer 303, so that reloading the next page does not post again (RFC 9110 section 15.4.4)."""
    return HttpResponseRedirect(address, status=303)


def if_ours(request: HttpRequest, address: str, *, otherwise: str) -> str:
    """Return the address if it leads to a page of this tool, so that nobody can send people elsewhere."""
    is_ours = url_has_allowed_host_and_scheme(
        address, {request.get_host()}, require_https=request.is_secure()
    )
    return address if is_ours else otherwise
