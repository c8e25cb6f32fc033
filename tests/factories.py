"""Factories for rows, with what every such row needs filled in; any column can be given by its name.

Fixtures of `conftest.py` make a user for each test; a module may share its own.
"""

from typing import Any

from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.auth.models import Group
from django.http import HttpRequest
from django.test import Client
from django.utils import timezone

from ticketadmin.models import (
    BulkItem,
    BulkState,
    BulkUpdate,
    Change,
    IndexedTicket,
    Role,
    TicketIndex,
    User,
)
from ticketadmin.services.index.rows import current_index
from ticketadmin.signing_in.session_store import SessionStore
from ticketadmin.signing_in.sessions import begin_limits

PASSWORD = "a-long-test-password-1"
ENDED = {BulkState.CANCELLED, BulkState.FINISHED}
STARTED = ENDED | {BulkState.RUNNING, BulkState.PAUSED, BulkState.CANCELLING}


def make_user(role: Role | None, username: str = "", **values: object) -> User:
    """Create a user with a role, or without any; the name is the role's unless it is given.

    The audit log has no entry of it: to record each of thousands takes two thirds of the time.
    """
    user = User(username=username or (role.value if role else "nobody"), **values)
    user.set_password(PASSWORD)
    User.objects.bulk_create([user])
    if role:
        group = Group.objects.get(name=role.value)
        User.groups.through.objects.bulk_create([User.groups.through(user=user, group=group)])
    return user


class NewSession(SessionStore):
    """A session that is written once, when it is saved: `login` otherwise writes an empty one before."""

    key_salt = SessionStore().key_salt  # which is otherwise of this class, and no request reads it

    def cycle_key(self) -> None:
        """Leave it without a key, which no one knows; `save` gives it one."""


def signed_in(user: User) -> Client:
    """Return a test browser with a session of the user's own, as `login` makes it, without a record of it.

    `login` also writes an entry of the audit log and the time of the sign-in, and looks for earlier failures.
    """
    client, request = Client(), HttpRequest()
    request.session = NewSession()
    request.session[SESSION_KEY] = str(user.pk)
    request.session[BACKEND_SESSION_KEY] = "ticketadmin.signing_in.local.LocalBackend"
    request.session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    begin_limits(request)
    request.session.save()
    client.cookies[settings.SESSION_COOKIE_NAME] = request.session.session_key
    return client


def make_change(user: User, code: str, **values: Any) -> Change:
    """Create the record of a save of the ticket `code` by a user, begun now, with no outcome unless given."""
    made = {"actor_name": user.display_name, "created_at": timezone.now(), **values}
    return Change.objects.create(actor=user, ticket_code=code, **made)


def make_run(owner: User, *codes: str, state: BulkState = BulkState.RUNNING, **values: Any) -> BulkUpdate:
    """Create a bulk update of these tickets, with the times that one in this state has."""
    now = timezone.now()
    times = {"started_at": now} if state in STARTED else {}
    times |= {"finished_at": now} if state in ENDED else {}
    made = {"owner_name": owner.display_name, "created_at": now, **times, **values}
    run = BulkUpdate.objects.create(owner=owner, state=state, **made)
    BulkItem.objects.bulk_create(
        BulkItem(bulk=run, position=position, ticket_code=code) for position, code in enumerate(codes)
    )
    return run


def make_item(run: BulkUpdate, code: str, **values: Any) -> BulkItem:
    """Create the next ticket of a bulk update."""
    return BulkItem.objects.create(bulk=run, **{"position": run.items.count(), **values}, ticket_code=code)


def fill_index(*codes: str, **values: Any) -> TicketIndex:
    """Create rows of the index for these tickets, of which only what is given in `values` is known."""
    index = current_index()
    made = {"read_at": timezone.now(), **values}
    IndexedTicket.objects.bulk_create(
        IndexedTicket(index=index, code=code, code_key=code.encode(), **made) for code in codes
    )
    return index
