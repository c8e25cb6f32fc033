"""Permission checks. Services make them, so that no entry point can forget one."""

from django.core.exceptions import PermissionDenied

from ticketadmin.models import Change, User


class Forbidden(PermissionDenied):
    """The user's role does not allow this. A view that does not catch it answers 403."""


def require(actor: User, permission: str) -> None:
    """Raise Forbidden unless the user is active and holds the permission (its short name)."""
    if not (actor.is_active and actor.may(permission)):
        raise Forbidden(permission)


def require_over(actor: User, user: User) -> None:
    """Raise Forbidden unless the actor administers users; superusers are left to superusers."""
    require(actor, "administer")
    if user.is_superuser and not actor.is_superuser:
        raise Forbidden("administer")


def may_see(actor: User, change: Change) -> bool:
    """Return whether the user may see this change.

    Their own, any of a ticket that they changed themselves, or any user's with `view_all_history`.
    """
    if change.actor_id == actor.pk or actor.may("view_all_history"):
        return True
    return Change.objects.filter(ticket_code=change.ticket_code, actor=actor).exists()


def may_undo(actor: User, change: Change) -> bool:
    """Return whether the user may undo this change."""
    return actor.may("edit_tickets") and (change.actor_id == actor.pk or actor.may("undo_any_change"))
