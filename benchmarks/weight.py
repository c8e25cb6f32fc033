"""The cost of a page in a browser: largest paint, layout shift, bytes over the wire, the longest task."""

from collections.abc import Callable
from pathlib import Path
from statistics import median

from playwright.sync_api import Browser, Page, sync_playwright

from benchmarks.measuring import Row
from benchmarks.running import product
from tests.conftest import CHROMIUM, CHROMIUM_FLAGS
from tests.live import LiveServer
from tests.weighing import CODE, SLOWER, first_visit, open_editor, open_editor_slowly

TITLE = "first visit in Chromium, nothing cached"


def weight(folder: Path, *, quick: bool) -> list[Row]:
    """Return a row for the tickets page, a ticket, and a ticket with the editor open."""
    with product(folder) as (server, _crm), sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_FLAGS)
        ticket = f"{server.url}/tickets/{CODE}/"
        visits: dict[str, Callable[[Page], None]] = {
            "tickets page": lambda page: go(page, f"{server.url}/tickets/"),
            "ticket page": lambda page: go(page, ticket),
            "ticket page with the editor": lambda page: open_editor(page, ticket),
        }
        rounds = 2 if quick else 7
        rows = [_row(browser, server, name, visit, rounds) for name, visit in visits.items()]
        return [*rows, _opening(browser, server, rounds)]


def go(page: Page, address: str) -> None:
    page.goto(address)


def _row(browser: Browser, server: LiveServer, name: str, visit: Callable[[Page], None], rounds: int) -> Row:
    visits = [first_visit(browser, server, visit) for _round in range(rounds)]
    kilobytes = median(one["bytes"] for one in visits) / 1000
    shift = max(one["shift"] for one in visits)
    task = max(one["task"] for one in visits)
    note = f"{kilobytes:.0f} KB, layout shift {shift:.3f}, longest task {task:.0f} ms"
    return Row(TITLE, f"{name}: largest paint", [one["paint"] for one in visits], note=note)


def _opening(browser: Browser, server: LiveServer, rounds: int) -> Row:
    """The longest time for which opening the editor blocks a slow computer."""
    address = f"{server.url}/tickets/{CODE}/"
    visits = [
        first_visit(browser, server, lambda page: open_editor_slowly(page, address)) for _ in range(rounds)
    ]
    name = f"opening the editor, processor slowed {SLOWER} times: longest task"
    return Row(TITLE, name, [one["task"] for one in visits])
