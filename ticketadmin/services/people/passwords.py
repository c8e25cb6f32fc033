"""New passwords for people who forgot theirs, by e-mail.

The attacker wants to learn which addresses have an account, to flood a mailbox, or to have the link. So the
answer is the same for every address, in words and, as far as it goes, in time: the mail is written also for
an unknown address, and sent after the answer. Requests are counted by person and by client address.
"""

import logging
import threading
from collections.abc import Callable
from datetime import timedelta

from django.core.mail import EmailMessage
from django.utils import timezone

from ticketadmin.models import ResetRequest, Source, User

FOR_PERSON = 3
FROM_ADDRESS = 10
WITHIN = timedelta(hours=1)
MAILING = "mail"

logger = logging.getLogger(__name__)


class TooManyRequests(Exception):
    """This client address asked too often."""


def ask_for_password(email: str, *, address: str, write: Callable[[User], EmailMessage]) -> None:
    """Send a link to the users who have this e-mail address and a password kept here.

    `write` makes the message for a person. Raises TooManyRequests when the client's address asked too often;
    for a person who was sent enough links already nothing more is sent, and nothing says so.
    """
    now = timezone.now()
    ResetRequest.objects.filter(created_at__lt=now - WITHIN).delete()
    if ResetRequest.objects.filter(address=address or None).count() >= FROM_ADDRESS:
        raise TooManyRequests
    people = _who_may_reset(email)
    for person in people or [User(email=email, pk=0)]:
        ResetRequest.objects.create(
            person=person if person.pk else None, address=address or None, created_at=now
        )
        asked = ResetRequest.objects.filter(person_id=person.pk).count()
        message = write(person)
        if person.pk and asked <= FOR_PERSON:
            threading.Thread(target=_send, args=(message, person.pk), name=MAILING).start()


def _who_may_reset(email: str) -> list[User]:
    """Compare exactly but for case: a look-alike address of another alphabet is another address."""
    found = User.objects.filter(email__iexact=email, is_active=True, source=Source.LOCAL)
    return [one for one in found if one.email.casefold() == email.casefold() and one.has_usable_password()]


def _send(message: EmailMessage, person: int) -> None:
    try:
        message.send()
    except Exception:  # the last line of defence of a thread: whatever a mail server does
        logger.exception("The mail with a link for a new password could not be sent to person %s.", person)
