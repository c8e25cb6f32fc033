"""The form in which a recipe is written, and a ticket's form with a recipe filled in."""

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from django import forms
from django.http import QueryDict
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from ticketadmin.forms.boxes import DAYS, KEEP, ActionsForm, no_value
from ticketadmin.forms.tickets import TicketForm, query_of
from ticketadmin.models import Recipe, User
from ticketadmin.services.drafts.drafts import CLEAR_INPUT
from ticketadmin.services.recipes.fill import Filled, TypedForm
from ticketadmin.services.recipes.keep import keep_recipe
from ticketadmin.services.recipes.recipe import (
    MAX_DAYS,
    MAX_RECIPE_TEXT,
    PLACEHOLDERS,
    TEXTS,
    RecipeAction,
    RecipeChange,
    changes_of,
    placeholders_in,
)
from ticketadmin.services.recipes.sharing import CannotKeep, OwnNameTaken
from ticketadmin.services.saving.edit import InvalidEdit, read_edit
from ticketadmin.services.saving.form_base import Base
from ticketadmin.services.saving.signature import sign_field
from ticketadmin.services.values.fields import CUSTOM_PREFIX, DATE_KINDS, Field, Kind, undescribed
from ticketadmin.services.values.inputs import Inputs, parse, to_inputs
from ticketadmin.services.values.schema import TicketSchema

_LABELS: dict[RecipeAction, str | Promise] = {
    RecipeAction.SET: _("Set"),
    RecipeAction.CLEAR: _("Clear"),
    RecipeAction.DAYS: _("Days from the day of use"),
    RecipeAction.WORKING_DAYS: _("Working days from the day of use"),
    RecipeAction.BEFORE: _("Add before"),
    RecipeAction.AFTER: _("Add after"),
}


class RecipeForm(ActionsForm):
    """A name and, for each field, what the recipe does with it."""

    name = forms.CharField(
        label=_("Name"),
        max_length=60,
        help_text=_("Short, as you type it in the box: ABC123 /name"),
        error_messages={"required": _("Give the recipe a name of at most 60 characters.")},
    )
    is_shared = forms.BooleanField(label=_("For everyone"), required=False)

    def __init__(
        self,
        data: QueryDict | None,
        *,
        schema: TicketSchema,
        may_share: bool,
        recipe: Recipe | None,
    ) -> None:
        """Show the recipe, or an empty one. Fields that no longer exist are in `gone` and are left out."""
        initial = {"name": recipe.name, "is_shared": recipe.is_shared} if recipe else None
        super().__init__(data, initial=initial)
        self.schema, self.recipe = schema, recipe
        self.changes: tuple[RecipeChange, ...] = ()
        kept = {one.field: one for one in changes_of(recipe.changes)} if recipe else {}
        self.gone = [undescribed(name).label for name in kept if name not in schema.fields]
        if not may_share:
            del self.fields["is_shared"]
        for name, field in schema.fields.items():
            self._add_row(field, kept.get(name))

    def _add_row(self, field: Field, change: RecipeChange | None) -> None:
        texts = list(change.texts) if change and not change.do.is_day else []
        if self.is_bound:
            texts = [text for text in self.typed(field.name) if text]
        actions = [(do.value, _LABELS[do]) for do in _offered(field)]
        box = self.add_row(field, texts, actions=actions, chosen=change.do.value if change else KEEP)
        box.widget.attrs.pop("data-content", None)
        if field.kind in DATE_KINDS:
            self.fields[DAYS + field.name] = forms.IntegerField(
                label=_("Number of days"),
                required=False,
                min_value=0,
                max_value=MAX_DAYS,
                initial=change.days if change and change.do.is_day else None,
            )

    def clean(self) -> dict[str, Any]:
        """Turn what was posted into `self.changes`; each problem is at its field."""
        found = [self._change(field) for field in self.schema.fields.values()]
        self.changes = tuple(change for change in found if change)
        self.refuse_removed_fields()
        if not self.changes and not self.errors:
            message = _("Choose at least one change.")
            self.add_error(None, forms.ValidationError(message, code="no_change"))
        return self.cleaned_data

    def save(self, user: User) -> Recipe | None:
        """Store the recipe; None if it cannot be stored, which the form then says. Raises Forbidden."""
        name, is_shared = self.cleaned_data["name"], self.cleaned_data.get("is_shared", False)
        try:
            return keep_recipe(user, name, self.changes, is_shared=is_shared, recipe=self.recipe)
        except CannotKeep as problem:
            self.add_error("name" if isinstance(problem, OwnNameTaken) else None, problem)
            return None

    def _change(self, field: Field) -> RecipeChange | None:
        chosen = self.action_on(field.name)
        texts = [text for text in self.typed(field.name) if text.strip()]
        if chosen == KEEP:
            if texts or self.cleaned_data.get(DAYS + field.name) is not None:
                self.refuse_kept_value(field.name)
            return None
        do = RecipeAction(chosen)
        if do is RecipeAction.CLEAR:
            return RecipeChange(field.name, do)
        if do.is_day:
            return self._days(field, do)
        try:
            return RecipeChange(field.name, do, tuple(_checked(field, texts, self.schema)))
        except forms.ValidationError as error:
            self.add_error(field.name, error)
            return None

    def _days(self, field: Field, do: RecipeAction) -> RecipeChange | None:
        days = self.cleaned_data.get(DAYS + field.name)
        if days is None:
            if DAYS + field.name not in self.errors:
                message = _("Write the number of days.")
                self.add_error(DAYS + field.name, forms.ValidationError(message, code="no_days"))
            return None
        return RecipeChange(field.name, do, (str(days),))


