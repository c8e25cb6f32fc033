"""The rate limit, TICKET_API_MAX_PER_SECOND: one row keeps the next free place for a call of any process."""

import time
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction

from ticketadmin.models import Shared, SharedState
from ticketadmin.services.crm.clock import database_now
from ticketadmin.ticketapi.errors import Unavailable
from ticketadmin.ticketapi.reasons import Reason


def wait_for_place(within: float, places: int) -> float:
    """Reserve consecutive places, wait for the first of them, and return how many seconds that took.

    The calls that use the others need not wait. Raises Unavailable (busy_here), without waiting, if the first
    is not due within `within` seconds.
    """
    if settings.TICKET_API_MAX_PER_SECOND <= 0 or places <= 0:
        return 0.0
    step = timedelta(seconds=places / settings.TICKET_API_MAX_PER_SECOND)
    with transaction.atomic():
        row = SharedState.objects.locked(Shared.RATE)
        now = database_now()
        place = max(now, datetime.fromisoformat(row.value["next"])) if "next" in row.value else now
        wait = (place - now).total_seconds()
        if wait >= within:
            raise Unavailable(Reason.BUSY_HERE)
        row.value = {"next": (place + step).isoformat()}
        row.save()
    time.sleep(wait)
    return wait
