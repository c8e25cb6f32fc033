"""The forms of bulk updates: which changes, and how fast a confirmed run may go."""

from collections.abc import Sequence
from enum import StrEnum
from typing import Any

from django import forms
from django.forms.utils import ErrorDict
from django.http import QueryDict
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from ticketadmin.forms.boxes import KEEP, ActionsForm, no_value, takes_snippets
from ticketadmin.forms.bulk_file import (
    EMPTIED_PREFIX,
    answers_from,
    emptied_boxes,
    emptied_fields,
    emptied_in,
    kept_sentences,
    question_boxes,
)
from ticketadmin.forms.change_reason import reason_box
from ticketadmin.forms.layout import BoxInfo, describe_box
from ticketadmin.models import BulkNotes, BulkUpdate, Recipe, User, surprises_in
from ticketadmin.services.bulk.files import changeable_in
from ticketadmin.services.bulk.recipes import BulkRecipe, bulk_recipe
from ticketadmin.services.bulk.runs import MAX_IN_FLIGHT, check_bulk, confirm_bulk
from ticketadmin.services.recipes.fill import problems_of
from ticketadmin.services.recipes.recipe import changes_of
from ticketadmin.services.recipes.stops import describe_stops
from ticketadmin.services.saving.change_reason import CHANGE_REASON
from ticketadmin.services.saving.edit import Edit, InvalidEdit, Set, read_edit
from ticketadmin.services.saving.signature import sign_field
from ticketadmin.services.values.fields import Field
from ticketadmin.services.values.inputs import Inputs, is_blank, to_inputs
from ticketadmin.services.values.schema import TicketSchema

SETTING, CLEARING = "set", "clear"
RECIPE = "recipe"


class Consent(StrEnum):
    """What a file needs the user to agree to, by the name of its checkbox."""

    LEAVE_OUT = "leave_out"
    AS_READ = "as_read"


_CONSENTS = {
    Consent.LEAVE_OUT: (
        _("Leave these rows out"),
        _("Correct the file, or tick this to continue without the rows that have errors."),
    ),
    Consent.AS_READ: (
        _("Use the file as described here"),
        _("Correct the file, or tick this to use it as described here."),
    ),
}


class ChangesForm(ActionsForm):
    """Keep, set or clear, for every field that the file does not set itself."""

    def __init__(
        self,
        data: QueryDict | None,
        *,
        schema: TicketSchema,
        notes: BulkNotes,
        edit: Edit,
        change_reason: str,
        is_checked: bool,
    ) -> None:
        """Show every field that the file does not set, and the questions that the file leaves open.

        `notes` are the bulk update's: its file's columns, questions and what needs consent. A form that is
        not checked shows what was posted, for the user to go on, without errors.
        """
        super().__init__(data)
        self.is_checked = is_checked
        self.schema = schema
        self.from_file = notes.get("columns", [])
        left_out = {*self.from_file, sign_field()}
        self.ticket_fields = {name: one for name, one in schema.fields.items() if name not in left_out}
        self.edit = Edit()
        for field in self.ticket_fields.values():
            clearing = [(CLEARING, _("Clear"))] if field.clearable else []
            actions = [(SETTING, _("Set")), *clearing]
            chosen, shown = _shown(edit, field)
            box = self.add_row(field, shown, actions=actions, chosen=chosen)
            describe_box(box, BoxInfo(takes_snippets=takes_snippets(field)))
            if "data-content" in box.widget.attrs:  # no rich text editor if many tickets are changed
                box.widget.attrs["data-snippet-target-html"] = box.widget.attrs.pop("data-content")
        self.fields[CHANGE_REASON] = reason_box(change_reason)
        self.recipes: dict[str, Recipe] = {}
        self.user: User | None = None
        self.questions = [*notes.get("questions", []), *changeable_in(notes)]
        self.fields.update(question_boxes(self.questions))
        self.emptied = emptied_in(notes)
        self.fields.update(emptied_boxes(self.emptied, schema))
        for consent in consents_for(notes):
            self.fields[consent] = _consent_box(consent)

    @property
    def errors(self) -> ErrorDict:
        """The errors of a posted form; none for a form that is only shown."""
        return super().errors if self.is_checked else ErrorDict()

    def offer(self, recipes: Sequence[Recipe], *, user: User, chosen: str) -> None:
        """Offer these recipes to the user; `chosen` is the number of the one that the form shows first."""
        self.user = user
        self.recipes = {str(one.pk): one for one in recipes}
        self.fields[RECIPE] = _recipe_box([(key, self._name_of(one)) for key, one in self.recipes.items()])
        self.fields[RECIPE].initial = chosen

    def _name_of(self, recipe: Recipe) -> str:
        stops = describe_stops(problems_of(changes_of(recipe.changes), self.schema), self.schema)
        return f"{recipe.name} ({' '.join(stops)})" if stops else recipe.name

    @property
    def answers(self) -> dict[tuple[int, str], str]:
        """The user's answers about columns of the file, once the form is valid."""
        return answers_from(self.questions, self.cleaned_data)

    @property
    def emptied_questions(self) -> list[forms.BoundField]:
        """The questions about emptied cells of an uploaded export."""
        return [self[name] for name in self.fields if name.startswith(EMPTIED_PREFIX)]

    @property
    def emptied_kept(self) -> list[str]:
        """The sentences about emptied cells of fields that cannot be empty."""
        return list(kept_sentences(self.emptied, self.schema))

    def clean(self) -> dict[str, Any]:
        """Turn what was posted into `self.edit`; each problem is shown at its field."""
        actions = {name: self.action_on(name) for name in self.ticket_fields}
        posted = {name: self.typed(name) for name, action in actions.items() if action == SETTING}
        for name, action in actions.items():
            self._require_agreement(name, action)
        try:
            self.edit = read_edit(
                posted,
                cleared=[name for name, action in actions.items() if action == CLEARING],
                base={},
                schema=self.schema,
            )
        except InvalidEdit as invalid:
            self.add_error(None, forms.ValidationError(dict(invalid.errors)))
        self._require_usable_recipe()
        self.refuse_removed_fields()
        return self.cleaned_data

    def _require_usable_recipe(self) -> None:
        """Refuse a recipe that no ticket can take; one that stops at some is named by the dry run."""
        recipe = self._chosen_recipe()
        stops = problems_of(recipe.changes, self.schema) if recipe else ()
        for text in describe_stops(stops, self.schema):
            self.add_error(RECIPE, forms.ValidationError(text, code="recipe_stopped"))

    def _chosen_recipe(self) -> BulkRecipe | None:
        chosen = self.recipes.get(self.cleaned_data.get(RECIPE, ""))
        wished = {*self.edit.wishes, *self.from_file}
        if chosen is None or self.user is None:
            return None
        return bulk_recipe(chosen, user=self.user, wished=wished)

    def _require_agreement(self, name: str, action: str) -> None:
        has_value = not is_blank(self.ticket_fields[name], self.typed(name))
        if action == SETTING and not has_value:
            self.add_error(name, no_value(self.ticket_fields[name]))
        if action == KEEP and has_value:
            self.refuse_kept_value(name)

    def save(self, bulk: BulkUpdate, *, user: User) -> None:
        """Start the dry run. Raises what `check_bulk` raises."""
        check_bulk(
            bulk,
            user=user,
            edit=self.edit,
            change_reason=self.cleaned_data.get(CHANGE_REASON, ""),
            recipe=self._chosen_recipe(),
            emptied=emptied_fields(self.cleaned_data),
        )


