"""Shared fixtures: the sandbox as a real process, users of each role, and skips that CI forbids."""

import contextlib
import functools
import gc
import importlib
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from django.core.cache import cache
from django.core.signals import setting_changed
from django.db import connection
from django.template.base import Template
from django.template.context import Context
from django.test import Client
from django.test.signals import template_rendered
from django.test.utils import setup_databases, teardown_databases
from django.utils.safestring import SafeString
from hypothesis import strategies
from playwright.sync_api import Browser, sync_playwright
from pytest_django import DjangoDbBlocker
from xdist.scheduler import LoadScopeScheduling

from tests.factories import make_user, signed_in
from tests.forking import run_module
from tests.lists import KnownLists
from tests.live import LiveServer
from tests.prepared import fill_with_tables, postgres_tables
from tests.sandbox_driver import Sandbox, SandboxProcess
from tests.swept import SweptIndex
from ticketadmin.models import Role, User
from ticketadmin.services.crm.choices import get_choices
from ticketadmin.services.crm.connection import forget_api
from ticketadmin.services.index.searching import matching_words
from ticketadmin.services.spreadsheets import workbooks

# A busy machine is slow, not wrong. The examples are the same in every run, so that a failure comes from the
# change that is tested; `make fuzz` tries others.
PATIENT: dict[str, Any] = {"deadline": None, "suppress_health_check": [hypothesis.HealthCheck.too_slow]}
hypothesis.settings.register_profile("fixed", derandomize=True, **PATIENT)
hypothesis.settings.register_profile("fuzz", max_examples=3_000, print_blob=True, **PATIENT)
hypothesis.settings.load_profile("fixed")

# The same engine of the same version: the first has no windows, which cost two thirds of the processor time.
CHROMIUM = next(filter(None, map(shutil.which, ("chromium-headless-shell", "chromium"))), None)
ROOT = Path(__file__).resolve().parent.parent


def forget_api_of_other_settings(*, setting: str, **_signal: object) -> None:
    """Let the next call be made by a client for the settings as a test has changed them."""
    if setting.startswith("TICKET_API_"):
        forget_api()


setting_changed.connect(forget_api_of_other_settings)


def skip_or_fail(what: str, variable: str) -> None:
    """Skip a test whose tool is missing, visibly; if CI requires the tool, fail."""
    message = f"{what} is not installed"
    if os.environ.get(variable):
        pytest.fail(message)
    pytest.skip(message)


def postgres_address() -> str:
    """Return the address of the PostgreSQL server for tests."""
    address = os.environ.get("TEST_DATABASE_URL", "")
    if not address:
        skip_or_fail("PostgreSQL (TEST_DATABASE_URL)", "REQUIRE_POSTGRES")
    return address


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int | None:
    """Use two processes more than there are cores, which compute while others wait for a server.

    Slow tests wait a third of their time, for leases and for what is away: four more.
    """
    if os.environ.get("PYTEST_XDIST_AUTO_NUM_WORKERS"):
        return None
    return (os.cpu_count() or 1) + (4 if config.option.markexpr == "slow" else 2)


# What lasts longest begins first, so that no process works alone at the end.
LONGEST = (
    "image bulk_crashes bulk_runs accessibility key_leak bulk_waiting demo wheel outages index_workers "
    "upgrade company_sign_in bulk_together command backup widgets markup first_start"
).split()
NEAR_THE_END = 100  # units of work: a single test, or a file of tests that are kept together
# Beside those of `tests/e2e`: what a fixture of theirs makes takes five seconds and more.
KEPT_TOGETHER = {"tests/test_first_start.py"}


def rank(nodeid: str) -> int:
    """Return how early a test is to begin: 0 the first of `LONGEST`, then `tests/e2e`, then the rest."""
    path = nodeid.partition("::")[0]
    name = path.rpartition("/test_")[2].removesuffix(".py")
    if name in LONGEST:
        return LONGEST.index(name)
    return len(LONGEST) if path.startswith("tests/e2e/") else len(LONGEST) + 1


@functools.cache
def is_kept_together(path: str) -> bool:
    """Return whether the tests of a file share what one of its fixtures starts or makes once for all."""
    if path.startswith("tests/e2e/"):
        return 'scope="module"' in (ROOT / path).read_text("utf-8")
    return path in KEPT_TOGETHER


