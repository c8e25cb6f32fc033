"""The accessibility statement."""

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe


@login_not_required
@require_safe
def accessibility(request: HttpRequest) -> HttpResponse:
    """Show the statement, to the signed-out as well: signing in may be what does not work for them."""
    return render(request, "accessibility/accessibility.html")
