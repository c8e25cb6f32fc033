"""Signing in at the company's sources: against a real directory and a real OpenID provider."""

import importlib.util
import json
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import parse_qs, quote, urlsplit, urlunsplit

import pytest
import requests
from playwright.sync_api import Browser, expect

from tests.company import PEOPLE_PASSWORD, SLAPD, Directory, Provider, SignInVisitor
from tests.conftest import skip_or_fail
from tests.e2e.conftest import PATIENCE, is_fault
from tests.live import LiveServer
from tests.sandbox_driver import SandboxProcess

pytestmark = pytest.mark.sign_in_servers
REQUIRE = "REQUIRE_SIGN_IN_SERVERS"
UNREACHABLE = "The company&#x27;s sign-in service cannot be reached"
WRONG = "Please enter a correct username and password."
NOT_OURS = "This sign-in did not begin in this browser"


def without_directory() -> str:
    """Why no directory can run here; empty if one can."""
    missing = [name for name in ("django_auth_ldap", "ldap") if importlib.util.find_spec(name) is None]
    if missing:
        return f"{missing[0]} (requirements/sign-in.txt)"
    return "" if SLAPD and shutil.which("ldapmodify") else "slapd or ldap-utils"


@pytest.fixture(scope="module")
def company_directory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Directory | None]:
    """The directory, where one can run."""
    if without_directory():
        yield None
        return
    server = Directory(tmp_path_factory.mktemp("slapd"))
    yield server
    server.stop()


@pytest.fixture(scope="module")
def directory(company_directory: Directory | None) -> Directory:
    if company_directory is None:
        skip_or_fail(without_directory(), REQUIRE)
    assert company_directory
    return company_directory


@pytest.fixture(scope="module")
def provider(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Provider]:
    for package in ("mozilla_django_oidc", "oidc_provider_mock"):
        if importlib.util.find_spec(package) is None:
            skip_or_fail(f"{package} (requirements/dev.txt)", REQUIRE)
    server = Provider(tmp_path_factory.mktemp("provider"))
    yield server
    server.stop()


def forget_namesakes(server: LiveServer) -> None:
    """Delete the prepared local users whose names the directory has."""
    server.remove_people("lan", "minh")


@pytest.fixture(scope="module")
def product(
    company_directory: Directory | None,
    provider: Provider,
    fresh_sandbox: SandboxProcess,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[LiveServer]:
    """The product with every sign-in source that this machine has the tools for."""
    settings = (company_directory.settings if company_directory else {}) | provider.settings
    server = LiveServer(tmp_path_factory.mktemp("product"), fresh_sandbox.url, is_swept=False, **settings)
    forget_namesakes(server)
    yield server
    server.stop()


@pytest.fixture
def new_visitor(product: LiveServer) -> Iterator[Callable[[], SignInVisitor]]:
    people: list[SignInVisitor] = []

    def make(address: str = "") -> SignInVisitor:
        people.append(SignInVisitor(address or product.url))
        return people[-1]

    yield make
    for person in people:
        person.close()


def account(product: LiveServer, username: str) -> dict[str, object]:
    """The product's account of a user."""
    script = (
        "import json; from ticketadmin.models import User;"
        f"u = User.objects.get(username={username!r});"
        "print(json.dumps({'roles': u.role_names, 'source': u.source, 'name': u.get_full_name(),"
        "'email': u.email, 'password': u.has_usable_password(), 'superuser': u.is_superuser}))"
    )
    known: dict[str, object] = json.loads(product.execute(script))
    return known


def switch(product: LiveServer, username: str, *, active: bool) -> None:
    script = f"from ticketadmin.models import User; User.objects.filter(username={username!r})"
    product.execute(f"{script}.update(is_active={active})")


# --- the directory -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("username", "role", "sees_settings"),
    [("lan", "Staff", False), ("minh", "Team lead", False), ("quan", "Administrator", True)],
)
def test_a_directory_group_gives_a_role(
    username: str,
    role: str,
    sees_settings: bool,
    product: LiveServer,
    directory: Directory,
    new_visitor: Callable[[], SignInVisitor],
) -> None:
    person = new_visitor()
    page = person.post("/sign-in/", username=username.upper(), password=PEOPLE_PASSWORD)

    assert urlsplit(page.url).path == "/tickets/"
    known = account(product, username)
    assert known["roles"] == [role]
    assert known["source"] == "ldap"
    assert known["email"] == f"{username}@example.com"
    assert known["name"]
    assert not known["password"]
    assert not known["superuser"]
    assert (person.get("/admin/").status_code == 200) == sees_settings


