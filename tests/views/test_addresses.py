"""Which address is used: no client can choose another one by sending a header."""

from typing import Any

import pytest
from django.test import Client, RequestFactory

from tests.factories import PASSWORD
from tests.views.test_signing_in import sign_in
from ticketadmin.models import User
from ticketadmin.views.addresses import client_address, counted_address


def address(settings: Any, proxies: int, forwarded: str | None, remote: str = "10.0.0.1") -> str:
    settings.PROXIES = proxies
    headers = {} if forwarded is None else {"X-Forwarded-For": forwarded}
    return client_address(RequestFactory(REMOTE_ADDR=remote).get("/", headers=headers))


@pytest.mark.parametrize(
    ("proxies", "forwarded", "expected"),
    [
        (0, None, "10.0.0.1"),
        (0, "203.0.113.7", "10.0.0.1"),
        (1, "203.0.113.7", "203.0.113.7"),
        (1, "198.51.100.1, 203.0.113.7", "203.0.113.7"),
        (1, "127.0.0.1,198.51.100.1 , 203.0.113.7", "203.0.113.7"),
        (2, "198.51.100.1, 203.0.113.7, 10.0.0.2", "203.0.113.7"),
        (2, "203.0.113.7", "10.0.0.1"),
        (1, None, "10.0.0.1"),
        (1, "", "10.0.0.1"),
        (1, "unknown", "10.0.0.1"),
        (1, "203.0.113.7, <script>", "10.0.0.1"),
        (1, "203.0.113.7:51234", "203.0.113.7"),
        (1, "[2001:db8::1]:443", "2001:db8::1"),
        (1, "2001:DB8:0::1", "2001:db8::1"),
        (1, "::ffff:203.0.113.7", "203.0.113.7"),
    ],
)
def test_only_our_own_proxies_are_trusted(
    proxies: int, forwarded: str | None, expected: str, settings: Any
) -> None:
    assert address(settings, proxies, forwarded) == expected


def test_a_client_cannot_claim_https() -> None:
    request = RequestFactory().get("/", headers={"X-Forwarded-Proto": "https", "X-Forwarded-Ssl": "on"})

    assert not request.is_secure()


def test_a_unix_socket_has_no_address_unless_a_proxy_reports_one(settings: Any) -> None:
    assert address(settings, 0, "203.0.113.7", remote="") == ""
    assert address(settings, 1, "203.0.113.7", remote="") == "203.0.113.7"


@pytest.mark.parametrize("invented", ["198.51.100.{}", "198.51.100.{}, 198.51.100.1", "unknown{}"])
def test_inventing_addresses_in_front_of_a_proxy_does_not_escape_the_wait(
    invented: str, staff: User, settings: Any
) -> None:
    settings.PROXIES, settings.AXES_FAILURE_LIMIT = 1, 3
    for number in range(3):
        header = f"{invented.format(number)}, 203.0.113.7"  # the proxy appends whom it was called by
        sign_in(Client(REMOTE_ADDR="127.0.0.1"), "staff", "guess", headers={"X-Forwarded-For": header})

    guesser = sign_in(Client(), "staff", PASSWORD, headers={"X-Forwarded-For": "8.8.8.8, 203.0.113.7"})
    colleague = sign_in(Client(), "staff", PASSWORD, headers={"X-Forwarded-For": "203.0.113.8"})

    assert guesser.status_code == 429
    assert colleague.status_code == 302


@pytest.mark.parametrize(
    ("remote", "counted"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("2001:db8:1:2:aaaa:bbbb:cccc:dddd", "2001:db8:1:2::"),
        ("2001:db8:1:2::1", "2001:db8:1:2::"),
        ("2001:db8:1:3::1", "2001:db8:1:3::"),
        ("fe80::1%eth0", "fe80::"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("", ""),
    ],
)
def test_a_machine_with_a_whole_ipv6_network_counts_as_one(remote: str, counted: str) -> None:
    assert counted_address(RequestFactory(REMOTE_ADDR=remote).get("/")) == counted


def test_hopping_within_a_network_does_not_escape_the_wait(staff: User, settings: Any) -> None:
    settings.AXES_FAILURE_LIMIT = 3
    for number in range(3):
        sign_in(Client(REMOTE_ADDR=f"2001:db8::{number}"), "staff", "wrong")

    assert sign_in(Client(REMOTE_ADDR="2001:db8::9"), "staff", PASSWORD).status_code == 429
    assert sign_in(Client(REMOTE_ADDR="2001:db9::9"), "staff", PASSWORD).status_code == 302
