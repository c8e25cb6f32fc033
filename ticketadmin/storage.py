"""Static file storage: content hashes in file names, also in imports between our scripts."""

from whitenoise.storage import CompressedManifestStaticFilesStorage

_IMPORTS = (r"""(?P<matched>from\s+["'](?P<url>\./[^"']+\.js)["'])""", 'from "%(url)s"')
_LATER_IMPORTS = (r"""(?P<matched>import\(["'](?P<url>\./[^"']+\.js)["']\))""", 'import("%(url)s")')


class HashedStaticFiles(CompressedManifestStaticFilesStorage):
    """whitenoise's storage, which otherwise leaves `from "./session.js"` without a hash.

    Django's own switch for this looks into scripts of packages, too, where it trips over comments.
    """

    patterns = (*CompressedManifestStaticFilesStorage.patterns, ("js/*.js", (_IMPORTS, _LATER_IMPORTS)))