class FilesOfServersTogether(LoadScopeScheduling):  # type: ignore[misc]
    """Sends single tests to whatever process is free, but a file that starts servers of its own to one.

    Groups by marker (`--dist loadgroup`) have no effect with pytest 9.2 and pytest-xdist 3.8: the group is
    written into a name that pytest no longer reads.
    """

    def _split_scope(self, nodeid: str) -> str:
        path = nodeid.partition("::")[0]
        return path if is_kept_together(path) else nodeid

    def _reschedule(self, node: Any) -> None:
        """Near the end, have no test wait behind another while a process is idle.

        pytest-xdist keeps one in reserve for each process, which saves it a pause after every test. Where
        tests last half a minute, the last ones were waited for up to 45 s longer than in the best order.
        """
        if len(self.workqueue) < NEAR_THE_END and self._pending_of(self.assigned_work[node]) > 1:
            return
        super()._reschedule(node)

    def mark_test_complete(self, node: Any, item_index: int, duration: float = 0) -> None:
        """Forget a unit of work once it is done.

        pytest-xdist counts after each test what is left in every unit that this process ever had, which
        takes the square of their number: six seconds of processor time for 6,600.
        """
        super().mark_test_complete(node, item_index, duration)
        units = self.assigned_work[node]
        scope = self._split_scope(self.registered_collections[node][item_index])
        if all(units[scope].values()):
            del units[scope]


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadScopeScheduling:
    """Let pytest-xdist keep files with servers of their own together, in the order of the collection."""
    config.option.loadscopereorder = False
    return FilesOfServersTogether(config, log)


@pytest.hookimpl(trylast=True)  # after pytest-randomly
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: rank(item.nodeid))
    for item in items:
        if item.get_closest_marker("browser"):
            item.fixturenames.insert(0, "chromium")  # type: ignore[attr-defined]


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave out files without a slow test for `-m slow`: to read them all takes each process 4 s."""
    is_module = collection_path.name.startswith("test_")
    return True if is_module and not may_be_chosen(collection_path, config.option.markexpr) else None


def may_be_chosen(module: Path, expression: str) -> bool:
    """Return whether a test module can have a test that `-m` chooses by this expression, unread."""
    return expression != "slow" or "mark.slow" in module.read_text("utf-8")


def import_own_share(config: pytest.Config) -> None:
    """Import this test process' share of all test modules, which compiles them for the other processes, too.

    In a fresh clone each process otherwise compiles every module, with pytest's assertions, in 4.7 s. What
    cannot be imported is reported when it is collected.
    """
    number = os.environ.get("PYTEST_XDIST_WORKER", "").removeprefix("gw")
    if number == "0":
        strategies.text().validate()  # keeps tables of Unicode in .hypothesis for the others: 1.4 s
    if not number or [Path(each).resolve() for each in config.args] != [ROOT / "tests"]:
        return
    every = sorted((ROOT / "tests").rglob("test_*.py"))
    modules = [path for path in every if may_be_chosen(path, config.option.markexpr)]
    for path in modules[int(number) :: int(os.environ["PYTEST_XDIST_WORKER_COUNT"])]:
        with contextlib.suppress(Exception):
            importlib.import_module(".".join(path.relative_to(ROOT).with_suffix("").parts))


@pytest.hookimpl(wrapper=True)
def pytest_collection(session: pytest.Session) -> Iterator[object]:
    """Let no garbage collection look at the 350,000 objects of the collected tests, which stay to the end.

    Tests of forms took 11.4 s of processor time with them, 7.2 s without; collecting itself 13.1 s and 8.5 s.
    """
    gc.disable()
    try:
        import_own_share(session.config)
        return (yield)  # type: ignore[return-value] # the hook's own result
    finally:
        gc.collect()
        gc.freeze()
        gc.set_threshold(20_000, 20, 20)  # collections took 6 % of the tests' time at the default of 700
        gc.enable()


@pytest.fixture(scope="session")
def django_db_setup(django_test_environment: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """The test database. Its tables are a copy, since to migrate takes 3 s of processor time."""
    with django_db_blocker.unblock():
        if not (connection.vendor == "sqlite" and connection.is_in_memory_db()):
            if connection.vendor == "postgresql":
                connection.settings_dict["TEST"]["TEMPLATE"] = postgres_tables(os.environ["DATABASE_URL"])
            made = setup_databases(verbosity=0, interactive=False)
        else:
            made = []
            connection.settings_dict["NAME"] = "file:tests?mode=memory&cache=shared"  # threads share it
            fill_with_tables()
        matching_words((), connection)  # asks once a process for search's table: not in a test that counts
    yield
    with django_db_blocker.unblock():
        teardown_databases(made, verbosity=0)


@pytest.fixture(scope="session")
def chromium() -> str:
    """The browser's path."""
    if not CHROMIUM:
        skip_or_fail("Chromium", "REQUIRE_BROWSER")
    return str(CHROMIUM)


CHROMIUM_FLAGS = [
    "--no-sandbox", "--disable-gpu", "--in-process-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update", "--process-per-site",
]  # fmt: skip
# No script runs long enough in a page to repay V8's optimizing compilers, not even axe: a tenth of the time
# of the processes that show pages.
UNOPTIMIZED = ["--js-flags=--no-opt,--no-maglev"]
# Memory for a fifth of a window's pixels, so that the rest is never painted: a sixth of Chromium's processor
# time, for pixels that no test reads. Layout, focus, hit testing and computed styles do not depend on them.
UNPAINTED = ["--force-gpu-mem-available-mb=1", "--num-raster-threads=1"]


