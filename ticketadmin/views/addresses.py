"""Where a request comes from: the same address for throttling, metrics and logs.

A client can write anything into `X-Forwarded-For`, so the header counts only when the setting PROXIES says
how many trusted proxies are in front. Each of them appends the address that it was called from: the
client's address is the one that the outermost proxy wrote, counted from the right. Anything further left was
written by the client itself.
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
    """Return the address under which attempts count; for IPv6 its /64, since one machine often has it all."""
    address = client_address(request)
    if ":" not in address:
        return address
    return str(ipaddress.IPv6Network(f"{address.partition('%')[0]}/64", strict=False).network_address)


def _address(text: str) -> str:
    """Return an address in its canonical spelling, without a port; "" if the text is not an address."""
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
