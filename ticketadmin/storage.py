"""Static files as they are served: sheets joined, comments left out, content hashes in file names.

Only `collectstatic` does this, to the product's own scripts and style sheets; while DEBUG is on they are
served as written. The reasons and figures are in docs/decisions/0051-static-files.md.
"""

import re
from collections.abc import Callable, Iterator
from typing import Any

from django.core.files.base import ContentFile
from django.core.files.storage import Storage
from rcssmin import cssmin
from rjsmin import jsmin
from whitenoise.storage import CompressedManifestStaticFilesStorage

_IMPORTS = (r"""(?P<matched>from\s*["'](?P<url>\./[^"']+\.js)["'])""", 'from "%(url)s"')
_LATER_IMPORTS = (r"""(?P<matched>import\(["'](?P<url>\./[^"']+\.js)["']\))""", 'import("%(url)s")')
_SHEET = re.compile(r'^@import "(\w+\.css)";$', re.MULTILINE)

StoredFile = tuple[Storage, str]  # where a file is, and its name there


class HashedStaticFiles(CompressedManifestStaticFilesStorage):
    """whitenoise's storage, which leaves comments in files and `from "./session.js"` without a hash.

    Django's own switch for the imports looks into scripts of packages, too, where it trips over comments.
    """

    patterns = (*CompressedManifestStaticFilesStorage.patterns, ("js/*.js", (_IMPORTS, _LATER_IMPORTS)))

    def post_process(
        self, paths: dict[str, Any], dry_run: bool = False, **options: Any
    ) -> Iterator[tuple[str, str, bool] | tuple[str, None, RuntimeError]]:
        """Shorten our own files, then give all files their names with hashes and compress them."""
        if not dry_run:
            paths = {name: self._shortened(name, place) for name, place in paths.items()}
        yield from super().post_process(paths, dry_run=dry_run, **options)  # type: ignore[no-untyped-call]

    def _shortened(self, name: str, place: StoredFile) -> StoredFile:
        folder = name.partition("/")[0]
        if folder not in _SHORTEN:
            return place
        short = _SHORTEN[folder](_text(place), lambda other: _text((place[0], f"{folder}/{other}")))
        self.delete(name)
        self.save(name, ContentFile(short.encode()))
        return self, name


def _text(place: StoredFile) -> str:
    storage, path = place
    with storage.open(path) as file:
        return str(file.read().decode())


def joined_sheet(text: str, read: Callable[[str], str]) -> str:
    """Put the sheets that a sheet imports in their places, and leave out comments and white space."""
    return str(cssmin(_SHEET.sub(lambda found: read(found[1]), text)))


def short_script(text: str, _read: Callable[[str], str]) -> str:
    """Leave out comments and white space of a script; names and behaviour stay."""
    return str(jsmin(text))


_SHORTEN = {"css": joined_sheet, "js": short_script}
