"""The filters of the tickets page, as they stand in its address, and views kept under a name."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from ticketadmin.forms.rendering import PLAIN_WIDGETS
from ticketadmin.models import SavedView, User
from ticketadmin.services.index.listing import OVERDUE, TODAY, WEEK, ListFilters
from ticketadmin.services.index.omnibox import codes_in
from ticketadmin.services.values.choices import Choices

DUE = [("", _("Any day")), (OVERDUE, _("Overdue")), (TODAY, _("Due today")), (WEEK, _("Due within 7 days"))]


class ListFilterForm(forms.Form):
    """Status, category, customer, due, words, only mine. Anything else in the address is ignored."""

    default_renderer = PLAIN_WIDGETS

    text = forms.CharField(label=_("Words"), required=False, max_length=200)
    status = forms.CharField(label=_("Status"), required=False, max_length=200)
    category = forms.CharField(label=_("Category"), required=False, max_length=200)
    customer = forms.CharField(label=_("Customer"), required=False, max_length=200)
    due = forms.ChoiceField(label=_("Expected"), required=False, choices=DUE)
    mine = forms.BooleanField(label=_("Only mine and my drafts"), required=False)
    codes = forms.CharField(required=False, max_length=40_000, widget=forms.HiddenInput)

    def __init__(self, *args: Any, choices: Choices, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, listed in (("status", choices.statuses), ("category", choices.categories)):
            if listed.is_known:
                options = [("", _("Any")), *((one, one) for one in listed.names)]
                label = self.fields[name].label
                self.fields[name] = forms.ChoiceField(label=label, required=False, choices=options)

    @property
    def filters(self) -> ListFilters:
        """The valid filters."""
        cleaned = {name: value for name, value in getattr(self, "cleaned_data", {}).items() if value}
        if "codes" in cleaned:
            cleaned["codes"] = codes_in(cleaned["codes"]) or tuple(cleaned["codes"].split(","))
        return ListFilters(**cleaned)


class SavedViewForm(forms.ModelForm):  # type: ignore[type-arg]
    """A name for the filters of the moment."""

    class Meta:
        model = SavedView
        fields = ["name", "query", "is_shared"]

    def save_for(self, owner: User) -> SavedView:
        """Keep the view, over an older one of the same name; only those who may share do."""
        view, _is_new = SavedView.objects.update_or_create(
            owner=owner,
            name=self.cleaned_data["name"],
            defaults={
                "query": self.cleaned_data["query"].lstrip("?"),
                "is_shared": self.cleaned_data["is_shared"] and owner.may("share_views"),
            },
        )
        return view
