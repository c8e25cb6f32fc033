"""Many users at the same server: they list, open, save, and check in the CRM that each save is stored."""

import re
import statistics
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import requests

from tests.live import LiveServer
from tests.pages import ticket_form
from tests.sandbox_driver import Sandbox
from tests.waiting import let_pass, wait_until

PASSWORD = "a-long-test-password-1"


@dataclass
class Seen:
    """What the crowd saw: milliseconds by kind of request, saves proved and lost, and reported failures."""

    milliseconds: dict[str, list[float]] = field(default_factory=lambda: {"list": [], "open": [], "save": []})
    proved: int = 0
    lost: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)  # reported as not saved, or as unknown
    errors: list[str] = field(default_factory=list)

    def p95(self, kind: str) -> float:
        ordered = sorted(self.milliseconds[kind])
        return ordered[int(0.95 * (len(ordered) - 1))]

    def median(self, kind: str) -> float:
        return statistics.median(self.milliseconds[kind])


def make_crowd(server: LiveServer, size: int) -> list[str]:
    """Create that many staff at once and return their names."""
    names = [f"person{number}" for number in range(size)]
    server.execute(
        "from ticketadmin.models import User; from django.contrib.auth.models import Group;"
        "from django.contrib.auth.hashers import make_password;"
        f"g = Group.objects.get(name='staff'); h = make_password({PASSWORD!r});"
        f"[User.objects.create(username=n, password=h).groups.add(g) for n in {names!r}]",
    )
    return names


def after(seconds: float) -> Callable[[], bool]:
    """Return a function that says whether this many seconds have passed."""
    end = time.monotonic() + seconds
    return lambda: time.monotonic() > end


def work(
    server: LiveServer,
    crm: Sandbox,
    names: list[str],
    *,
    rounds: int = 2,
    is_over: Callable[[], bool] = lambda: True,
    address: str = "",
    verify: bool | str = True,
    pause: float = 0.2,
) -> Seen:
    """Let everyone work on a ticket of their own for `rounds`, and then on until `is_over`.

    `address` is that of a proxy in front of the server; `pause` is in seconds, between two rounds.
    """
    seen, lock = Seen(), threading.Lock()
    codes = [code for code in crm.codes() if code.startswith("TK2")][: len(names)]
    assert len(codes) == len(names)
    people = [
        _Person(address or server.url, name, code, crm, seen, lock, verify)
        for name, code in zip(names, codes, strict=True)
    ]
    if not address:  # else one that idles may be closed in the moment it is used; a proxy keeps them for long
        for person in people:
            person.session.headers["Connection"] = "close"
    threads = [threading.Thread(target=person.work, args=(rounds, is_over, pause)) for person in people]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return seen


def wait_for_a_save(crm: Sandbox) -> None:
    """Wait until a save of the crowd reaches the CRM; on a busy machine signing in takes a while."""
    wait_until(lambda: crm.log("PUT"), "the crowd has not saved anything")


def expect_recovery(server: LiveServer, crm: Sandbox, names: list[str], **way: Any) -> None:
    """Assert that before long everyone can save again, and that none of these saves is lost."""
    tries: list[Seen] = []

    def is_all_saved() -> bool:
        tries.append(work(server, crm, names, **way))
        return not tries[-1].refused

    wait_until(is_all_saved, lambda: tries[-1].refused, every=1)
    seen = tries[-1]
    assert seen.errors == []
    assert seen.lost == []
    assert seen.proved == 2 * len(names)


class _Person:
    def __init__(
        self,
        address: str,
        name: str,
        code: str,
        crm: Sandbox,
        seen: Seen,
        lock: threading.Lock,
        verify: bool | str,
    ) -> None:
        self.address, self.name, self.code, self.crm = address, name, code, crm
        self.seen, self.lock = seen, lock
        self.session = requests.Session()
        self.session.trust_env = False
        self.session.verify = verify
        self.session.headers["Referer"] = f"{address}/"

    def work(self, rounds: int, is_over: Callable[[], bool], pause: float) -> None:
        try:
            self._sign_in()
            number = 0
            while number < rounds or not is_over():
                number += 1
                self._round(f"{self.name} lần {number}, {time.monotonic_ns()}")
                let_pass(pause)
        except (requests.RequestException, AssertionError, StopIteration) as error:
            with self.lock:
                self.seen.errors.append(f"{self.name}: {type(error).__name__}: {error}"[:300])

    def _sign_in(self) -> None:
        page = self.session.get(f"{self.address}/sign-in/", timeout=60)
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page.text)
        assert token, page.status_code
        data = {"username": self.name, "password": PASSWORD, "csrfmiddlewaretoken": token[1]}
        answer = self.session.post(f"{self.address}/sign-in/", data, timeout=60, allow_redirects=False)
        assert answer.status_code == 302, answer.status_code

    def _round(self, title: str) -> None:
        self._timed("list", "get", "/list/", headers={"X-Requested-With": "XMLHttpRequest"})
        page = self._timed("open", "get", f"/tickets/{self.code}/")
        if page.status_code != 200:
            self._note_refusal("open", page)
            return
        typed = ticket_form(page).filled(ticket_title=title)
        answer = self._timed("save", "post", f"/tickets/{self.code}/", data=typed, allow_redirects=False)
        self._judge(title, answer)

    def _timed(self, kind: str, method: str, path: str, **options: object) -> requests.Response:
        started = time.perf_counter()
        answer = self.session.request(method, self.address + path, timeout=60, **options)  # type: ignore[arg-type]
        with self.lock:
            self.seen.milliseconds[kind].append((time.perf_counter() - started) * 1000)
        return answer

    def _judge(self, title: str, answer: requests.Response) -> None:
        if answer.status_code != 303:
            self._note_refusal("save", answer)
            return
        held = self.crm.ticket(self.code)["ticket_title"]
        with self.lock:
            if held == title:
                self.seen.proved += 1
            else:
                self.seen.lost.append(f"{self.code}: said saved {title!r}, holds {held!r}")

    def _note_refusal(self, kind: str, answer: requests.Response) -> None:
        with self.lock:
            if answer.status_code in {409, 429, 502, 503, 504} and "ticketadmin" in answer.text:
                self.seen.refused.append(f"{kind} {answer.status_code}")
            else:
                self.seen.errors.append(f"{kind} {answer.status_code}: {_text_of(answer)}")


def _text_of(answer: requests.Response) -> str:
    """Return the first words of a page's main part."""
    main = answer.text.partition("<main")[2] or answer.text
    return " ".join(re.sub(r"<[^>]*>", " ", f"<{main}").split())[:300]
