"""How one step of one item ended, as values for the engine. The item's row holds the rest."""

from dataclasses import dataclass

from ticketadmin.services.saving.sending import Written


@dataclass(frozen=True)
class Done:
    """The item has ended. `reason` is that of a failure, "" if there was none."""

    reason: str = ""


@dataclass(frozen=True)
class Retry:
    """The CRM was certainly not changed, and the cause may pass: the item waits again."""

    reason: str


@dataclass(frozen=True)
class Doubt:
    """The item may have been sent, and reading its ticket has not yet shown what it did.

    `reason` is that of the failure just met, "" if nothing failed.
    """

    reason: str = ""


@dataclass(frozen=True)
class Left:
    """The item was handed out and not begun."""


@dataclass(frozen=True)
class Accepted:
    """The CRM accepted the item's write; the ticket is still to be read back, at once."""

    written: Written


@dataclass(frozen=True)
class Singly:
    """A call for many tickets showed too little of this one: it is to be read by itself."""


ItemResult = Done | Retry | Doubt | Left | Accepted | Singly
