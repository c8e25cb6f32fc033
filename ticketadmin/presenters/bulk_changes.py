"""The page on which the changes of a bulk update are chosen, and what its file leaves open is answered."""

from django.utils.functional import Promise

from ticketadmin.forms.bulk import ChangesForm
from ticketadmin.models import BulkFile, BulkUpdate
from ticketadmin.presenters.changes import Notice
from ticketadmin.presenters.page import Page, page
from ticketadmin.presenters.snippets import SnippetChoice
from ticketadmin.presenters.uploaded_file import ShownQuestion, UploadedFile, present_file, present_question


@page("bulk/changes.html")
class ChangesPage(Page):
    """The second step of a bulk update. `kept_file` is its file, where rows of it have errors."""

    bulk: BulkUpdate
    form: ChangesForm
    notice: Notice | None
    count: int
    file: UploadedFile | None
    kept_file: BulkFile | None
    asked: list[ShownQuestion]  # about columns of the file, to be answered
    changeable: list[ShownQuestion]  # about columns that decide by themselves
    columns: list[str | Promise]  # labels of the fields that the file brings
    snippets: SnippetChoice | None  # to choose from, without scripts


def changes_page(
    bulk: BulkUpdate, form: ChangesForm, notice: Notice | None, snippets: SnippetChoice | None = None
) -> ChangesPage:
    """Return the page for a bulk update whose changes are still to be chosen."""
    files = BulkFile.objects.filter(bulk=bulk).only("uuid")
    return ChangesPage(
        bulk=bulk,
        form=form,
        notice=notice,
        count=bulk.items.count(),
        file=present_file(bulk.notes),
        kept_file=files.first() if bulk.notes.get("error_rows") else None,
        asked=[present_question(one) for one in form.asked],
        changeable=[present_question(one) for one in form.changeable],
        columns=[form.schema.field(name).label for name in form.from_file],
        snippets=snippets,
    )
