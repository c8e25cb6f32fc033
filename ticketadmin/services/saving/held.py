"""What the CRM holds right before a save: read once, for every field that a step of the save looks at."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from ticketadmin.models import Reading
from ticketadmin.services.crm.connection import may_try_reading
from ticketadmin.services.crm.reading import CannotRead, ReadTicket, read_ticket
from ticketadmin.services.saving.errors import CheckFailed, ReadingLost, SaveProblem
from ticketadmin.services.saving.form_base import Base
from ticketadmin.services.values.choices import Choices
from ticketadmin.services.values.fields import Value
from ticketadmin.ticketapi.errors import TicketApiError

PLACES = 2  # to take under the rate limit: one for the read and one for the PUT, which then need not wait


@dataclass(frozen=True)
class Held:
    """The values of a ticket that was just read, by field name. In update-only mode there is no `read`.

    A custom field that a step looks at and that the CRM no longer lists is null (`ReadTicket.values_for`).
    """

    read: ReadTicket | None = None
    values: Mapping[str, Value] = field(default_factory=dict)

    @property
    def shown(self) -> Mapping[str, Value]:
        """The values that the CRM listed itself."""
        return self.read.values if self.read else {}


def read_held(base: Base, names: Iterable[str], choices: Choices) -> Held | SaveProblem:
    """Read the ticket of a form's base as it is now, for the fields in `names`, or return why it cannot be.

    The index does not learn of it yet: a save announces it with its read-back.
    """
    known = Reading.WORKS if base.was_read and may_try_reading() else None  # it did when the form was loaded
    try:
        read = read_ticket(base.code, choices, known=known, announce=False, places=PLACES)
    except CannotRead:
        return ReadingLost() if base.was_read else Held()
    except TicketApiError as error:
        return CheckFailed(error)
    return Held(read, read.values_for(names))
