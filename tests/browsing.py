"""A user of the live server without a browser: cookies, tokens, forms over real HTTP."""

import secrets
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol

import requests

from tests.pages import PageForm, ticket_form
from tests.sandbox_driver import Sandbox
from tests.waiting import LIMIT, wait_until


class Address(Protocol):
    """A running product, whatever started it."""

    @property
    def url(self) -> str: ...

    @property
    def passwords(self) -> dict[str, str]: ...


class Visitor:
    """One signed-in session."""

    def __init__(self, server: Address, username: str = "staff") -> None:
        self.server = server
        self.session = requests.Session()
        self.session.trust_env = False
        # The server may close an idle connection just when it is used again; browsers then send
        # it once more, this client does not.
        self.session.headers["Connection"] = "close"
        # Cookie and field that agree, as the sign-in page gives them: it would be rendered hundreds of times.
        # Tests that sign in with a browser use the page's own (`test_nothing_is_lost.py`).
        token = secrets.token_hex(16)
        answer = self.session.post(
            f"{server.url}/sign-in/",
            {"username": username, "password": server.passwords[username], "csrfmiddlewaretoken": token},
            cookies={"csrftoken": token},
            timeout=LIMIT,
            allow_redirects=False,
        )
        assert answer.status_code == 302, answer.text

    def get(self, path: str) -> requests.Response:
        return self.session.get(self.server.url + path, timeout=30)

    def post(self, path: str, data: Any, *, follow: bool = False) -> requests.Response:
        return self.session.post(self.server.url + path, data, timeout=30, allow_redirects=follow)

    def form(self, code: str) -> PageForm:
        """Open a ticket and return its form."""
        return ticket_form(self.get(f"/tickets/{code}/"))

    def close(self) -> None:
        self.session.close()


def saved_while(
    crm: Sandbox, method: str, code: str, first: Callable[[], Any], second: Callable[[], Any]
) -> list[Any]:
    """Start one save, and the other as soon as that request of the first one is under way."""
    crm.forget_log()
    with ThreadPoolExecutor(2) as pool:
        one = pool.submit(first)
        wait_until(lambda: crm.log(method, code), f"no {method} of {code} reached the CRM", every=0.02)
        other = pool.submit(second)
        return [one.result(), other.result()]
