"""Prefetching: a browser may fetch a ticket that a user points at, within a budget and without any trace.

The tickets page names `speculation_rules` in a header; browsers that know such rules then fetch a pointed-at
ticket with `Sec-Purpose: prefetch`. Such a request reads the ticket and renders its page, and writes nothing:
no session, no presence, no draft, no settling, no row of the index. It is refused with 503, which costs the
user nothing, when the user's budget is spent, on a phone, and while the CRM is away, slow or limited.
"""

import time
from statistics import median

from django.conf import settings
from django.core.cache import cache
from django.http import HttpResponse, JsonResponse

from ticketadmin.models import User
from ticketadmin.services.crm.circuit_breaker import circuit
from ticketadmin.services.crm.connection import recent_read_seconds
from ticketadmin.views.access import UserRequest, in_background, needs

MIN_READ_INTERVAL = 1.0  # seconds between two remote reads that a user did not ask for, over all processes
SLOW = 1.0  # seconds: of a CRM that answers slower than this nothing is read ahead
PREFETCH_REFUSED = 503  # browsers discard a failed prefetch, and request the page anew when the user opens it
RULES = {
    "prefetch": [
        {
            "where": {"and": [{"href_matches": "/tickets/*/"}, {"selector_matches": "[data-list-open]"}]},
            "eagerness": "moderate",
        },
        # reached by keyboard
        {"where": {"selector_matches": "[data-list-open][data-list-ahead]"}, "eagerness": "immediate"},
    ]
}


@needs("edit_tickets", "GET")
@in_background
def speculation_rules(_request: UserRequest) -> HttpResponse:
    """Return the speculation rules: browsers may prefetch links of the list that the user points at."""
    return JsonResponse(RULES, content_type="application/speculationrules+json")


def may_prefetch(request: UserRequest, user: User) -> bool:
    """Return whether a ticket may be read ahead now, and spend the user's budget if so."""
    is_plain = not request.GET and request.headers.get("Sec-CH-UA-Mobile") != "?1"
    if not is_plain or _is_limited() or _is_slow() or circuit().at is not None:
        return False
    # Each process keeps its own budget, which is its share of the user's.
    wait = MIN_READ_INTERVAL * max(settings.WEB_WORKERS, 1)
    return bool(cache.add(f"prefetch:{user.pk}", time.monotonic(), wait))


def _is_limited() -> bool:
    """Return whether the rate limit is so low that requests which a user makes need all of it."""
    return 0 < settings.TICKET_API_MAX_PER_SECOND < 10


def _is_slow() -> bool:
    recent = recent_read_seconds()
    return bool(recent) and median(recent) > SLOW