@pytest.mark.parametrize(
    ("username", "password"),
    [
        ("lan", "wrong"),
        ("nobody-of-this-name", PEOPLE_PASSWORD),
        ("*", PEOPLE_PASSWORD),
        ("la*", PEOPLE_PASSWORD),
        ("lan)(uid=*", PEOPLE_PASSWORD),
        ("nghi", PEOPLE_PASSWORD),  # left the company: the filter leaves them out
    ],
)
def test_the_directory_rejects_wrong_passwords_unknown_names_and_wildcards(
    username: str, password: str, directory: Directory, new_visitor: Callable[[], SignInVisitor]
) -> None:
    person = new_visitor()

    page = person.post("/sign-in/", username=username, password=password)

    assert WRONG in page.text
    assert person.person is None


def test_an_empty_password_is_not_sent_to_the_directory(
    directory: Directory, new_visitor: Callable[[], SignInVisitor]
) -> None:
    person = new_visitor()

    assert "This field is required." in person.post("/sign-in/", username="lan", password="").text
    assert person.person is None


def test_a_role_removed_in_the_directory_is_gone_at_the_next_sign_in(
    product: LiveServer, directory: Directory, new_visitor: Callable[[], SignInVisitor]
) -> None:
    new_visitor().post("/sign-in/", username="minh", password=PEOPLE_PASSWORD)
    directory.set_members("leads", "quan")
    try:
        page = new_visitor().post("/sign-in/", username="minh", password=PEOPLE_PASSWORD)
        assert "You have no role here yet." in page.text
        assert account(product, "minh")["roles"] == []

        directory.set_members("support", "lan", "minh")
        page = new_visitor().post("/sign-in/", username="minh", password=PEOPLE_PASSWORD)
        assert urlsplit(page.url).path == "/tickets/"
        assert account(product, "minh")["roles"] == ["Staff"]
    finally:
        directory.set_members("leads", "minh")
        directory.set_members("support", "lan", "nghi")


def test_a_user_who_is_disabled_here_or_in_the_directory_cannot_sign_in(
    product: LiveServer, directory: Directory, new_visitor: Callable[[], SignInVisitor]
) -> None:
    person = new_visitor()
    person.post("/sign-in/", username="lan", password=PEOPLE_PASSWORD)
    switch(product, "lan", active=False)
    assert person.person is None
    page = new_visitor().post("/sign-in/", username="lan", password=PEOPLE_PASSWORD)
    assert "Your account is switched off here." in page.text
    assert WRONG in new_visitor().post("/sign-in/", username="lan", password="wrong").text

    switch(product, "lan", active=True)
    directory.set_kind("lan", "former")
    try:
        page = new_visitor().post("/sign-in/", username="lan", password=PEOPLE_PASSWORD)
        assert WRONG in page.text
    finally:
        directory.set_kind("lan", "current")


def test_a_directory_user_cannot_take_over_a_local_account_of_the_same_name(
    product: LiveServer, directory: Directory, new_visitor: Callable[[], SignInVisitor]
) -> None:
    product.add_person("khach", role="lead")

    page = new_visitor().post("/sign-in/", username="khach", password=PEOPLE_PASSWORD)
    assert "Another account already has your name." in page.text
    own = new_visitor().post("/sign-in/", username="khach", password=product.passwords["khach"])

    assert urlsplit(own.url).path == "/tickets/"
    assert account(product, "khach")["source"] == "local"


def test_while_the_directory_is_down_the_page_says_so_and_local_users_can_sign_in(
    product: LiveServer, directory: Directory, new_visitor: Callable[[], SignInVisitor]
) -> None:
    with directory.away():
        page = new_visitor().post("/sign-in/", username="lan", password=PEOPLE_PASSWORD)
        local = new_visitor().post("/sign-in/", username="staff", password=product.passwords["staff"])

    assert UNREACHABLE in page.text
    assert page.status_code == 200
    assert urlsplit(local.url).path == "/tickets/"
    again = new_visitor().post("/sign-in/", username="lan", password=PEOPLE_PASSWORD)
    assert urlsplit(again.url).path == "/tickets/"