def _recipe_box(choices: Sequence[tuple[str, str]]) -> forms.ChoiceField:
    return forms.ChoiceField(
        label=_("Recipe"),
        choices=[("", _("None")), *choices],
        required=False,
        help_text=_(
            "Applied to each ticket separately. What you set or clear below, and values from a file, "
            "take precedence."
        ),
    )


def consents_for(notes: BulkNotes) -> tuple[Consent, ...]:
    """Return what the user has to agree to before a file is used."""
    needed = {
        Consent.LEAVE_OUT: notes.get("error_rows"),
        Consent.AS_READ: surprises_in(notes.get("reading", {})),
    }
    return tuple(consent for consent, is_needed in needed.items() if is_needed)


def without_consents(data: QueryDict) -> QueryDict:
    """Return the posted data without consents, which were given to what the page showed before."""
    kept = data.copy()
    for consent in Consent:
        kept.pop(consent, None)
    return kept


def _consent_box(consent: Consent) -> forms.BooleanField:
    label, message = _CONSENTS[consent]
    return forms.BooleanField(label=label, error_messages={"required": message})


def _shown(edit: Edit, field: Field) -> tuple[str, Inputs]:
    """Return the action that is chosen for a field, and what its box holds."""
    wish = edit.wishes.get(field.name)
    if isinstance(wish, Set):
        return SETTING, to_inputs(field, wish.value)
    return (CLEARING if wish else KEEP), []


def _between(least: float, most: float) -> dict[str, Any]:
    message = format_lazy(_("Write a number from {least} to {most}."), least=least, most=most)
    return {"min_value": message, "max_value": message}


class ConfirmForm(forms.Form):
    """The seal of the dry run that the page showed, and how fast to go."""

    seal = forms.CharField(widget=forms.HiddenInput)
    in_flight = forms.IntegerField(
        label=_("Tickets at the same time"),
        min_value=1,
        max_value=MAX_IN_FLIGHT,
        initial=4,
        error_messages=_between(1, MAX_IN_FLIGHT),
    )
    per_second = forms.FloatField(
        label=_("Maximum requests per second"),
        required=False,
        min_value=0.1,
        max_value=1_000,
        error_messages=_between(0.1, 1_000),
        help_text=_("Empty: as fast as the CRM answers."),
    )

    def save(self, bulk: BulkUpdate, *, user: User) -> None:
        """Start the run. Raises what `confirm_bulk` raises."""
        confirm_bulk(bulk, user=user, **self.cleaned_data)
