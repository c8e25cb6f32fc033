"""Who else has a ticket open, and whether it was changed here meanwhile. No locks, no remote call."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import F, QuerySet
from django.utils import timezone

from ticketadmin.models import Change, Presence, User
from ticketadmin.services.people.access import require

ALIVE_FOR = timedelta(seconds=25)  # two and a half beats of the page
PRESENCE_KEPT_FOR = timedelta(hours=1)
MAX_TABS = 100  # of one user, in all tickets


@dataclass(frozen=True)
class Colleague:
    """Another user at the same ticket. `is_editing`: with unsaved changes in one of their tabs."""

    name: str
    is_editing: bool


@dataclass(frozen=True)
class TicketPresence:
    """What a page shows: colleagues, the user's other tabs, and the newest change by another user."""

    colleagues: tuple[Colleague, ...] = ()
    own_tabs: int = 0
    newer_change: Change | None = None

    @property
    def key(self) -> str:
        """A digest of what is shown, so that a page that already shows it gets an empty answer."""
        colleagues = ",".join(f"{one.name}:{one.is_editing:d}" for one in self.colleagues)
        return f"{colleagues}|{self.own_tabs}|{self.newer_change.uuid if self.newer_change else ''}"


def record_presence(
    user: User, code: str, *, tab: str, is_editing: bool, loaded_at: datetime | None
) -> TicketPresence:
    """Record that the user has the ticket open in a tab, and return who else has. Raises Forbidden."""
    require(user, "edit_tickets")
    now = timezone.now()
    own, is_new = Presence.objects.get_or_create(
        actor=user,
        ticket_code=code,
        tab=tab[:40],
        defaults={"is_editing": is_editing, "seen_at": now, "opened_at": now},
    )
    if is_new:
        _forget_oldest(user)
    else:
        _open(pk=own.pk).update(is_editing=is_editing, seen_at=now)
    here = _open(ticket_code=code, seen_at__gt=now - ALIVE_FOR).select_related("actor")
    others: dict[int, Colleague] = {}
    own_tabs = 0
    for one in here.order_by("opened_at"):
        if one.actor_id == user.pk:
            own_tabs += one.tab != tab[:40]
            continue
        was_editing = one.actor_id in others and others[one.actor_id].is_editing
        others[one.actor_id] = Colleague(one.actor.display_name, one.is_editing or was_editing)
    return TicketPresence(tuple(others.values()), own_tabs, _newer_change(user, code, loaded_at))


def close_tab(user: User, code: str, *, tab: str) -> None:
    """Record that a tab was closed, and delete tabs without a heartbeat for an hour.

    The row stays and is marked as closed, by `seen_at` before `opened_at`: a late heartbeat of the same tab
    must not reopen it.
    """
    now = timezone.now()
    closed = {"seen_at": now - timedelta(seconds=1), "opened_at": now}
    Presence.objects.update_or_create(actor=user, ticket_code=code, tab=tab[:40], defaults=closed)
    Presence.objects.filter(seen_at__lt=now - PRESENCE_KEPT_FOR).delete()


def _forget_oldest(user: User) -> None:
    """Keep a user's newest tabs only: a script could claim any number of them."""
    newest = Presence.objects.filter(actor=user).order_by("-seen_at", "-pk").values_list("pk", flat=True)
    surplus = list(newest[MAX_TABS : MAX_TABS + 100])
    if surplus:
        Presence.objects.filter(pk__in=surplus).delete()


def _open(**wanted: object) -> QuerySet[Presence]:
    return Presence.objects.filter(seen_at__gte=F("opened_at"), **wanted)


def _newer_change(user: User, code: str, loaded_at: datetime | None) -> Change | None:
    if loaded_at is None:
        return None
    newer = Change.objects.for_ticket(code).saved().filter(finished_at__gt=loaded_at)
    return newer.exclude(actor=user).first()
