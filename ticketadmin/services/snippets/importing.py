"""Importing snippets from a file: first show row by row what would be done, then do exactly that.

The rows and what was shown of them go through the browser, signed for the user. What changed in between is
found by planning again under a lock: then nothing is written, and the new plan is shown. A snippet that
no row names stays as it is.
"""

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import astuple, dataclass
from enum import StrEnum

from django.core import signing
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from ticketadmin.models import Snippet, User
from ticketadmin.services.people.access import require
from ticketadmin.services.recipes.sharing import SHARING, OwnNameTaken, TooManyKept
from ticketadmin.services.snippets.keep import MAX_SNIPPETS, SnippetText, keep_snippet
from ticketadmin.services.snippets.snippet import as_content, as_name
from ticketadmin.services.snippets.table import FileRow
from ticketadmin.text import folded_login, plain_letters

IMPORT_SALT = "ticketadmin.snippets.import"
MAX_AGE = 86_400  # seconds
_ANSWERS = {"": None, "yes": True, "co": True, "1": True, "no": False, "khong": False, "0": False}


class RowStatus(StrEnum):
    """What the import does with a row."""

    NEW = "new"
    CHANGED = "changed"
    UNCHANGED = "unchanged"
    REFUSED = "refused"

    @property
    def writes(self) -> bool:
        """Return whether the row is written."""
        return self in {RowStatus.NEW, RowStatus.CHANGED}


@dataclass(frozen=True)
class PlannedRow:
    """One row and its status: the text to store, the existing snippet, and why it is refused."""

    number: int
    name: str
    status: RowStatus
    text: SnippetText | None = None
    snippet: Snippet | None = None
    reason: str = ""

    @property
    def shown(self) -> list[str]:
        """What the user was shown of the row, for comparing it with a later plan."""
        return [self.status, _digest(self.snippet) if self.snippet else ""]


class WrongSeal(Exception):
    """The plan is not this user's, too old or damaged. Nothing was written."""


class Outdated(Exception):
    """Something changed since the plan was shown. Nothing was written; `rows` are those of the file."""

    def __init__(self, rows: tuple[FileRow, ...]) -> None:
        super().__init__()
        self.rows = rows


def plan_import(user: User, rows: Sequence[FileRow]) -> tuple[PlannedRow, ...]:
    """Return the plan for each row. Two queries; nothing is written. Raises Forbidden."""
    require(user, "edit_tickets")
    planner = _Planner(user, _own(user), _shared_by(rows, user))
    return tuple(planner.plan(row) for row in rows)


def seal_plan(user: User, rows: Sequence[FileRow], planned: Sequence[PlannedRow]) -> str:
    """Return rows and plan as a signed text for `apply_import`."""
    kept = {"user": user.pk, "rows": [astuple(row) for row in rows], "shown": [one.shown for one in planned]}
    return signing.dumps(kept, salt=IMPORT_SALT, compress=True)


def apply_import(user: User, sealed: str) -> dict[RowStatus, int]:
    """Write what the plan said, all of it or nothing, and return how many rows were new and changed.

    Raises Forbidden, WrongSeal and Outdated.
    """
    require(user, "edit_tickets")
    try:
        kept = signing.loads(sealed, salt=IMPORT_SALT, max_age=MAX_AGE)
    except signing.BadSignature as error:
        raise WrongSeal from error
    if kept["user"] != user.pk:
        raise WrongSeal
    rows = tuple(FileRow(*row) for row in kept["rows"])
    try:
        return _write(user, rows, kept["shown"])
    except (OwnNameTaken, TooManyKept) as error:
        raise Outdated(rows) from error


@transaction.atomic
def _write(user: User, rows: tuple[FileRow, ...], shown: list[list[str]]) -> dict[RowStatus, int]:
    User.objects.select_for_update().get(pk=user.pk)  # imports of one user run one after the other
    planned = plan_import(user, rows)
    if [one.shown for one in planned] != shown:
        raise Outdated(rows)
    counts = dict.fromkeys((RowStatus.NEW, RowStatus.CHANGED), 0)
    for one in planned:
        if one.status.writes and one.text:
            keep_snippet(user, one.text, snippet=one.snippet)
            counts[one.status] += 1
    return counts


