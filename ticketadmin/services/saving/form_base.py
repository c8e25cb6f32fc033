"""The base of a form: the values it was loaded with, carried by the form itself and signed.

Signed, so that a browser cannot invent a base and thereby skip the comparison; bound to the ticket
and the user, so that a form left open is not sent under another user's name.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from django.core import signing
from django.utils.crypto import constant_time_compare, salted_hmac

from ticketadmin.models import User
from ticketadmin.services.crm.reading import ReadTicket
from ticketadmin.services.saving.merge import FieldConflict
from ticketadmin.services.values.fields import Value

BASE_SALT = "ticketadmin.base"


class WrongBase(Exception):
    """The form's base is missing, was altered, or belongs to another ticket or user."""


@dataclass(frozen=True)
class Base:
    """The values that a form started from. Without `loaded_at` nothing was read: update-only mode."""

    code: str
    values: Mapping[str, Value] = field(default_factory=dict)
    loaded_at: datetime | None = None
    conflicts: tuple[FieldConflict, ...] = ()  # that the user has yet to resolve
    shows_custom_fields: bool = False  # the answer had `custom_fields`, even if empty

    @property
    def was_read(self) -> bool:
        """Return whether the ticket could be read when the form was loaded."""
        return self.loaded_at is not None

    def without(self, names: Collection[str]) -> "Base":
        """Return the base without these fields, as if the read had not shown them."""
        return replace(self, values={name: self.values[name] for name in self.values if name not in names})

    def sign(self, user: User) -> str:
        """Return the token for the form."""
        content = {
            "code": self.code,
            "person": user.pk,
            "sessions": _sessions_of(user),
            "values": dict(self.values),
            "at": self.loaded_at.isoformat() if self.loaded_at else None,
            "custom": self.shows_custom_fields,
            "conflicts": [[c.name, c.original, c.theirs, c.mine] for c in self.conflicts],
        }
        return signing.dumps(content, salt=BASE_SALT, compress=True)


def base_of(read: ReadTicket | None, code: str) -> Base:
    """Return the base of a form for a ticket as it was read, or for one that could not be."""
    if read is None:
        return Base(code)
    return Base(read.code, read.values, read.read_at, shows_custom_fields=read.shows_custom_fields)


def load_base(token: str, *, code: str, user: User) -> Base:
    """Return the base in a posted token. Raises WrongBase."""
    base, content = _loaded(token, code=code)
    if int(content["person"]) != user.pk:
        raise WrongBase
    return base


def load_signed_base(token: str, *, code: str) -> Base:
    """Return the base in a posted token of any user, without a query. Raises WrongBase."""
    return _loaded(token, code=code)[0]


def load_owned_base(token: str, *, code: str, max_age: timedelta) -> tuple[Base, User]:
    """Return the base in a posted token and the user whose form it is. Raises WrongBase.

    Also raised if the user has since been signed out everywhere, been given a new password or been disabled.
    """
    base, content = _loaded(token, code=code, max_age=max_age)
    owner = User.objects.filter(pk=content["person"], is_active=True).first()
    if owner is None or not constant_time_compare(content.get("sessions", ""), _sessions_of(owner)):
        raise WrongBase
    return base, owner


def _sessions_of(user: User) -> str:
    """Return a stamp that changes when all sessions of a user end."""
    return salted_hmac(BASE_SALT, user.get_session_auth_hash(), algorithm="sha256").hexdigest()[:32]


def _loaded(token: str, *, code: str, max_age: timedelta | None = None) -> tuple[Base, dict[str, Any]]:
    try:
        content = signing.loads(token, salt=BASE_SALT, max_age=max_age)
    except signing.BadSignature as error:
        raise WrongBase from error
    if content["code"] != code:
        raise WrongBase
    at = content["at"]
    base = Base(
        code=code,
        values=content["values"],
        loaded_at=datetime.fromisoformat(at) if at else None,
        conflicts=tuple(
            FieldConflict(name=name, original=original, theirs=theirs, mine=mine)
            for name, original, theirs, mine in content["conflicts"]
        ),
        shows_custom_fields=content.get("custom", True),  # not in forms of earlier versions
    )
    return base, content