def _offered(field: Field) -> list[RecipeAction]:
    offered = [RecipeAction.SET]
    if field.clearable:
        offered.append(RecipeAction.CLEAR)
    if field.kind in DATE_KINDS:
        offered += [RecipeAction.DAYS, RecipeAction.WORKING_DAYS]
    if field.kind is Kind.HTML:
        offered += [RecipeAction.BEFORE, RecipeAction.AFTER]
    return offered


def _checked(field: Field, texts: Inputs, schema: TicketSchema) -> Inputs:
    """Return the texts to store: content cleaned. Raises ValidationError."""
    if not texts:
        raise no_value(field)
    if max(map(len, texts)) > MAX_RECIPE_TEXT:
        message = _("This is too long for a recipe: at most %(most)s characters are possible.")
        raise forms.ValidationError(message, code="too_long", params={"most": MAX_RECIPE_TEXT})
    names = frozenset[str]().union(*map(placeholders_in, texts))
    if unknown := sorted(names - set(PLACEHOLDERS)):
        message = _(
            "There is no placeholder {%(name)s}. The placeholders are {customer}, {code}, {today} and {me}."
        )
        raise forms.ValidationError(message, code="no_placeholder", params={"name": unknown[0]})
    if names and field.kind not in TEXTS:
        message = _("This field takes no placeholder.")
        raise forms.ValidationError(message, code="placeholder_here")
    try:
        read_edit({field.name: texts}, cleared=[], base={}, schema=schema)
    except InvalidEdit as invalid:
        raise forms.ValidationError(list(invalid.errors[field.name])) from invalid
    return [str(parse(field, texts))] if field.kind is Kind.HTML else texts


def typed_in(form: TicketForm) -> TypedForm:
    """Return what a posted ticket form holds; a field in conflict counts as touched."""
    data = query_of(form.data)
    texts = {name: data.getlist(name) for name in form.schema.fields if name in data}
    return TypedForm(texts, frozenset({*form.cleared, *(one.name for one in form.base.conflicts)}))


def filled_form(form: TicketForm, filled: Filled) -> TicketForm:
    """Return the posted form with a recipe filled in."""
    data = query_of(form.data).copy()
    for name, texts in filled.texts.items():
        data.setlist(name, texts)
    data.setlist(CLEAR_INPUT, [*data.getlist(CLEAR_INPUT), *filled.cleared])
    return TicketForm(data, base=form.base, schema=form.schema, is_first_asked=form.is_first_asked)


def as_posted(base: Base, schema: TicketSchema, inputs: Mapping[str, Sequence[str]]) -> TicketForm:
    """Return the form of a ticket as a browser posts it untouched, with `inputs` typed into it."""
    data = QueryDict(mutable=True)
    schema = schema.including(inputs)
    for name, field in schema.fields.items():
        data.setlist(name, list(inputs.get(name, to_inputs(field, base.values.get(name)))))
    for name in inputs.keys() - schema.fields.keys():
        data.setlist(name, list(inputs[name]))
    data["tab"] = uuid.uuid4().hex[:16]
    data["restored"] = " ".join(inputs)
    return TicketForm(data, base=base, schema=schema, is_first_asked=True)


def described_schema(schema: TicketSchema) -> TicketSchema:
    """Return the schema without undescribed custom fields and the sign field: recipes are for all tickets."""
    fields = {
        name: field
        for name, field in schema.fields.items()
        if name != sign_field() and not (name.startswith(CUSTOM_PREFIX) and field.kind is Kind.RAW)
    }
    return TicketSchema(fields, schema.choices)
