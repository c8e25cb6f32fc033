"""Django's `makemessages`, so that a catalogue changes only if a text changed.

gettext's guesses ("fuzzy" entries) would ship a wrong translation or be thrown away; the date in the
header and the order of the source files would change in every branch and conflict in every merge.
"""

import re
from pathlib import Path

from django.core.management.commands import makemessages

_DATE = re.compile(rb'"POT-Creation-Date: [^"]*"\n')


class Command(makemessages.Command):
    """Collect texts for translation: sorted, without guesses, without a date."""

    msgmerge_options = ["-q", "--backup=none", "--update", "--no-fuzzy-matching", "--sort-output"]
    msgattrib_options = ["--no-obsolete", "--sort-output"]

    def write_po_file(self, potfile: str, locale: str) -> None:
        """Merge the texts found into the catalogue of one language."""
        super().write_po_file(potfile, locale)
        catalogue = Path(potfile).parent / locale / "LC_MESSAGES" / f"{self.domain}.po"
        catalogue.write_bytes(_DATE.sub(b"", catalogue.read_bytes(), count=1))