@pytest.mark.parametrize("is_known", [True, False])
def test_passwords_are_sent_only_to_a_directory_with_a_trusted_certificate(
    is_known: bool,
    directory: Directory,
    fresh_sandbox: SandboxProcess,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    settings = {**directory.settings, "LDAP_URL": f"ldaps://127.0.0.1:{directory.tls_port}"}
    if is_known:
        settings["LDAP_CA_FILE"] = str(directory.data / "cert.pem")
    server = LiveServer(tmp_path_factory.mktemp("tls"), fresh_sandbox.url, is_swept=False, **settings)
    forget_namesakes(server)
    person = SignInVisitor(server.url)
    page = person.post("/sign-in/", username="lan", password=PEOPLE_PASSWORD)
    person.close()
    server.stop()

    assert (UNREACHABLE in page.text) != is_known
    assert (urlsplit(page.url).path == "/tickets/") == is_known


def test_a_hanging_directory_or_provider_does_not_block_the_page(
    directory: Directory, provider: Provider, new_visitor: Callable[[], SignInVisitor]
) -> None:
    with directory.frozen(), provider.frozen():  # the requests here give up after 30 seconds
        pages = [
            new_visitor().post("/sign-in/", username="lan", password=PEOPLE_PASSWORD),
            new_visitor().post("/sign-in/openid/"),
        ]

    assert [UNREACHABLE in page.text for page in pages] == [True, True]


def test_a_user_who_is_renamed_in_the_directory_keeps_the_account(
    product: LiveServer, directory: Directory, new_visitor: Callable[[], SignInVisitor]
) -> None:
    """An account that was bound by name is bound by the entry's id from the next sign-in on."""
    first, second = new_visitor(), new_visitor()
    first.post("/sign-in/", username="minh", password=PEOPLE_PASSWORD)
    as_before = "from ticketadmin.models import User; User.objects.filter(username='minh')"
    product.execute(f"{as_before}.update(subject='ldap minh')")
    known = new_visitor()
    known.post("/sign-in/", username="minh", password=PEOPLE_PASSWORD)
    directory.rename("minh", "minh-moi")
    directory.set_members("leads", "minh-moi")
    try:
        second.post("/sign-in/", username="minh-moi", password=PEOPLE_PASSWORD)
    finally:
        directory.rename("minh-moi", "minh")
        directory.set_members("leads", "minh")

    assert first.person
    assert first.person == known.person == second.person


# --- the provider --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("groups", "roles"),
    [
        (["support"], ["Staff"]),
        (["leads", "something-else"], ["Team lead"]),
        (["admins"], ["Administrator"]),
        (["support", "leads"], ["Staff", "Team lead"]),
    ],
)
def test_a_provider_group_gives_a_role(
    groups: list[str],
    roles: list[str],
    product: LiveServer,
    provider: Provider,
    new_visitor: Callable[[], SignInVisitor],
) -> None:
    provider.knows(
        "4711", preferred_username="Hoa", given_name="Hoa", family_name="Pham", email="hoa@example.com",
        groups=groups,
    )  # fmt: skip
    person = new_visitor()

    page = person.sign_in("4711")

    assert urlsplit(page.url).path == "/tickets/"
    assert account(product, "hoa") == {
        "roles": roles, "source": "oidc", "name": "Hoa Pham", "email": "hoa@example.com",
        "password": False, "superuser": False,
    }  # fmt: skip


def test_the_sign_in_page_offers_the_provider(new_visitor: Callable[[], SignInVisitor]) -> None:
    page = new_visitor().get("/sign-in/?next=/history/").text

    assert "Sign in with Example" in page
    assert "/sign-in/openid/?next=%2Fhistory%2F" in page


def test_a_sign_in_starts_by_a_button_and_not_by_a_link(
    product: LiveServer, provider: Provider, new_visitor: Callable[[], SignInVisitor]
) -> None:
    person = new_visitor()
    with provider.away():  # else the page would name the failure
        page = person.get("/sign-in/openid/?next=/history/")
    forged = person.session.post(f"{product.url}/sign-in/openid/", timeout=30)

    assert page.status_code == 200
    assert "Sign in with Example" in page.text
    assert UNREACHABLE not in page.text
    assert "sessionid" not in person.session.cookies
    assert forged.status_code == 403
    assert person.begin("/history/").startswith(provider.url)


