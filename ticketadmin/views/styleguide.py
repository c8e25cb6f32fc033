"""The design system on one page, for developers: only there while DEBUG is on."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from ticketadmin.models import Hue, Outcome
from ticketadmin.views.access import needs
from ticketadmin.views.presenting import Notice, ValueRow


@needs("administer")
@require_safe
def styleguide(request: HttpRequest) -> HttpResponse:
    """Show every component in its states."""
    notices = [
        Notice(tone, f"A {tone} banner", "What happened.", "What to do next.", "The CRM's words", "0a1b2c3d")
        for tone in ("info", "success", "warn", "danger")
    ]
    rows = [
        ValueRow("a", "Changed", "before", "after", outcome="verified"),
        ValueRow("b", "Unknown before", None, "after", outcome="not_readable"),
        ValueRow("c", "Cleared", "before", "", outcome="verified"),
        ValueRow("d", "Stored differently", "", " after ", read_back="AFTER", outcome="stored_differently"),
    ]
    context = {"notices": notices, "rows": rows, "hues": Hue, "outcomes": Outcome}
    return render(request, "styleguide/styleguide.html", context)