def _own(user: User) -> dict[str, Snippet]:
    return {one.name: one for one in Snippet.objects.filter(owner=user).select_related("owner")}


def _shared_by(rows: Sequence[FileRow], user: User) -> dict[tuple[str, str], Snippet]:
    """Return colleagues' shared snippets that the rows name, by their owner's user name and their own."""
    named = [row for row in rows if row.owner.strip() and not _is_own(row, user)]
    if not named:
        return {}
    wanted = Q(owner__username__in={row.owner.strip() for row in named}, name__in={row.name for row in named})
    found = Snippet.objects.filter(wanted, is_shared=True).select_related("owner")
    return {(one.owner.username, one.name): one for one in found}


def _is_own(row: FileRow, user: User) -> bool:
    return not row.owner.strip() or folded_login(row.owner[:200]) == folded_login(user.username)


def _digest(snippet: Snippet) -> str:
    state = f"{snippet.pk} {snippet.is_shared} {snippet.content}"
    return hashlib.sha256(state.encode()).hexdigest()[:32]


class _Planner:
    """Decides row by row, in the order of the file: what was decided before counts."""

    def __init__(
        self, user: User, own: Mapping[str, Snippet], shared: Mapping[tuple[str, str], Snippet]
    ) -> None:
        self._user, self._own, self._shared = user, own, shared
        self._seen: dict[tuple[str, str], int] = {}
        self._room = MAX_SNIPPETS - len(own)
        self._may_share = user.may(SHARING)

    def plan(self, row: FileRow) -> PlannedRow:
        """Return the plan for a row."""
        try:
            return self._planned(row)
        except ValidationError as error:
            reason = " ".join(error.messages)
            return PlannedRow(row.number, row.name[:80], RowStatus.REFUSED, reason=reason)

    def _planned(self, row: FileRow) -> PlannedRow:
        name, content, shared = as_name(row.name), as_content(row.content), _answer(row.shared)
        self._require_once(name, row)
        if not _is_own(row, self._user):
            return self._of_colleague(row, name, content, shared)
        there = self._own.get(name)
        is_shared = shared if shared is not None else bool(there and there.is_shared)
        if is_shared and not self._may_share and not (there and there.is_shared):
            raise ValidationError(_("Your role does not allow sharing snippets. Write “no” under “shared”."))
        text = SnippetText(name, content, is_shared)
        if there is None:
            self._take_room()
            return PlannedRow(row.number, name, RowStatus.NEW, text)
        is_same = (there.content, there.is_shared) == (content, is_shared)
        return PlannedRow(
            row.number, name, RowStatus.UNCHANGED if is_same else RowStatus.CHANGED, text, there
        )

    def _require_once(self, name: str, row: FileRow) -> None:
        owner = "" if _is_own(row, self._user) else row.owner.strip()
        first = self._seen.setdefault((owner, name), row.number)
        if first != row.number:
            raise ValidationError(_("Row %(row)d has the same name.") % {"row": first})

    def _take_room(self) -> None:
        if self._room <= 0:
            raise ValidationError(_("You would have more than %(most)d snippets.") % {"most": MAX_SNIPPETS})
        self._room -= 1

    def _of_colleague(self, row: FileRow, name: str, content: str, shared: bool | None) -> PlannedRow:
        there = self._shared.get((row.owner.strip(), name))
        if there and there.content == content and shared is not False:
            return PlannedRow(row.number, name, RowStatus.UNCHANGED, snippet=there)
        message = _("Only %(owner)s can change it. Empty the cell under “owner” to make it yours.")
        raise ValidationError(message % {"owner": row.owner.strip()[:150]})


def _answer(cell: str) -> bool | None:
    answer = plain_letters(cell[:20].strip())
    if answer not in _ANSWERS:
        raise ValidationError(_("“%(cell)s” under “shared” is neither yes nor no.") % {"cell": cell[:20]})
    return _ANSWERS[answer]


def counted(planned: Collection[PlannedRow]) -> dict[RowStatus, int]:
    """Return how many rows have which status."""
    return {status: sum(one.status is status for one in planned) for status in RowStatus}
