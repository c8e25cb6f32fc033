"""Why a save did not succeed.

SaveProblem
├── NothingToSave     nothing differs from the CRM; nothing was sent
├── EditConflict      someone else changed the same field; nothing is sent until the user chooses
├── ReadingLost       what the form was loaded with can no longer be read; nothing was sent
├── WouldLoseFields   the CRM would empty fields that cannot be read; nothing was sent
├── RuleBroken        a rule that administrators set does not allow it; nothing was sent
├── SaveInProgress    another save of this ticket has not finished: see `change`; nothing was sent
├── CheckFailed       the CRM could not be asked what it holds; nothing was sent
└── SaveFailed        sent and refused, or sent and its effect is unknown: see `change.outcome`
"""

from collections.abc import Sequence

from ticketadmin.models import Change
from ticketadmin.services.crm.reading import ReadTicket
from ticketadmin.services.rules.checking import Requirement, Unmet
from ticketadmin.services.saving.merge import Merge
from ticketadmin.ticketapi.errors import TicketApiError


class SaveProblem(Exception):
    """Base of the reasons why a save did not succeed. The user's input is still in the form."""


class NothingToSave(SaveProblem):
    """The ticket already holds the values: there is nothing to send."""


class EditConflict(SaveProblem):
    """Fields that someone else changed meanwhile. `theirs` is the ticket as it is now."""

    def __init__(self, merged: Merge, theirs: ReadTicket) -> None:
        super().__init__(", ".join(conflict.name for conflict in merged.conflicts))
        self.merged = merged
        self.theirs = theirs


class LosingFields(SaveProblem):
    """Fields in `lost` cannot be read, and what a save would do to them is not known or not wanted."""

    def __init__(self, lost: Sequence[str] = ()) -> None:
        super().__init__(", ".join(lost))
        self.lost = tuple(lost)


class ReadingLost(LosingFields):
    """The comparison with the CRM is no longer possible, for the fields in `lost`; if empty, for any."""


class WouldLoseFields(LosingFields):
    """The CRM empties what a PUT leaves out, and the fields in `lost` cannot be read to be sent along."""


class RuleBroken(SaveProblem):
    """Rules do not allow the change as it is; `unmet` says what is missing."""

    def __init__(self, unmet: Sequence[Unmet]) -> None:
        super().__init__(", ".join(one.requirement for one in unmet))
        self.unmet = tuple(unmet)

    @property
    def needs_reason(self) -> bool:
        """Return whether a reason is among what is missing."""
        return any(one.requirement is Requirement.REASON for one in self.unmet)


class SaveInProgress(SaveProblem):
    """Another save of this ticket, or an earlier post of this one, is under way: `change` is its record."""

    def __init__(self, change: Change | None = None) -> None:
        super().__init__(change.actor_name if change else "")
        self.change = change


class CheckFailed(SaveProblem):
    """The fresh read failed; `error` says how."""

    def __init__(self, error: TicketApiError) -> None:
        super().__init__(str(error))
        self.error = error
        self.__cause__ = error


class SaveFailed(SaveProblem):
    """The CRM refused the write, or its effect is unknown; `change` is on record."""

    def __init__(self, change: Change, error: TicketApiError) -> None:
        super().__init__(str(error))
        self.change = change
        self.error = error
        self.__cause__ = error
