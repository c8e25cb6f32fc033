"""What pages say of the ticket index: how much is known, how old it is, what this CRM's list can do."""

from dataclasses import dataclass
from datetime import datetime

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from ticketadmin.presenters.outcomes import explain_reason
from ticketadmin.services.index.state import IndexState

ABILITY_LABELS: dict[str, str | Promise] = {
    "sorts_by_id": _("Sort by number"),
    "sorts_by_updated": _("Sort by time of the last change"),
    "filters_by_id": _("Filter by number"),
    "filters_by_updated": _("Filter by time of the last change"),
    "filters_by_code": _("Filter by several codes"),
}


@dataclass(frozen=True)
class IndexFacts:
    """The index as pages show it. `silent_since` is set if no worker keeps it fresh."""

    state: IndexState
    has_worker: bool

    @property
    def silent_since(self) -> datetime | None:
        """When a worker last reported; None while one lives, or if none ever ran."""
        return None if self.has_worker else self.state.worked_at

    @property
    def abilities(self) -> list[tuple[str | Promise, bool]]:
        """What a CRM's list may be able to do, each with whether this one proved it."""
        return [(label, getattr(self.state.able, name)) for name, label in ABILITY_LABELS.items()]

    @property
    def fields(self) -> tuple[str, ...]:
        """The fields that rows of the list carry."""
        return tuple(sorted(self.state.able.fields))

    @property
    def problem(self) -> str | Promise:
        """Why the last read of the list failed, in words; "" if it succeeded or was refused."""
        problem = self.state.row.problem
        return "" if not problem or self.state.is_refused else explain_reason(problem).title
