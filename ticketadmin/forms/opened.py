"""Forms of the settings pages, which do not replace unseen what another administrator saved meanwhile."""

import hashlib
import json
from typing import Any, cast

from django import forms
from django.http import QueryDict
from django.utils.text import get_text_list
from django.utils.translation import gettext_lazy as _

OPENED = "opened"
_CHANGED = _(
    "Changed by someone else since you opened this page: %(fields)s. Nothing was saved. Open the page again "
    "to see it; if you save once more, what is here replaces it."
)


class OpenedForm(forms.ModelForm):  # type: ignore[type-arg]
    """A form that carries what its row held when it was opened, as a digest for each field.

    A form without it, as a script posts, is taken as it is.
    """

    opened = forms.CharField(required=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        held = forms.models.model_to_dict(self.instance, fields=[*self.fields]) if self.instance.pk else {}
        self._digests = {name: _digest(value) for name, value in held.items()}
        self.initial[OPENED] = json.dumps(self._digests)

    def clean(self) -> dict[str, Any]:
        """Refuse to replace what was saved meanwhile, once; the form then says which fields it is about."""
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        opened = _read(cleaned.get(OPENED, ""))
        changed = [name for name, now in self._digests.items() if opened.get(name, now) != now]
        if changed:
            labels = get_text_list([f"“{self.fields[name].label}”" for name in changed], _("and"))
            self.add_error(None, forms.ValidationError(_CHANGED, code="changed", params={"fields": labels}))
            posted = cast("QueryDict", self.data).copy()
            posted[self.add_prefix(OPENED)] = self.initial[OPENED]
            self.data = posted
        return cleaned


def _digest(value: Any) -> str:
    text = json.dumps(sorted(map(str, value)) if isinstance(value, list) else str(value))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def _read(text: str) -> dict[str, str]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
