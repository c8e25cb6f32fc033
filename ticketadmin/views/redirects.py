"""The answer after a POST: go and look at another page."""

from django.http import HttpResponseRedirect


def see_other(address: str) -> HttpResponseRedirect:
    """Answer 303, so that reloading the next page does not post again (RFC 9110 section 15.4.4)."""
    return HttpResponseRedirect(address, status=303)
