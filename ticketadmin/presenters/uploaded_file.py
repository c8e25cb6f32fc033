"""How an uploaded file was read, in words: which encoding, separator, sheet and rows were taken."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext


@dataclass(frozen=True)
class UploadedFile:
    """A file as its page describes it.

    `taken` says what was read, `surprises` what a user may not expect and has to agree to, `read_as` which
    names were found without diacritics. Each is a list of sentences.
    """

    name: str
    taken: tuple[str, ...]
    surprises: tuple[str, ...]
    read_as: tuple[str, ...]


def present_file(notes: Mapping[str, Any]) -> UploadedFile | None:
    """Return how the file of a bulk update was read; None where its tickets came from no file.

    `notes` are the bulk update's, as `forms/bulk_choosing.py` makes them; a bulk update prepared by an
    earlier version has none of the reading.
    """
    reading = notes.get("reading")
    if not reading:
        return None
    read_as = tuple(_read_as(one) for one in notes.get("read_as", []))
    return UploadedFile(notes["file"], tuple(_taken(reading)), tuple(_surprises(reading)), read_as)


def _taken(reading: Mapping[str, Any]) -> list[str]:
    count = reading["rows"]
    numbers = {"n": number_format(count, force_grouping=True), "last": reading["last_row"]}
    rows = ngettext(
        "%(n)s row with values was read, up to row %(last)s.",
        "%(n)s rows with values were read, up to row %(last)s.",
        count,
    )
    taken = [_source(reading), rows % numbers]
    if reading["title_lines"]:
        message = _("The column names are in row %(row)s; what is above it was left out.")
        taken.append(message % {"row": reading["header_row"]})
    return taken


def _source(reading: Mapping[str, Any]) -> str:
    if reading["sheet"]:
        return _("Excel file, sheet “%(sheet)s”.") % {"sheet": reading["sheet"]}
    separators = {",": _("comma"), ";": _("semicolon"), "\t": _("tab"), "|": _("vertical bar")}
    separator = reading["separator"]
    named = {"encoding": reading["encoding"], "separator": separators.get(separator, separator)}
    return _("CSV file, encoding %(encoding)s, separator: %(separator)s.") % named


def _surprises(reading: Mapping[str, Any]) -> list[str]:
    found = []
    if hidden := reading["hidden"]:
        message = ngettext(
            "%(n)s row is hidden in the spreadsheet, perhaps by a filter. It is included.",
            "%(n)s rows are hidden in the spreadsheet, perhaps by a filter. They are included.",
            hidden,
        )
        found.append(message % {"n": number_format(hidden, force_grouping=True)})
    if others := reading["other_sheets"]:
        message = ngettext(
            "%(n)s other sheet holds values and is not read: %(names)s.",
            "%(n)s other sheets hold values and are not read: %(names)s.",
            len(others),
        )
        names = ", ".join(f"“{title}”" for title in others[:20])
        found.append(message % {"n": len(others), "names": names})
    return found


def _read_as(one: Mapping[str, Any]) -> str:
    message = ngettext(
        "Column “%(column)s”: “%(text)s” is read as “%(name)s” (%(n)s row).",
        "Column “%(column)s”: “%(text)s” is read as “%(name)s” (%(n)s rows).",
        one["rows"],
    )
    return message % {**one, "n": number_format(one["rows"], force_grouping=True)}
