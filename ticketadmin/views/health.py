"""Health, readiness and metrics for machines, without a session or a sign-in."""

import hmac
import ipaddress

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_LATEST

from ticketadmin.services.operations.readiness import metrics_text, readiness
from ticketadmin.views.addresses import client_address


@login_not_required
@require_safe
def healthz(_request: HttpRequest) -> HttpResponse:
    """Answer 200 while the process can answer."""
    return HttpResponse("ok\n", content_type="text/plain")


@login_not_required
@require_safe
def readyz(_request: HttpRequest) -> HttpResponse:
    """Answer 200 when requests may be sent here, else 503; the body says why."""
    is_ready, found = readiness()
    return JsonResponse(found, status=200 if is_ready else 503)


@login_not_required
@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """Return the metrics to clients with METRICS_TOKEN or at METRICS_ADDRESSES; answer 404 to others."""
    if not (_has_token(request) or _is_known(client_address(request))):
        raise Http404
    return HttpResponse(metrics_text(), content_type=CONTENT_TYPE_LATEST)


def _has_token(request: HttpRequest) -> bool:
    kind, _space, given = request.headers.get("Authorization", "").partition(" ")
    wanted = settings.METRICS_TOKEN.encode()
    return bool(wanted) and kind.lower() == "bearer" and hmac.compare_digest(given.strip().encode(), wanted)


def _is_known(address: str) -> bool:
    if not address or not settings.METRICS_ADDRESSES:
        return False
    own = ipaddress.ip_address(address)
    return any(own in ipaddress.ip_network(network, strict=False) for network in settings.METRICS_ADDRESSES)
