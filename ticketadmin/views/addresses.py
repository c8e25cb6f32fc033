"""Where a request comes from. One answer for throttling, metrics and logs.

A client can write anything into `X-Forwarded-For`, so the header counts only when the setting PROXIES says
how many trusted proxies are in front. Each of them appends the address that it was called from: the
client's is the one that the outermost proxy wrote, counted from the right. What is further left, the
client wrote itself.
"""

import ipaddress

from django.conf import settings
from django.http import HttpRequest


def client_address(request: HttpRequest) -> str:
    """Return the client's address; empty if the connection has none, as on a unix socket."""
    own = _address(request.META.get("REMOTE_ADDR", ""))
    if not settings.PROXIES:
        return own
    forwarded = request.headers.get("X-Forwarded-For", "").split(",")
    if len(forwarded) < settings.PROXIES:
        return own
    return _address(forwarded[-settings.PROXIES]) or own


def counted_address(request: HttpRequest) -> str:
    """Return the address under which attempts count; of IPv6 its /64, since one machine has a whole one."""
    address = client_address(request)
    if ":" not in address:
        return address
    return str(ipaddress.IPv6Network(f"{address.partition('%')[0]}/64", strict=False).network_address)


def _address(text: str) -> str:
    """Return an address in its one spelling, without a port; empty if it is none."""
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return ""
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return str(mapped or address)
