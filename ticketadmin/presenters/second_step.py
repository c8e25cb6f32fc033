"""The QR code by which an authenticator app takes a secret."""

from urllib.parse import parse_qs, urlsplit

import segno
from django.utils.safestring import SafeString, mark_safe


def qr_code(address: str) -> SafeString:
    """Return an otpauth address as inline SVG, dark on light in every theme, which cameras need."""
    drawn = segno.make(address, error="m").svg_inline(
        scale=1, border=4, dark="#000", light="#fff", svgclass="qr", lineclass=None, omitsize=True
    )
    return mark_safe(drawn)  # noqa: S308 - drawn from modules; no text of the address is in it


def typed_secret(address: str) -> str:
    """Return the secret of an otpauth address in groups, for apps without a camera."""
    secret = parse_qs(urlsplit(address).query)["secret"][0]
    return " ".join(secret[i : i + 4] for i in range(0, len(secret), 4))
