"""Sign-in at the company's OpenID provider, by the authorization code flow with PKCE.

The attacker has a code or a token issued for another user, another application or by another
provider, or lures a colleague into a sign-in that the attacker began. The flow is bound to the browser's
session by state, nonce and PKCE (mozilla-django-oidc); the token must be signed by the provider's key and be
issued by this provider for this application, now, for this nonce; and the user info must be about the
subject of the token.
"""

import hmac
import http.client
import json
import logging
import ssl
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

import jwt
from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.cache import cache
from django.core.exceptions import SuspiciousOperation
from django.http import HttpRequest
from mozilla_django_oidc.auth import OIDCAuthenticationBackend

from ticketadmin.checks import is_protected_address
from ticketadmin.models import IdentitySource, User
from ticketadmin.services.people.accounts import ExternalUser, SourceUnavailable, admit

logger = logging.getLogger(__name__)

_ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
_ASK_AGAIN_AFTER = 3600
_MAX_ANSWER = 1_000_000
_CHUNK = 65_536
_LEEWAY = 60


@dataclass(frozen=True)
class Provider:
    """A provider's metadata (OpenID Connect Discovery 1.0)."""

    issuer: str
    authorization: str
    token: str
    userinfo: str
    keys: str


_asking = threading.Lock()


def provider(*, is_beginning: bool = False) -> Provider:
    """Return the provider's addresses, requested at most once an hour. Raises SourceUnavailable.

    A sign-in that begins needs a fresh answer, so that no browser is redirected to a provider that is down.
    Anonymous users can begin one, so at most one request runs at a time, and all that wait share its answer.
    """
    began = time.monotonic()
    oldest = began if is_beginning else began - _ASK_AGAIN_AFTER
    known = _last_answer()
    if known is None or known[1] is None or known[0] < oldest:
        if not _asking.acquire(timeout=2 * settings.OIDC_TIMEOUT):
            raise SourceUnavailable
        try:
            known = _last_answer()
            if known is None or known[0] < (began if known[1] is None else oldest):
                known = (time.monotonic(), _discovered())
                cache.set(_answer_key(), known, _ASK_AGAIN_AFTER)
        finally:
            _asking.release()
    if known[1] is None:
        raise SourceUnavailable
    return known[1]


def _last_answer() -> tuple[float, Provider | None] | None:
    """Return when the provider last answered and what; None if it failed, or was not called yet."""
    kept: tuple[float, Provider | None] | None = cache.get(_answer_key())
    return kept


def _answer_key() -> str:
    return f"openid:{hash(settings.OIDC_ISSUER)}"


