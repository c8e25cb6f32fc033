"""A team lead at the live server without a browser: bulk updates over real HTTP, results from the CSV."""

import contextlib
import csv
import io
import re
import sqlite3
from collections.abc import Iterable

from tests.browsing import Address, Visitor
from tests.live import LiveServer
from tests.pages import form_to
from tests.waiting import wait_until

PATIENCE = 90.0  # seconds
EVERY = 0.25  # seconds: each look at the page of a run costs the server as much as a ticket of it
EVERY_ROW = 0.05  # seconds: a look at its row costs nothing


class Lead:
    """One lead and what they can do with bulk updates. A run is named by its path."""

    def __init__(self, server: Address, username: str = "lead") -> None:
        self.visitor = Visitor(server, username)
        self._database = server.sqlite_file if isinstance(server, LiveServer) else None

    def close(self) -> None:
        self.visitor.close()

    def choose(self, codes: Iterable[str]) -> str:
        """Choose tickets; returns the path of the new bulk update."""
        page = self.visitor.get("/bulk/new/")
        answer = self.visitor.post("/bulk/new/", form_to(page, "/bulk/new/").filled(codes="\n".join(codes)))
        assert answer.status_code == 303, answer.text
        return str(answer.headers["Location"])

    def check(self, path: str, **values: str) -> str:
        """Choose values to set, and wait for the dry run."""
        form = form_to(self.visitor.get(path), path)
        wanted = {f"action.{name}": "set" for name in values}
        answer = self.visitor.post(path, form.filled(**values, **wanted))
        assert answer.status_code == 303, answer.text
        self.wait(path, "ready")
        return path

    def press(self, path: str, action: str, **values: str) -> str:
        """Press one of the page's buttons; returns the path that it leads to."""
        token = form_to(self.visitor.get(path), path).values["csrfmiddlewaretoken"]
        answer = self.visitor.post(f"{path}{action}/", {"csrfmiddlewaretoken": token, **values})
        assert answer.status_code == 303, answer.text
        return str(answer.headers["Location"])

    def confirm(self, path: str, *, in_flight: int = 4, per_second: str = "") -> None:
        """Send what the dry run showed."""
        form = form_to(self.visitor.get(path), "/confirm/")
        typed = form.filled(in_flight=str(in_flight), per_second=per_second)
        answer = self.visitor.post(f"{path}confirm/", typed)
        assert answer.status_code == 303, answer.text

    def state(self, path: str) -> str:
        found = re.search(r'data-bulk-state="(\w+)"', self.visitor.get(f"{path}progress/").text)
        assert found
        return found[1]

    def done(self, path: str) -> int:
        found = re.search(r'data-bulk-percent="(\d+)"', self.visitor.get(f"{path}progress/").text)
        assert found
        return int(found[1])

    def _state_now(self, path: str) -> str:
        """Return the state without asking the server for it, where the database is a file."""
        if self._database is None:
            return self.state(path)
        number = path.removeprefix("/bulk/").strip("/").replace("-", "")
        query = "SELECT state FROM ticketadmin_bulkupdate WHERE uuid = ?"
        with contextlib.closing(sqlite3.connect(self._database, timeout=20)) as database:
            ((state,),) = database.execute(query, [number]).fetchall()
        return str(state)

    def wait(self, path: str, *states: str, within: float = PATIENCE) -> str:
        """Wait until the bulk update is in one of the states, and return which."""
        seen: list[str] = []

        def is_there() -> bool:
            seen.append(self._state_now(path))
            return seen[-1] in states

        wait_until(
            is_there,
            lambda: f"{path} is {seen[-1]}, not {' or '.join(states)}",
            within=within,
            every=EVERY_ROW if self._database else EVERY,
        )
        return seen[-1]

    def rows(self, path: str) -> list[dict[str, str]]:
        """Return the downloaded results, a row for each field of each ticket."""
        text = self.visitor.get(f"{path}results.csv").content.decode("utf-8-sig")
        return list(csv.DictReader(io.StringIO(text)))

    def outcomes(self, path: str) -> dict[str, str]:
        """Return the outcome of each ticket."""
        return {row["ticket"]: row["outcome"] for row in self.rows(path)}

    def run(self, codes: Iterable[str], *, in_flight: int = 4, **values: str) -> str:
        """Update tickets from start to end."""
        path = self.check(self.choose(codes), **values)
        self.confirm(path, in_flight=in_flight)
        self.wait(path, "finished")
        return path