@pytest.mark.parametrize(
    ("settings", "path"),
    [
        ({"SECOND_STEP": "all"}, "/tickets/"),
        ({"SECOND_STEP": "all", "SECOND_STEP_SOURCES": "local,oidc"}, "/account/second-step/"),
    ],
    ids=["exempt", "demanded"],
)
def test_provider_users_have_no_second_step_here_unless_a_setting_demands_it(
    settings: dict[str, str],
    path: str,
    provider: Provider,
    fresh_sandbox: SandboxProcess,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    provider.knows("4711", preferred_username="hoa", groups=["leads"])
    data = tmp_path_factory.mktemp("second-step")
    server = LiveServer(data, fresh_sandbox.url, is_swept=False, **provider.settings, **settings)
    try:
        person, own = SignInVisitor(server.url), SignInVisitor(server.url)
        assert urlsplit(person.sign_in("4711", "/tickets/").url).path == path
        page = own.post("/sign-in/", username="staff", password=server.passwords["staff"])
        assert urlsplit(page.url).path == "/account/second-step/"
        for one in (person, own):
            one.close()
    finally:
        server.stop()


def test_a_pending_account_can_only_be_claimed_by_its_link(
    product: LiveServer, provider: Provider, new_visitor: Callable[[], SignInVisitor]
) -> None:
    script = (
        "from ticketadmin.models import User; from ticketadmin.services.people.binding import make_link;"
        "u = User.objects.create_user('cho-doi', source='oidc');"
        "a = User.objects.create_superuser('chu');"
        "print(make_link(u, user=a))"
    )
    token = product.execute(script).strip().splitlines()[-1]
    for subject in ("thief", "owner"):
        provider.knows(subject, preferred_username="cho-doi", groups=["support"])

    thief = new_visitor()
    page = thief.sign_in("thief")
    assert "it has not been confirmed as yours" in page.text
    assert thief.person is None
    owner = new_visitor()
    assert "This account here becomes yours." in owner.get(f"/sign-in/connect/{token}/").text
    assert urlsplit(owner.sign_in("owner").url).path == "/tickets/"
    assert urlsplit(new_visitor().sign_in("owner").url).path == "/tickets/"
    assert new_visitor().sign_in("thief").url.endswith("/sign-in/")


def test_a_user_who_is_renamed_at_the_provider_keeps_the_account(
    product: LiveServer, provider: Provider, new_visitor: Callable[[], SignInVisitor]
) -> None:
    provider.knows("77", preferred_username="cu", family_name="Cu", groups=["support"])
    first = new_visitor()
    first.sign_in("77")
    provider.knows("77", preferred_username="moi", family_name="Moi", groups=["support"])
    second = new_visitor()
    second.sign_in("77")

    assert first.person == second.person
    assert account(product, "cu")["name"] == "Moi"


def test_a_first_sign_in_from_several_tabs_at_once_creates_one_account(
    provider: Provider, new_visitor: Callable[[], SignInVisitor]
) -> None:
    provider.knows("78", preferred_username="cung-luc", groups=["support"])
    tabs = [new_visitor() for _number in range(6)]
    ways = [tab.agree(tab.begin(), "78") for tab in tabs]

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda tab, way: tab.get(way), tabs, ways))

    numbers = {tab.person for tab in tabs}
    assert len(numbers) == 1
    assert None not in numbers


def test_a_name_reassigned_at_the_provider_does_not_open_the_old_account(
    provider: Provider, new_visitor: Callable[[], SignInVisitor]
) -> None:
    provider.knows("81", preferred_username="ten", groups=["admins"])
    new_visitor().sign_in("81")
    provider.knows("82", preferred_username="ten", groups=["support"])
    newcomer = new_visitor()

    assert "Another account already has your name." in newcomer.sign_in("82").text
    assert newcomer.person is None


def test_a_provider_user_cannot_take_over_a_local_administrator_of_the_same_name(
    product: LiveServer, provider: Provider, new_visitor: Callable[[], SignInVisitor]
) -> None:
    provider.knows("666", preferred_username="admin", email="admin@example.com", groups=["support"])
    person = new_visitor()

    assert "Another account already has your name." in person.sign_in("666").text
    assert person.person is None
    assert account(product, "admin")["source"] == "local"


def test_a_role_removed_at_the_provider_is_gone_at_the_next_sign_in(
    product: LiveServer, provider: Provider, new_visitor: Callable[[], SignInVisitor]
) -> None:
    provider.knows("90", preferred_username="vai", groups=["admins"])
    person = new_visitor()
    person.sign_in("90")
    assert person.get("/admin/").status_code == 200

    provider.knows("90", preferred_username="vai", groups=[])
    assert "You have no role here yet." in new_visitor().sign_in("90").text

    assert account(product, "vai")["roles"] == []
    assert person.get("/admin/").status_code == 403