def _discovered() -> Provider | None:
    """Return the provider's discovery document; None if it is unusable, which the log explains."""
    address = settings.OIDC_ISSUER.rstrip("/") + "/.well-known/openid-configuration"
    try:
        said = _fetch(address)
        found = Provider(
            issuer=said["issuer"],
            authorization=said["authorization_endpoint"],
            token=said["token_endpoint"],
            userinfo=said["userinfo_endpoint"],
            keys=said["jwks_uri"],
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        logger.error("The OpenID provider's discovery document cannot be read: %s", type(error).__name__)
        return None
    are_private = map(is_protected_address, (found.authorization, found.token, found.userinfo, found.keys))
    if found.issuer.rstrip("/") == settings.OIDC_ISSUER.rstrip("/") and all(are_private):
        return found
    logger.error("The OpenID provider's issuer is not OIDC_ISSUER, or it has endpoints without https.")
    return None


def _fetch(address: str) -> Any:
    """Return the JSON at an address of the provider, within OIDC_TIMEOUT. Raises OSError and ValueError."""
    return json.loads(_within_time(_download, address))


def _within_time(ask: Callable[..., Any], *arguments: Any) -> Any:
    """Return what the call returns or raise what it raises; raise TimeoutError after OIDC_TIMEOUT seconds.

    The timeout of a socket bounds a single read, so a call whose answer drips is abandoned in its thread.
    The call must not use the database: its connection would be the thread's own.
    """
    answer: Future[Any] = Future()

    def run() -> None:
        try:
            answer.set_result(ask(*arguments))
        except Exception as error:  # noqa: BLE001 - raised again below, in the thread that waits
            answer.set_exception(error)

    threading.Thread(target=run, daemon=True).start()
    return answer.result(settings.OIDC_TIMEOUT)


def _download(address: str) -> bytes:
    give_up = time.monotonic() + settings.OIDC_TIMEOUT
    try:
        context = ssl.create_default_context(cafile=settings.OIDC_CA_FILE or None)
        with urllib.request.urlopen(address, timeout=settings.OIDC_TIMEOUT, context=context) as answer:  # noqa: S310
            return _content(answer, give_up)
    except urllib.error.HTTPError as error:
        error.close()  # it is the answer, too, and would hold the connection until the garbage collector runs
        raise
    except http.client.HTTPException as error:
        raise OSError(str(error)) from error


def _content(answer: http.client.HTTPResponse, give_up: float) -> bytes:
    content = b""
    while (part := answer.read1(_CHUNK)) and time.monotonic() < give_up:
        content += part
        if len(content) > _MAX_ANSWER:
            raise ValueError("The answer is too long.")
    return content


def _signing_keys(address: str) -> list[jwt.PyJWK]:
    keys = jwt.PyJWKSet.from_dict(_fetch(address)).keys
    return [key for key in keys if key.public_key_use in {None, "sig"}]


class OpenIdBackend(OIDCAuthenticationBackend):
    """mozilla-django-oidc with discovery, a complete check of the token, and `admit`."""

    def __init__(self) -> None:
        """Make no request yet: Django instantiates this for every session it loads."""
        self.OIDC_RP_CLIENT_ID = settings.OIDC_RP_CLIENT_ID
        self.OIDC_RP_CLIENT_SECRET = settings.OIDC_RP_CLIENT_SECRET
        self.UserModel = get_user_model()

    @property
    def OIDC_OP_TOKEN_ENDPOINT(self) -> str:  # noqa: N802 - the base class's name
        return provider().token

    @property
    def OIDC_OP_USER_ENDPOINT(self) -> str:  # noqa: N802 - the base class's name
        return provider().userinfo

    @property
    def OIDC_OP_JWKS_ENDPOINT(self) -> str:  # noqa: N802 - the base class's name
        return provider().keys

    def authenticate(self, request: HttpRequest | None, **kwargs: Any) -> User | None:
        """Return the user whom the provider authenticated; None if this is no sign-in by a provider.

        Raises SuspiciousOperation for a token that proves nothing, SourceUnavailable, and NotAdmitted.
        """
        if "nonce" not in kwargs or request is None:
            return None
        user: User | None = super().authenticate(request, **kwargs)
        return user

    def get_token(self, payload: dict[str, Any]) -> dict[str, Any]:
        token: dict[str, Any] = _asked(_within_time, super().get_token, payload)
        return token

    def raise_token_response_error(self, response: Any) -> None:
        """Distinguish an invalid code (RFC 6749 section 5.2) from a provider that fails."""
        if response.status_code == 400:
            raise SuspiciousOperation("The provider does not know this code.")
        super().raise_token_response_error(response)

    def get_userinfo(self, access_token: str, id_token: str, payload: dict[str, Any]) -> dict[str, Any]:
        told: dict[str, Any] = _asked(_within_time, super().get_userinfo, access_token, id_token, payload)
        return told

    def retrieve_matching_jwk(self, token: str) -> jwt.PyJWK:
        """Return the provider's key that the token names; a token may name none if there is only one."""
        named = jwt.get_unverified_header(token).get("kid")
        keys: list[jwt.PyJWK] = _asked(_signing_keys, provider().keys)
        fitting = [key for key in keys if named is None or key.key_id == named]
        if len(fitting) != 1:
            raise SuspiciousOperation("The identity token names no key of the provider.")
        return fitting[0]

    def verify_token(self, token: str, **kwargs: Any) -> dict[str, Any]:
        """Return the token's claims (OpenID Connect Core 1.0 section 3.1.3.7). Raises SuspiciousOperation."""
        try:
            claims: dict[str, Any] = jwt.decode(
                token,
                self.retrieve_matching_jwk(token),
                algorithms=_ALGORITHMS,
                audience=settings.OIDC_RP_CLIENT_ID,
                issuer=provider().issuer,
                leeway=_LEEWAY,
                options={"require": ["iss", "sub", "aud", "exp", "iat"]},
            )
        except jwt.PyJWTError as error:
            raise SuspiciousOperation(f"The identity token is refused: {type(error).__name__}") from error
        if claims.get("azp", settings.OIDC_RP_CLIENT_ID) != settings.OIDC_RP_CLIENT_ID:
            raise SuspiciousOperation("The identity token was issued to another application.")
        nonce = kwargs.get("nonce")
        if not nonce or not hmac.compare_digest(str(nonce), str(claims.get("nonce", ""))):
            raise SuspiciousOperation("The identity token belongs to another sign-in.")
        return claims

    def get_or_create_user(self, access_token: str, id_token: str, payload: dict[str, Any]) -> User:
        """Return the account, admitted by what the provider says now."""
        told = self.get_userinfo(access_token, id_token, payload)
        if told.get("sub") != payload["sub"]:
            raise SourceUnavailable  # Core 1.0 section 5.3.2: the answer must not be used
        claims = {**payload, **told}
        issuer = provider().issuer
        name = claims.get(settings.OIDC_USERNAME_CLAIM) or claims.get("email") or claims["sub"]
        return admit(
            ExternalUser(
                source=IdentitySource.OIDC,
                subject=f"{issuer} {claims['sub']}",
                username=str(name).lower(),
                first_name=_text(claims, "given_name"),
                last_name=_text(claims, "family_name"),
                email=_text(claims, "email"),
                groups=groups_in(claims),
            )
        )

    def get_user(self, user_id: int) -> User | None:
        return User.of_session(user_id, source=IdentitySource.OIDC)


def _asked(ask: Callable[..., Any], *arguments: Any) -> Any:
    """Call the provider. Raises SourceUnavailable when it is unreachable or its answer is invalid."""
    try:
        return ask(*arguments)
    except (OSError, ValueError, LookupError, TypeError, AttributeError, jwt.PyJWKSetError) as error:
        # Errors of requests are OSErrors; the others come from invalid answers.
        logger.error("The OpenID provider's answer is invalid: %s", type(error).__name__)
        raise SourceUnavailable from error


def groups_in(claims: Mapping[str, Any]) -> list[str]:
    """Return the user's groups: the claim OIDC_GROUPS_CLAIM, in which dots lead into objects."""
    value: Any = claims.get(settings.OIDC_GROUPS_CLAIM)
    if value is None:
        value = claims
        for step in settings.OIDC_GROUPS_CLAIM.split("."):
            value = value.get(step) if isinstance(value, Mapping) else None
    if isinstance(value, str):
        value = [value]
    return [one for one in value if isinstance(one, str)] if isinstance(value, list) else []


def _text(claims: Mapping[str, Any], name: str) -> str:
    value = claims.get(name)
    return value if isinstance(value, str) else ""
