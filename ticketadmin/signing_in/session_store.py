"""Sessions in the database, as Django keeps them, read by a prepared query: every request reads one."""

from django.contrib.sessions.backends.base import UpdateError
from django.contrib.sessions.backends.db import SessionStore as DatabaseStore
from django.contrib.sessions.models import Session
from django.db import OperationalError
from django.db.models import CharField, DateTimeField, QuerySet
from django.utils import timezone

from ticketadmin.models import Prepared, Slot


def _current() -> QuerySet[Session]:
    key, now = Slot("key", CharField()), Slot("now", DateTimeField())
    return Session.objects.filter(session_key=key, expire_date__gt=now)


_CURRENT = Prepared(_current)


class SessionStore(DatabaseStore):
    """Django's store; as there, a key without a current row is dropped."""

    def _get_session_from_db(self) -> Session | None:
        # A cookie can spell any character, and PostgreSQL cannot be asked for a NUL.
        is_key = str(self.session_key).isalnum()
        row = _CURRENT.first(key=self.session_key, now=timezone.now()) if is_key else None
        if row is None:
            self._session_key = None
        return row

    def save(self, must_create: bool = False) -> None:
        """Write the session.

        Raises UpdateError only if the session was deleted meanwhile, and OperationalError while the
        database is away. Django reports both as UpdateError, so a request that did its work is answered 400.
        """
        try:
            super().save(must_create)
        except UpdateError as error:
            if isinstance(error.__context__, OperationalError):
                raise error.__context__ from None
            raise