def test_a_user_who_is_disabled_here_cannot_sign_in_at_the_provider(
    product: LiveServer, provider: Provider, new_visitor: Callable[[], SignInVisitor]
) -> None:
    provider.knows("91", preferred_username="tat", groups=["support"])
    person = new_visitor()
    person.sign_in("91")
    switch(product, "tat", active=False)

    assert person.person is None
    assert "Your account is switched off here." in new_visitor().sign_in("91").text


def test_declining_at_the_provider_is_reported(
    provider: Provider, new_visitor: Callable[[], SignInVisitor]
) -> None:
    person = new_visitor()
    back = person.agree(person.begin("/history/"), "", action="deny")

    page = person.get(back)
    assert "The sign-in was not finished. Try again." in page.text
    assert "/sign-in/openid/?next=%2Fhistory%2F" in page.text  # trying again still leads there
    assert person.person is None


def tampered(address: str, **changes: str) -> str:
    parts = urlsplit(address)
    values = {name: value[0] for name, value in parse_qs(parts.query).items()} | changes
    query = "&".join(f"{name}={quote(value)}" for name, value in values.items() if value)
    return urlunsplit(parts._replace(query=query))


@pytest.mark.parametrize("changes", [{"state": "another"}, {"state": ""}, {"code": "another"}, {"code": ""}])
def test_a_tampered_callback_is_refused(
    changes: dict[str, str], provider: Provider, new_visitor: Callable[[], SignInVisitor]
) -> None:
    provider.knows("4711", preferred_username="hoa", groups=["support"])
    person = new_visitor()

    page = person.get(tampered(person.agree(person.begin(), "4711"), **changes))

    assert NOT_OURS in page.text
    assert urlsplit(page.url).path == "/sign-in/"
    assert person.person is None


def test_a_callback_works_once_and_only_in_its_browser(
    provider: Provider, new_visitor: Callable[[], SignInVisitor]
) -> None:
    provider.knows("4711", preferred_username="hoa", groups=["support"])
    attacker, victim = new_visitor(), new_visitor()
    theirs = attacker.agree(attacker.begin(), "4711")

    assert NOT_OURS in victim.get(theirs).text  # else the victim would work in the attacker's account
    assert victim.person is None
    attacker.get(theirs)
    assert attacker.person
    attacker.session.cookies.clear()
    assert NOT_OURS in attacker.get(theirs).text
    assert attacker.person is None


def test_a_code_of_another_user_is_refused_with_ones_own_state(
    provider: Provider, new_visitor: Callable[[], SignInVisitor]
) -> None:
    """Nonce and PKCE: a stolen code was issued for another sign-in than the thief's."""
    provider.knows("4711", preferred_username="hoa", groups=["support"])
    victim, thief = new_visitor(), new_visitor()
    stolen = parse_qs(urlsplit(victim.agree(victim.begin(), "4711")).query)["code"][0]
    own = thief.agree(thief.begin(), "4711")

    assert NOT_OURS in thief.get(tampered(own, code=stolen)).text
    assert thief.person is None


def test_a_changed_nonce_is_refused(provider: Provider, new_visitor: Callable[[], SignInVisitor]) -> None:
    provider.knows("4711", preferred_username="hoa", groups=["support"])
    person = new_visitor()

    page = person.get(person.agree(tampered(person.begin(), nonce="another-nonce-entirely"), "4711"))

    assert NOT_OURS in page.text
    assert person.person is None


def test_the_session_id_changes_after_signing_in_at_the_provider(
    provider: Provider, new_visitor: Callable[[], SignInVisitor]
) -> None:
    provider.knows("4711", preferred_username="hoa", groups=["support"])
    person = new_visitor()
    back = person.agree(person.begin(), "4711")
    planted = person.session.cookies["sessionid"]
    person.get(back)
    assert person.session.cookies["sessionid"] != planted

    person.session.cookies.clear()
    person.session.cookies.set("sessionid", planted)
    assert person.person is None


@pytest.mark.parametrize("target", ["https://evil.example/", "//evil.example", "/\\evil.example"])
def test_the_callback_redirects_to_no_other_site(
    target: str, provider: Provider, new_visitor: Callable[[], SignInVisitor]
) -> None:
    provider.knows("4711", preferred_username="hoa", groups=["support"])
    person = new_visitor()

    page = person.get(person.agree(person.begin(quote(target)), "4711"), follow=False)

    assert page.headers["Location"] == "/tickets/"


