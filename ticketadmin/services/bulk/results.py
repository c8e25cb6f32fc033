"""Results of one step of one item, for the engine. The item's row holds the rest."""

from dataclasses import dataclass

from ticketadmin.services.saving.sending import Written


@dataclass(frozen=True)
class Done:
    """The item has ended. `reason` is that of a failure, "" if there was none."""

    reason: str = ""


@dataclass(frozen=True)
class Retry:
    """The CRM was certainly not changed, and the cause may be temporary: the item waits again."""

    reason: str


@dataclass(frozen=True)
class Doubt:
    """The item may have been sent, and reading its ticket has not yet shown what it did.

    `reason` is that of the failure just met, "" if nothing failed.
    """

    reason: str = ""


@dataclass(frozen=True)
class Left:
    """The item was handed out but not started."""


@dataclass(frozen=True)
class Accepted:
    """The CRM accepted the item's write; the ticket has still to be read back, and soon."""

    written: Written


@dataclass(frozen=True)
class Singly:
    """A call for many tickets showed too little of this one: it has to be read singly."""


ItemResult = Done | Retry | Doubt | Left | Accepted | Singly
