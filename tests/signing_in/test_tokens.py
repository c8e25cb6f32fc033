"""Identity tokens: only one issued by this provider for this application, now, for this sign-in, counts."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from django.core.exceptions import SuspiciousOperation

from tests.conftest import skip_or_fail
from ticketadmin.services.people.accounts import SourceUnavailable

try:
    from ticketadmin.signing_in import openid
except ImportError:
    openid = None  # type: ignore[assignment]

KEY = rsa.generate_private_key(65537, 2048)
OTHER_KEY = rsa.generate_private_key(65537, 2048)
PUBLIC = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(KEY.public_key())) | {"kid": "one", "use": "sig"}
NONCE = "the-nonce-of-this-sign-in"


class Provider:
    """Says what a test wants it to say, over real HTTP."""

    def __init__(self) -> None:
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                body = json.dumps(outer.said.get(self.path)).encode()
                self.send_response(200 if self.path in outer.said else 404)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_arguments: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        self.said: dict[str, Any] = {
            "/.well-known/openid-configuration": {
                "issuer": self.url,
                "authorization_endpoint": f"{self.url}/authorize",
                "token_endpoint": f"{self.url}/token",
                "userinfo_endpoint": f"{self.url}/userinfo",
                "jwks_uri": f"{self.url}/keys",
            },
            "/keys": {"keys": [PUBLIC]},
        }
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def stop(self) -> None:
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def provider(settings: Any) -> Iterator[Provider]:
    if openid is None:
        skip_or_fail("mozilla_django_oidc (requirements/dev.txt)", "REQUIRE_SIGN_IN_SERVERS")
    started = Provider()
    settings.OIDC_ISSUER, settings.OIDC_RP_CLIENT_ID = started.url, "ticketadmin"
    openid._known = None
    yield started
    openid._known = None
    started.stop()


@pytest.fixture
def token(provider: Provider) -> Callable[..., str]:
    def make(key: Any = KEY, algorithm: str = "RS256", kid: str | None = "one", **changes: Any) -> str:
        now = int(time.time())
        claims = {
            "iss": provider.url, "sub": "4711", "aud": "ticketadmin", "exp": now + 300, "iat": now,
            "nonce": NONCE, **changes,
        }  # fmt: skip
        claims = {name: value for name, value in claims.items() if value is not None}
        return jwt.encode(claims, key, algorithm=algorithm, headers={"kid": kid} if kid else None)

    return make


def verify(token: str, nonce: str | None = NONCE) -> dict[str, Any]:
    return openid.OpenIdBackend().verify_token(token, nonce=nonce)


def test_a_token_of_this_sign_in_is_accepted(token: Callable[..., str]) -> None:
    assert verify(token())["sub"] == "4711"
    assert verify(token(kid=None))["sub"] == "4711"
    assert verify(token(aud=["ticketadmin"], azp="ticketadmin"))["sub"] == "4711"


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "https://another.example"},
        {"iss": None},
        {"aud": "another-application"},
        {"aud": None},
        {"aud": ["another-application"]},
        {"aud": ["ticketadmin", "another"], "azp": "another"},
        {"exp": 1_000_000_000},
        {"exp": None},
        {"nbf": 4_000_000_000},
        {"iat": None},
        {"sub": None},
        {"nonce": "of-another-sign-in"},
        {"nonce": None},
        {"nonce": ""},
        {"kid": "two"},
    ],
    ids=str,
)
def test_any_other_token_is_refused(changes: dict[str, Any], token: Callable[..., str]) -> None:
    with pytest.raises(SuspiciousOperation):
        verify(token(**changes))


def test_a_token_of_another_key_is_refused(token: Callable[..., str]) -> None:
    with pytest.raises(SuspiciousOperation):
        verify(token(key=OTHER_KEY))


def test_a_sign_in_without_a_nonce_is_refused(token: Callable[..., str]) -> None:
    for nonce in (None, ""):
        with pytest.raises(SuspiciousOperation):
            verify(token(nonce=nonce), nonce=nonce)


def test_an_unsigned_token_and_one_signed_with_public_data_are_refused(
    token: Callable[..., str], settings: Any
) -> None:
    settings.OIDC_RP_CLIENT_SECRET = "a-secret-that-is-long-enough-for-hs256"
    unsigned = token(key=None, algorithm="none")
    by_secret = token(key="a-secret-that-is-long-enough-for-hs256", algorithm="HS256")
    for forged in (unsigned, by_secret, "not-a-token", "", token()[:-8] + "AAAAAAAA"):
        with pytest.raises(SuspiciousOperation):
            verify(forged)


def test_two_keys_need_a_key_id(provider: Provider, token: Callable[..., str]) -> None:
    second = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(OTHER_KEY.public_key())) | {"kid": "two"}
    provider.said["/keys"] = {"keys": [PUBLIC, second]}

    assert verify(token(key=OTHER_KEY, kid="two"))["sub"] == "4711"
    with pytest.raises(SuspiciousOperation):
        verify(token(kid=None))
    with pytest.raises(SuspiciousOperation):
        verify(token(kid="two"))


@pytest.mark.parametrize("said", [None, [], {}, {"keys": []}, {"keys": [{"kty": "RSA"}]}], ids=str)
def test_a_provider_without_keys_is_refused(said: Any, provider: Provider, token: Callable[..., str]) -> None:
    provider.said["/keys"] = said

    with pytest.raises((SourceUnavailable, SuspiciousOperation)):
        verify(token())


@pytest.mark.parametrize(
    "changes",
    [
        {"issuer": "https://another.example"},
        {"token_endpoint": "http://example.com/token"},
        {"jwks_uri": "http://example.com/keys"},
        {"userinfo_endpoint": None},
        {"authorization_endpoint": "javascript:alert(1)"},
    ],
    ids=str,
)
def test_a_provider_that_describes_itself_wrongly_is_not_used(changes: Any, provider: Provider) -> None:
    described = provider.said["/.well-known/openid-configuration"]
    provider.said["/.well-known/openid-configuration"] = described | changes

    with pytest.raises(SourceUnavailable):
        openid.provider()


def test_userinfo_about_another_subject_is_not_used(provider: Provider, db: None) -> None:
    provider.said["/userinfo"] = {"sub": "4712", "preferred_username": "admin", "groups": ["admins"]}

    with pytest.raises(SourceUnavailable):
        openid.OpenIdBackend().get_or_create_user("access", "id", {"sub": "4711"})


@pytest.mark.parametrize(
    ("claim", "claims", "groups"),
    [
        ("groups", {"groups": ["a", "b"]}, ["a", "b"]),
        ("groups", {"groups": "a"}, ["a"]),
        ("groups", {}, []),
        ("groups", {"groups": None}, []),
        ("groups", {"groups": [1, None, "a", {"b": 1}]}, ["a"]),
        ("groups", {"groups": {"a": 1}}, []),
        ("realm_access.roles", {"realm_access": {"roles": ["a"]}}, ["a"]),
        ("realm_access.roles", {"realm_access": ["a"]}, []),
        ("https://example.com/groups", {"https://example.com/groups": ["a"]}, ["a"]),
    ],
    ids=str,
)
def test_groups_are_found_where_the_setting_says(
    claim: str, claims: dict[str, Any], groups: list[str], provider: Provider, settings: Any
) -> None:
    settings.OIDC_GROUPS_CLAIM = claim

    assert openid.groups_in(claims) == groups