@pytest.fixture(scope="session")
def isolated_browser(chromium: str) -> Iterator[Browser]:
    """Chromium, started once a test process. Tests make a context or page of their own.

    It paints little of a page: what compares pixels uses `painting_browser` of `test_styleguide.py`.
    """
    # From here on this thread has an event loop, which Django takes for a mistake.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(
            executable_path=chromium, args=CHROMIUM_FLAGS + UNPAINTED + UNOPTIMIZED
        )
        yield started
        started.close()


@pytest.fixture(scope="session")
def sandbox_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxProcess]:
    """One sandbox for all tests of a test process."""
    process = SandboxProcess(tmp_path_factory.mktemp("sandbox") / "crm.sqlite3", tickets=120)
    yield process
    assert process.stop() == 0


@pytest.fixture(scope="module")
def fresh_sandbox(sandbox_process: SandboxProcess) -> SandboxProcess:
    """The same sandbox in its first state as a file begins: tests of other files leave it with faults."""
    Sandbox(sandbox_process.url).reset()
    return sandbox_process


@pytest.fixture(scope="session")
def _known_lists() -> KnownLists:
    return KnownLists()


@pytest.fixture
def sandbox(
    request: pytest.FixtureRequest, sandbox_process: SandboxProcess, settings: Any, _known_lists: KnownLists
) -> Iterator[Sandbox]:
    """The sandbox in its first state, and the product pointed at it; with a database it knows the lists."""
    driver = Sandbox(sandbox_process.url)
    driver.reset()
    settings.TICKET_API_URL = sandbox_process.url
    if "db" in request.fixturenames or request.node.get_closest_marker("django_db"):
        request.getfixturevalue("db")
        _known_lists.fill(driver)
    yield driver
    forget_api()


@pytest.fixture(scope="session")
def _swept_index() -> SweptIndex:
    return SweptIndex()


@pytest.fixture
def swept_index(_swept_index: SweptIndex, db: None, sandbox: Sandbox, settings: Any) -> SweptIndex:
    """Fills the index with the whole list of the test CRM, which must be as `sandbox` left it."""
    settings.TICKET_INDEX_PER_SECOND = 1_000_000.0
    get_choices()
    return _swept_index


@pytest.fixture(scope="session", autouse=True)
def _forked_readers_of_workbooks() -> Iterator[None]:
    """Fork what reads workbooks; `tests/workbooks/test_hostile.py` starts it as the product does."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(workbooks, "start_module", run_module)
        yield


@pytest.fixture(scope="session", autouse=True)
def _only_whole_pages_are_announced(django_test_environment: None) -> Iterator[None]:
    """Tell Django's test client of each page, not of every template in it, whose contexts it copies.

    A page includes up to 400: a quarter of its time. `response.context` is the page's own.
    """

    def render(template: Template, context: Context) -> SafeString:
        if context.template is template:
            template_rendered.send(template, template=template, context=context)
        return template.nodelist.render(context)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Template, "_render", render)
        yield


@pytest.fixture(autouse=True)
def _empty_cache() -> None:
    cache.clear()


@pytest.fixture
def make_person(db: None) -> Callable[..., User]:
    """Makes users by role; None is a user without any role."""

    def make(role: Role | None = Role.STAFF, username: str = "", **values: object) -> User:
        return make_user(role, username, **values)

    return make


@pytest.fixture
def staff(make_person: Callable[..., User]) -> User:
    """A user who edits tickets."""
    return make_person(Role.STAFF, first_name="Lan", last_name="Trần")


@pytest.fixture
def lead(make_person: Callable[..., User]) -> User:
    """A team lead."""
    return make_person(Role.LEAD)


@pytest.fixture
def administrator(make_person: Callable[..., User]) -> User:
    """A user who manages the product."""
    return make_person(Role.ADMINISTRATOR)


@pytest.fixture
def client_of() -> Callable[[User], Client]:
    """Makes a test browser in which a user is signed in."""
    return signed_in


@pytest.fixture(scope="session")
def live(sandbox_process: SandboxProcess, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    """The product in separate processes, for browser, crash and concurrency tests."""
    server = LiveServer(tmp_path_factory.mktemp("live"), sandbox_process.url)
    yield server
    server.stop()


@pytest.fixture
def live_sandbox(live: LiveServer) -> Sandbox:
    """The live server's CRM in its initial state; drafts and what the server learnt earlier are gone."""
    driver = live.crm_as_seeded()
    live.forget_drafts()
    live.restore_index()
    return driver
