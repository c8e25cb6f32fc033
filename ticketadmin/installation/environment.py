"""Reads settings of the environment strictly: one that cannot be read is refused by the name of its variable.

django-environ reads `HTTPS_ONLY=enabled` as off and `10s` as ten, and takes what begins with a dollar sign
for the name of another variable, which turns a key like `$ecret` into none. Here texts are taken as they are,
and a number, switch or word that cannot be read never counts as another one. An empty number, switch or list
counts as not set.
"""

from collections.abc import Callable, Collection
from typing import Any
from zoneinfo import ZoneInfo

import environ
from django.core.exceptions import ImproperlyConfigured

_SWITCHES = {
    **dict.fromkeys(("on", "true", "yes", "y", "1", "ok"), True),
    **dict.fromkeys(("off", "false", "no", "n", "0"), False),
}
_DATABASES = ("postgres", "postgresql", "psql", "pgsql", "sqlite")


class Environment(environ.Env):
    """Reads variables, and collects their errors until `refuse_wrong_ones` reports them all."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._problems: list[str] = []

    def get_value(
        self,
        var: str,
        cast: Any = None,
        default: Any = environ.Env.NOTSET,
        parse_default: bool = False,
    ) -> Any:
        """Return what a variable holds, its default where it is not set or wrong."""
        text = self.ENVIRON.get(var)
        read = _READERS.get(cast)
        if text is None or (read and not text.strip()):
            return default
        if read is None:
            return text
        try:
            return read(text.strip())
        except ValueError as error:
            self._refuse(var, f"must be {error}, not “{text}”.")
            return default

    def word(self, var: str, *, default: str, among: Collection[str]) -> str:
        """Return one of the words that a variable may hold."""
        word: str = self.str(var, default=default)
        if word not in among:
            self._refuse(var, f"must be one of {', '.join(among)}, not “{word}”.")
            return default
        return word

    def time_zone(self, var: str, *, default: str) -> str:
        """Return the name of a time zone."""
        name: str = self.str(var, default=default)
        try:
            ZoneInfo(name)
        except (KeyError, ValueError, OSError):  # unknown, no name at all, a folder of zones
            self._refuse(var, f"must be the name of a time zone, such as {default}, not “{name}”.")
            return default
        return name

    def database(self, var: str, *, default: str) -> dict[str, Any]:
        """Return Django's settings of a database. The address holds a password, so it is never repeated."""
        known = "must begin with postgres:// or sqlite:///"
        return self._address(var, default, self.db_url_config, _DATABASES, known)

    def mail(self, var: str, *, default: str) -> dict[str, Any]:
        """Return Django's settings of a mail server, whose address may hold a password, too."""
        known = "must be an address such as smtp+tls://name:password@mail.example.com:587"
        return self._address(var, default, self.email_url_config, self.EMAIL_SCHEMES, known)

    def refuse_wrong_ones(self) -> None:
        """Raise ImproperlyConfigured with everything that is wrong, if anything is."""
        if self._problems:
            raise ImproperlyConfigured("\n".join(["settings are wrong:", "", *self._problems]))

    def _address(
        self,
        var: str,
        default: str,
        read: Callable[[str], dict[str, Any]],
        schemes: Collection[str],
        known: str,
    ) -> dict[str, Any]:
        text = self.str(var, default=default).strip()
        scheme, separator, _rest = text.partition("://")
        try:
            if not separator or scheme not in schemes:
                raise ValueError(scheme)
            return read(text)
        except ValueError:
            self._refuse(var, f"{known}.")
            return read(default)

    def _refuse(self, var: str, problem: str) -> None:
        self._problems.append(f"  {var} {problem}")


def _switch(text: str) -> bool:
    if text.lower() not in _SWITCHES:
        raise ValueError("on or off")
    return _SWITCHES[text.lower()]


def _whole_number(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise ValueError("a whole number") from None


def _number(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = float("nan")
    if not abs(number) < float("inf"):
        raise ValueError("a number")
    return number


def _words(text: str) -> list[str]:
    return [word for part in text.split(",") if (word := part.strip())]


_READERS: dict[Any, Callable[[str], Any]] = {bool: _switch, int: _whole_number, float: _number, list: _words}
