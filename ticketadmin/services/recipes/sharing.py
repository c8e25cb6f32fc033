"""Keeping recipes and snippets: rows that have a name, belong to a user, and can be shared with all users.

Leads share; owners change their own. The texts of shared rows are in the audit log, because colleagues use
them.
"""

from collections.abc import Mapping
from typing import Any, TypeVar

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils.translation import gettext_lazy as _

from ticketadmin.models import AuditAction, Recipe, Snippet, User
from ticketadmin.services.audit.record import Target, record
from ticketadmin.services.people.access import require

_Row = TypeVar("_Row", Recipe, Snippet)
SHARING = "run_bulk_updates"  # the permission to share


_TOO_MANY = {
    Recipe: _("You have %(most)d recipes, which is the most. Delete one, then try again."),
    Snippet: _("You have %(most)d snippets, which is the most. Delete one, then try again."),
}
_NAME_TAKEN = {
    Recipe: _("You have another recipe of this name. Choose another name."),
    Snippet: _("You have another snippet of this name. Choose another name."),
}


class CannotKeep(ValidationError):
    """A row cannot be kept. Nothing was changed."""


class TooManyKept(CannotKeep):
    """The user has as many rows as one user may have."""


class OwnNameTaken(CannotKeep):
    """The user already has another row of this name."""


def keep_own(user: User, row: _Row, values: Mapping[str, Any], *, most: int) -> _Row:
    """Create a row of the user's own, or change one, and return it.

    `values` are those of the columns, `is_shared` among them. Raises Forbidden, TooManyKept or OwnNameTaken.
    """
    require(user, "edit_tickets")
    was_shared, before = row.is_shared, {row.AUDITED: getattr(row, row.AUDITED)}
    if values["is_shared"] and not was_shared:
        require(user, SHARING)
    if row.pk is None and type(row)._default_manager.filter(owner=user).count() >= most:
        raise TooManyKept(_TOO_MANY[type(row)], code="too_many", params={"most": most})
    for name, value in values.items():
        setattr(row, name, value)
    after = {name: values[name] for name in ("is_shared", row.AUDITED)}
    try:
        with transaction.atomic():
            row.save()
            if was_shared:
                record(AuditAction.SETTING_CHANGED, Target.of(row), before=before, after=after, user=user)
            elif row.is_shared:
                record(AuditAction.SETTING_CREATED, Target.of(row), after=after, user=user)
    except IntegrityError as error:
        raise OwnNameTaken(_NAME_TAKEN[type(row)], code="name_taken") from error
    return row


def delete_own(user: User, row: Recipe | Snippet) -> None:
    """Delete a row of the user's own. Raises Forbidden."""
    require(user, "edit_tickets")
    with transaction.atomic():
        if row.is_shared:
            before = {row.AUDITED: getattr(row, row.AUDITED)}
            record(AuditAction.SETTING_DELETED, Target.of(row), before=before, user=user)
        row.delete()
