"""Password resets by e-mail.

The attacker wants to learn which addresses have an account, to flood a mailbox, or to get the link. So the
answer is the same for every address, in its text and as far as possible in its time: the mail is also
rendered for an unknown address, and sent after the answer. Requests are counted by user and by client
address.
"""

import logging
import threading
from collections.abc import Callable
from datetime import timedelta

from django.core.mail import EmailMessage
from django.utils import timezone

from ticketadmin.models import IdentitySource, ResetRequest, User

MAX_PER_USER = 3
MAX_PER_ADDRESS = 10
RESET_REQUEST_WINDOW = timedelta(hours=1)
MAILING = "mail"

logger = logging.getLogger(__name__)


class TooManyRequests(Exception):
    """This client address requested too many links."""


def ask_for_password(email: str, *, address: str, write: Callable[[User], EmailMessage]) -> None:
    """Send a link to the users who have this e-mail address and a password kept here.

    `write` renders the message for a user. Raises TooManyRequests for the client's address. A user beyond
    MAX_PER_USER gets no further mail, and the answer does not reveal it.
    """
    now = timezone.now()
    ResetRequest.objects.filter(created_at__lt=now - RESET_REQUEST_WINDOW).delete()
    if ResetRequest.objects.filter(address=address or None).count() >= MAX_PER_ADDRESS:
        raise TooManyRequests
    for user in _users_who_may_reset(email) or [User(email=email, pk=0)]:
        ResetRequest.objects.create(person=user if user.pk else None, address=address or None, created_at=now)
        requests = ResetRequest.objects.filter(person_id=user.pk).count()
        message = write(user)
        if user.pk and requests <= MAX_PER_USER:
            threading.Thread(target=_send, args=(message, user.pk), name=MAILING).start()


def _users_who_may_reset(email: str) -> list[User]:
    """Compare exactly but for case: a look-alike address of another alphabet is another address."""
    found = User.objects.filter(email__iexact=email, is_active=True, source=IdentitySource.LOCAL)
    return [one for one in found if one.email.casefold() == email.casefold() and one.has_usable_password()]


def _send(message: EmailMessage, user_id: int) -> None:
    try:
        message.send()
    except Exception:  # in a thread, where nothing else would log it
        logger.exception("The password link could not be sent to user %s.", user_id)
