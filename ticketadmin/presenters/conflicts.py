"""A field that two people changed, as the conflict page shows it: original, theirs, mine, and a choice."""

from dataclasses import dataclass

from django.forms import BoundField
from django.utils.functional import Promise
from django.utils.safestring import SafeString

from ticketadmin.forms.tickets import RESOLVE_PREFIX, TicketForm
from ticketadmin.presenters.changes import readable
from ticketadmin.presenters.content import display_content
from ticketadmin.services.saving.merge import FieldConflict
from ticketadmin.services.values.diffs import Piece, word_diff
from ticketadmin.services.values.fields import Field, Kind, Value


@dataclass(frozen=True)
class PresentedConflict:
    """One choice to make. The pieces lead from the original to either version; HTML is for content only."""

    label: str | Promise
    field: BoundField
    resolve_name: str
    chosen: str
    original: str
    theirs_pieces: tuple[Piece, ...]
    mine_pieces: tuple[Piece, ...]
    theirs_html: SafeString | None = None
    mine_html: SafeString | None = None

    @property
    def chooses_edit(self) -> bool:
        """Return whether neither version was chosen, but something else typed."""
        return self.chosen == "edit"


def present_conflicts(form: TicketForm) -> list[PresentedConflict]:
    """Return the choices that the form's base still asks for."""
    return [_present(form, conflict) for conflict in form.base.conflicts]


def _present(form: TicketForm, conflict: FieldConflict) -> PresentedConflict:
    field = form.schema.field(conflict.name)
    is_html = field.kind is Kind.HTML
    original = _source(field, conflict.original)
    resolve_name = RESOLVE_PREFIX + conflict.name
    return PresentedConflict(
        label=field.label,
        field=form[conflict.name],
        resolve_name=resolve_name,
        chosen=form.data.get(resolve_name, ""),
        original=readable(field, conflict.original),
        theirs_pieces=word_diff(original, _source(field, conflict.theirs)),
        mine_pieces=word_diff(original, _source(field, conflict.mine)),
        theirs_html=display_content(str(conflict.theirs or "")).html if is_html else None,
        mine_html=display_content(str(conflict.mine or "")).html if is_html else None,
    )


def _source(field: Field, value: Value) -> str:
    return str(value or "") if field.kind is Kind.HTML else readable(field, value)