def test_the_requested_page_follows_the_sign_in_at_the_provider(
    provider: Provider, new_visitor: Callable[[], SignInVisitor]
) -> None:
    provider.knows("4711", preferred_username="hoa", groups=["support"])

    assert urlsplit(new_visitor().sign_in("4711", "/history/").url).path == "/history/"


def test_while_the_provider_is_down_the_page_says_so_and_other_sign_ins_work(
    product: LiveServer, provider: Provider, new_visitor: Callable[[], SignInVisitor]
) -> None:
    provider.knows("4711", preferred_username="hoa", groups=["support"])
    on_the_way = new_visitor()
    back = on_the_way.agree(on_the_way.begin(), "4711")
    with provider.away():
        beginning = new_visitor().post("/sign-in/openid/")
        returning = on_the_way.get(back)
        local = new_visitor().post("/sign-in/", username="staff", password=product.passwords["staff"])

    for page in (beginning, returning):
        assert UNREACHABLE in page.text
        assert urlsplit(page.url).path == "/sign-in/"
    assert on_the_way.person is None
    assert urlsplit(local.url).path == "/tickets/"


def test_the_callback_cannot_be_used_to_sign_a_user_out(
    provider: Provider, new_visitor: Callable[[], SignInVisitor]
) -> None:
    provider.knows("4711", preferred_username="hoa", groups=["support"])
    person = new_visitor()
    person.sign_in("4711")

    person.get("/sign-in/openid/done/?error=access_denied")

    assert person.person


# --- neither password nor account kept here ------------------------------------------------------


def test_local_accounts_can_be_switched_off(
    provider: Provider,
    fresh_sandbox: SandboxProcess,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    provider.knows("4711", preferred_username="hoa", groups=["support"])
    server = LiveServer(
        tmp_path_factory.mktemp("without-local"),
        fresh_sandbox.url,
        is_swept=False,
        LOCAL_ACCOUNTS="off",
        **provider.settings,
    )
    try:
        person = SignInVisitor(server.url)
        page = person.get("/sign-in/").text
        assert "Sign in with Example" in page
        assert 'type="password"' not in page
        assert "Forgotten your password?" not in page
        token = person.session.cookies.get("csrftoken") or ""
        posted = person.session.post(
            f"{server.url}/sign-in/",
            {"username": "staff", "password": server.passwords["staff"], "csrfmiddlewaretoken": token},
            timeout=30,
        )
        assert posted.status_code in {200, 403}
        assert person.person is None
        assert requests.get(f"{server.url}/password/forgotten/", timeout=30).status_code == 404
        assert urlsplit(person.sign_in("4711").url).path == "/tickets/"
        person.close()
    finally:
        server.stop()


# --- at a browser --------------------------------------------------------------------------------


@pytest.mark.browser
def test_in_a_browser_the_provider_signs_in_and_renews_an_ended_session_in_place(
    product: LiveServer, provider: Provider, isolated_browser: Browser
) -> None:
    """The page's policy allows the redirects, and a save continues after a sign-in in another tab."""
    provider.knows("55", preferred_username="bich", given_name="Bich", groups=["support"])
    context = isolated_browser.new_context(locale="en-GB")
    context.set_default_timeout(PATIENCE)
    complaints: list[str] = []
    page = context.new_page()
    page.on("console", lambda message: complaints.append(message.text) if is_fault(message) else None)
    page.goto(f"{product.url}/tickets/ABCXYZ1234/")
    page.get_by_role("button", name="Sign in with Example").click()
    page.get_by_placeholder("sub").fill("55")
    page.get_by_role("button", name="Authorize", exact=True).click()
    expect(page).to_have_url(f"{product.url}/tickets/ABCXYZ1234/")

    page.get_by_label("Title").fill("Sau khi hết phiên")
    expect(page.get_by_text("Draft kept on the server")).to_be_visible()
    context.clear_cookies(name="sessionid")
    page.get_by_role("button", name="Save", exact=True).click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_label("Password")).to_have_count(0)
    with context.expect_page() as opened:
        dialog.get_by_role("link", name="Sign in again").click()
    other = opened.value
    other.get_by_role("button", name="Sign in with Example").click()
    other.get_by_placeholder("sub").fill("55")
    other.get_by_role("button", name="Authorize", exact=True).click()
    expect(other.get_by_role("heading", name="You are signed in")).to_be_visible()

    expect(page.get_by_role("status").filter(has_text="Saved and verified.")).to_be_visible()
    context.close()
    assert complaints == []
