"""Permission checks. Services make them, so that no entry point can forget one."""

from django.core.exceptions import PermissionDenied

from ticketadmin.models import Change, User


class Forbidden(PermissionDenied):
    """The user's role does not allow this. A view that does not catch it answers 403."""


def require(user: User, permission: str) -> None:
    """Raise Forbidden unless the user is active and holds the permission (its short name)."""
    if not (user.is_active and user.may(permission)):
        raise Forbidden(permission)


def require_over(user: User, account: User) -> None:
    """Raise Forbidden unless the user may administer the account; a superuser's only superusers may."""
    require(user, "administer")
    if account.is_superuser and not user.is_superuser:
        raise Forbidden("administer")


def may_see(user: User, change: Change) -> bool:
    """Return whether the user may see this change.

    Their own, any of a ticket that they changed themselves, or any user's with `view_all_history`.
    """
    if change.actor_id == user.pk or user.may("view_all_history"):
        return True
    return Change.objects.filter(ticket_code=change.ticket_code, actor=user).exists()


def require_undo(user: User, change: Change) -> None:
    """Raise Forbidden unless the user may undo this change."""
    if not may_undo(user, change):
        raise Forbidden(change.ticket_code)


def may_undo(user: User, change: Change) -> bool:
    """Return whether the user may undo this change."""
    return user.may("edit_tickets") and (change.actor_id == user.pk or user.may("undo_any_change"))
