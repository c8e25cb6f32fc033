"""How the CRM's statuses look here: colour, order, whether they mean "done", which have a quick button.

Administrators describe them; without any description every status is grey, in the CRM's order, and
the first few have a button.
"""

from dataclasses import dataclass

from ticketadmin.models import Hue, Prepared, StatusSetting
from ticketadmin.services.values.choices import Choices, matching_name

QUICK_BUTTONS_BY_DEFAULT = 6
_SETTINGS = Prepared(StatusSetting.objects.all)


@dataclass(frozen=True)
class Status:
    """One status as pages show it. `name` is the CRM's spelling."""

    name: str
    hue: str = Hue.GREY.value
    is_done: bool = False
    has_button: bool = False


@dataclass(frozen=True)
class Statuses:
    """The CRM's statuses in the order that administrators gave them."""

    all: tuple[Status, ...]

    @property
    def with_button(self) -> tuple[Status, ...]:
        """The statuses offered with one click."""
        return tuple(status for status in self.all if status.has_button)

    def named(self, name: str) -> Status:
        """Return the status with this name, or a plain one for a name without settings."""
        found = matching_name((one.name for one in self.all), name)
        return next((one for one in self.all if one.name == found), Status(name))


def get_statuses(choices: Choices) -> Statuses:
    """Return the CRM's statuses as they are described here; where its list is unknown, the described ones.

    Makes no query if the choices hold the descriptions.
    """
    settings = _SETTINGS.rows() if choices.settings is None else choices.settings
    described, listed = {setting.name: setting for setting in settings}, choices.statuses
    names = listed.names if listed.is_known else tuple(described)
    known = [(name, described.get(matching_name(described, name) or "")) for name in names]
    known.sort(key=lambda pair: pair[1].order if pair[1] else 1_000)
    return Statuses(
        tuple(
            Status(name, setting.hue, setting.is_done, setting.quick_button)
            if setting
            else Status(name, has_button=not described and position < QUICK_BUTTONS_BY_DEFAULT)
            for position, (name, setting) in enumerate(known)
        )
    )
