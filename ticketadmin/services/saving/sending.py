"""Sending a recorded intent: the PUT, and once more without a signature that the CRM refused.

The result is a value: `Written`. Whether it is sent again after a wait is decided in `save`, which compares
the ticket again; proving it is in `proving`.
"""

import time
from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from django.utils import timezone

from ticketadmin.models import Change
from ticketadmin.services.crm.connection import get_api
from ticketadmin.services.saving.errors import SaveFailed, SaveProblem
from ticketadmin.services.saving.intent import TicketEdit
from ticketadmin.services.saving.payload import Intent
from ticketadmin.services.saving.record import Received
from ticketadmin.services.saving.signature import SIGNATURE_REFUSED
from ticketadmin.services.saving.verdict import Sent, WriteState, state_after
from ticketadmin.ticketapi.errors import Effect, InvalidTicket, TicketApiError
from ticketadmin.ticketapi.tickets import UpdateReply


@dataclass(frozen=True)
class Written:
    """A recorded save whose PUT has ended, until it is proved. It holds the ticket's lock.

    `started` is when it was first sent (`time.monotonic`), `failure` the error of the PUT, if any, and
    `prevented` why it was not sent again after a wait.
    """

    change: Change
    edited: TicketEdit
    intent: Intent
    received: Received
    started: float
    failure: TicketApiError | None = None
    prevented: SaveProblem | None = None

    @property
    def sent(self) -> Sent:
        """Return the part of it that `judge` needs."""
        intent = self.intent
        return Sent(intent.wanted, intent.before or {}, intent.signature, intent.along)

    @property
    def state(self) -> WriteState:
        """Return what is known of it right after the PUT ended."""
        return state_after(self.failure, self.change.created_at)

    @property
    def again_in(self) -> float | None:
        """Return the seconds after which it may be sent again, None if it may not.

        No PUT starts later than two timeouts after the record was made, so that `settled_after` holds.
        """
        wait = self.failure.again_in if self.failure else None
        give_up = self.change.created_at + timedelta(seconds=2 * settings.TICKET_API_TIMEOUT)
        return None if wait is None or timezone.now() + timedelta(seconds=wait) > give_up else wait

    @property
    def problem(self) -> SaveProblem | None:
        """Return the problem to report unless the write proves to be stored; None for an accepted write."""
        return self.prevented or (SaveFailed(self.change, self.failure) if self.failure else None)


def send(change: Change, edited: TicketEdit, intent: Intent, tried: Written | None) -> Written:
    """Send the recorded intent; `tried` is the previous attempt; the ticket was compared again since."""
    started = tried.started if tried else time.monotonic()
    if tried and tried.intent.signature is None:  # the CRM refused it
        intent = intent.unsigned()
    answer = _put(change, intent, tried.failure if tried else None)
    if isinstance(answer, TicketApiError) and _may_be_the_signature(answer, intent):
        intent = intent.unsigned()
        answer = _put(change, intent, answer)
    received = Received.of(answer, round((time.monotonic() - started) * 1000))
    failure = answer if isinstance(answer, TicketApiError) else None
    return Written(change, edited, intent, received, started, failure)


def _put(change: Change, intent: Intent, after: TicketApiError | None) -> UpdateReply | TicketApiError:
    """Send an intent, once the record says what is sent; `after` is the error of the previous attempt."""
    _keep_on_record(change, intent)
    try:
        return get_api().update_ticket(
            change.ticket_code,
            intent.payload,
            request_id=change.request_id,
            has_place=intent.before is not None,
            after=after,
        )
    except TicketApiError as error:
        return error


def _keep_on_record(change: Change, intent: Intent) -> None:
    """Update the record if what is about to be sent differs from it."""
    if (intent.wanted, intent.before, intent.payload) == (change.wanted, change.before, change.payload):
        return
    change.wanted, change.before, change.payload = dict(intent.wanted), intent.before, dict(intent.payload)
    if change.signature and intent.signature is None:
        change.signature = {**change.signature, "result": SIGNATURE_REFUSED}
    change.save(update_fields=["wanted", "before", "payload", "signature"])


def _may_be_the_signature(error: TicketApiError, intent: Intent) -> bool:
    """Return whether the CRM may have refused a save for its signature: it is then sent without one."""
    return intent.signature is not None and isinstance(error, InvalidTicket) and error.effect is Effect.NONE
