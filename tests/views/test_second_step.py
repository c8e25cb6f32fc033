"""Two-step sign-in: a stolen password is useless, a code works once, a lost device can be replaced."""

import base64
import re
import time
from collections.abc import Callable
from typing import Any

import pytest
import time_machine
from django.contrib.auth.tokens import default_token_generator
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_encode
from django_otp.oath import TOTP
from django_otp.plugins.otp_totp.models import TOTPDevice

from tests.factories import PASSWORD
from tests.views.test_signing_in import SCRIPT, sign_in
from ticketadmin.models import AuditAction, AuditEntry, IdentitySource, RecoveryCode, User
from ticketadmin.services.people.second_step import DEVICE, is_demanded, is_possible

START = 1_800_000_000  # a time at the beginning of a step
STEP = 30
WRONG = "This code is wrong or was used already."


@pytest.fixture(autouse=True)
def clock() -> Any:
    with time_machine.travel(START, tick=False) as travelling:
        yield travelling


def code_of(user: User, steps: int = 0, *, confirmed: bool = True) -> str:
    """Return what the user's app shows so many steps from now."""
    return code_on(TOTPDevice.objects.get(user=user, confirmed=confirmed), steps)


def code_on(device: TOTPDevice, steps: int = 0) -> str:
    totp = TOTP(device.bin_key, STEP)
    totp.time = time.time() + steps * STEP
    return f"{totp.token():06}"


def switch_on(client: Client, user: User, device: TOTPDevice | None = None) -> list[str]:
    """Set it up as a user does; return the recovery codes."""
    client.get("/account/second-step/")
    code = code_on(device) if device else code_of(user, confirmed=False)
    page = client.post("/account/second-step/", {"password": PASSWORD, "code": code})
    codes: list[str] = page.context["page"].codes
    return codes


@pytest.fixture
def codes(staff: User, client_of: Callable[[User], Client], clock: Any) -> list[str]:
    made = switch_on(client_of(staff), staff)
    clock.shift(10 * STEP)
    return made


def with_code(client: Client, code: str, **options: Any) -> Any:
    return client.post("/sign-in/code/", {"code": code}, **options)


def signed_in_user_of(client: Client) -> object:
    return client.get("/session/").json()["person"]


# --- signing in ----------------------------------------------------------------------------------


def test_a_stolen_password_alone_does_not_sign_in(staff: User, codes: list[str]) -> None:
    thief = Client()

    answer = sign_in(thief, "staff", PASSWORD)

    assert answer["Location"] == "/sign-in/code/"
    assert signed_in_user_of(thief) is None
    for path in ("/tickets/", "/admin/", "/account/", "/account/second-step/", "/password/"):
        assert thief.get(path).status_code == 302
        assert thief.get(path)["Location"].startswith(("/sign-in/?next=", "/admin/login/"))


def test_password_and_code_lead_to_the_requested_page(staff: User, codes: list[str]) -> None:
    client = Client()
    sign_in(client, "staff", PASSWORD, data={"next": "/account/"})
    before = client.session.session_key

    answer = with_code(client, code_of(staff))

    assert answer["Location"] == "/account/"
    assert signed_in_user_of(client) == staff.pk
    assert client.session.session_key != before


@pytest.mark.parametrize("steps", [-1, 0, 1])
def test_a_clock_may_be_off_by_one_step(steps: int, staff: User, codes: list[str]) -> None:
    client = Client()
    sign_in(client, "staff", PASSWORD)

    with_code(client, code_of(staff, steps))

    assert signed_in_user_of(client) == staff.pk


@pytest.mark.parametrize("steps", [-3, -2, 2, 3])
def test_a_clock_may_not_be_off_by_more(steps: int, staff: User, codes: list[str]) -> None:
    client = Client()
    sign_in(client, "staff", PASSWORD)

    assert WRONG in with_code(client, code_of(staff, steps)).content.decode()
    assert signed_in_user_of(client) is None


def test_a_drifting_clock_is_not_followed(staff: User, codes: list[str], clock: Any) -> None:
    """Codes that are one step early each time must not add up: one step from our clock stays the limit."""
    for _sign_in in range(3):
        client = Client()
        sign_in(client, "staff", PASSWORD)
        with_code(client, code_of(staff, 1))
        clock.shift(10 * STEP)
    client = Client()
    sign_in(client, "staff", PASSWORD)

    assert WRONG in with_code(client, code_of(staff, 2)).content.decode()


def test_a_code_works_once(staff: User, codes: list[str]) -> None:
    code = code_of(staff)
    first, second = Client(), Client()
    for client in (first, second):
        sign_in(client, "staff", PASSWORD)
        with_code(client, code)

    assert (signed_in_user_of(first), signed_in_user_of(second)) == (staff.pk, None)


@pytest.mark.parametrize("spell", [str, str.lower, lambda code: code.replace("-", " ")])
def test_a_recovery_code_works_once_in_any_spelling(
    spell: Callable[[str], str], staff: User, codes: list[str]
) -> None:
    first, second = Client(), Client()
    for client in (first, second):
        sign_in(client, "staff", PASSWORD)
        with_code(client, spell(codes[3]))

    assert (signed_in_user_of(first), signed_in_user_of(second)) == (staff.pk, None)
    assert AuditEntry.objects.get(action=AuditAction.RECOVERY_CODE_USED).details == {"left": 9}


def test_recovery_codes_of_another_user_do_not_work(
    staff: User, lead: User, codes: list[str], client_of: Callable[[User], Client]
) -> None:
    others = switch_on(client_of(lead), lead)
    client = Client()
    sign_in(client, "staff", PASSWORD)

    with_code(client, others[0])

    assert signed_in_user_of(client) is None


@pytest.mark.parametrize(
    "code", ["", "000000", "12345", "1234567", "x" * 5_000, "\x00", "-1", "１２３４５６", "1e5"]
)
def test_any_other_code_gets_the_same_answer(code: str, staff: User, codes: list[str]) -> None:
    client = Client()
    sign_in(client, "staff", PASSWORD)

    answer = with_code(client, code)

    assert answer.status_code == 200
    assert "field__errors" in answer.content.decode()
    assert signed_in_user_of(client) is None


def test_guessing_codes_is_throttled_and_the_password_does_not_end_the_wait(
    staff: User, codes: list[str], settings: Any, clock: Any
) -> None:
    settings.AXES_FAILURE_LIMIT = 4
    client = Client()
    sign_in(client, "staff", PASSWORD)
    for _guess in range(4):
        answer = with_code(client, "000000")
        clock.shift(20)
        if answer.status_code != 429:
            sign_in(client, "staff", PASSWORD)

    assert with_code(client, code_of(staff)).status_code == 429
    assert sign_in(client, "staff", PASSWORD).status_code == 429
    assert signed_in_user_of(client) is None
    failed = AuditEntry.objects.filter(action=AuditAction.SIGN_IN_FAILED, details__step="code")
    assert failed.count() >= 4


def test_the_device_waits_longer_after_each_wrong_code(staff: User, codes: list[str], clock: Any) -> None:
    client = Client()
    sign_in(client, "staff", PASSWORD)
    for _guess in range(4):
        with_code(client, "000000")

    with_code(client, code_of(staff))
    assert signed_in_user_of(client) is None
    clock.shift(60)
    with_code(client, code_of(staff))
    assert signed_in_user_of(client) == staff.pk


@pytest.mark.parametrize("spoil", ["late", "new password", "switched off", "never began"])
def test_the_code_needs_a_recent_password(spoil: str, staff: User, codes: list[str], clock: Any) -> None:
    client = Client()
    if spoil != "never began":
        sign_in(client, "staff", PASSWORD)
    if spoil == "late":
        clock.shift(601)
    elif spoil == "new password":
        staff.refresh_from_db()
        staff.set_password("another-long-password-2")
        staff.save()
    elif spoil == "switched off":
        User.objects.filter(pk=staff.pk).update(is_active=False)

    assert with_code(client, code_of(staff))["Location"] == "/sign-in/"
    assert signed_in_user_of(client) is None


def test_the_sign_in_dialog_also_asks_for_the_code(staff: User, codes: list[str]) -> None:
    client = Client()

    first = sign_in(client, "staff", PASSWORD, headers=SCRIPT)
    assert first.json()["code_url"] == "/sign-in/code/"
    assert signed_in_user_of(client) is None
    wrong = with_code(client, "000000", headers=SCRIPT)
    assert (wrong.status_code, WRONG in wrong.json()["problem"]) == (422, True)
    right = with_code(client, codes[0], headers=SCRIPT)
    assert right.json()["person"] == staff.pk
    assert signed_in_user_of(client) == staff.pk


def test_the_sign_in_dialog_starts_over_if_the_password_is_too_old(staff: User, codes: list[str]) -> None:
    assert with_code(Client(), "000000", headers=SCRIPT).json()["starts_again"] is True


# --- other ways in -------------------------------------------------------------------------------


def test_a_session_without_the_second_step_ends(
    staff: User, codes: list[str], client_of: Callable[[User], Client]
) -> None:
    assert signed_in_user_of(client_of(staff)) is None


def test_setting_up_the_second_step_ends_other_sessions(
    staff: User, client_of: Callable[[User], Client]
) -> None:
    mine, other = client_of(staff), client_of(staff)

    switch_on(mine, staff)

    assert (signed_in_user_of(mine), signed_in_user_of(other)) == (staff.pk, None)


def reset_link(user: User) -> str:
    number = urlsafe_base64_encode(force_bytes(user.pk))
    return f"/password/new/{number}/{default_token_generator.make_token(user)}/"


@pytest.mark.parametrize("code", [None, "", "000000"])
def test_mailbox_access_alone_changes_no_password(code: str | None, staff: User, codes: list[str]) -> None:
    staff.refresh_from_db()
    client = Client()
    page = client.get(reset_link(staff), follow=True)
    new = {"new_password1": "mot-mat-khau-moi-2026", "new_password2": "mot-mat-khau-moi-2026"}

    answer = client.post(page.request["PATH_INFO"], {**new, **({} if code is None else {"code": code})})

    assert answer.status_code == 200
    staff.refresh_from_db()
    assert staff.check_password(PASSWORD)


def test_mailbox_and_code_change_it_and_a_refused_password_uses_up_no_code(
    staff: User, codes: list[str]
) -> None:
    staff.refresh_from_db()
    client = Client()
    path = client.get(reset_link(staff), follow=True).request["PATH_INFO"]
    code = code_of(staff)
    client.post(path, {"new_password1": "short", "new_password2": "short", "code": code})
    new = {"new_password1": "mot-mat-khau-moi-2026", "new_password2": "mot-mat-khau-moi-2026", "code": code}

    assert client.post(path, new).status_code == 302
    staff.refresh_from_db()
    assert staff.check_password("mot-mat-khau-moi-2026")
    assert sign_in(client, "staff", "mot-mat-khau-moi-2026")["Location"] == "/sign-in/code/"


# --- of whom it is demanded ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("setting", "demanded"),
    [("nobody", set()), ("leads", {"lead", "administrator"}), ("all", {"staff", "lead", "administrator"})],
)
def test_the_setting_says_who_must_set_it_up_first(
    setting: str,
    demanded: set[str],
    staff: User,
    lead: User,
    administrator: User,
    client_of: Callable[[User], Client],
    settings: Any,
) -> None:
    settings.SECOND_STEP = setting
    for user in (staff, lead, administrator):
        client = client_of(user)
        paths = ["/history/changes.csv", *(["/admin/"] if user == administrator else [])]
        for path in paths:
            answer = client.get(path)
            leads_on = answer.status_code == 302 and answer["Location"] == "/account/second-step/"
            assert leads_on == (user.username in demanded), path
        scripted = client.get("/history/changes.csv", headers=SCRIPT)
        assert (scripted.status_code == 403) == (user.username in demanded)
        assert client.get("/account/second-step/").status_code == 200
        assert client.post("/sign-out/").status_code == 302


def test_once_set_up_every_page_is_accessible(
    lead: User, client_of: Callable[[User], Client], settings: Any
) -> None:
    settings.SECOND_STEP = "leads"
    client = client_of(lead)

    switch_on(client, lead)

    assert client.get("/history/").status_code == 200


@pytest.mark.parametrize("source", [IdentitySource.LDAP, IdentitySource.OIDC])
def test_external_users_use_their_sources_second_step(
    source: IdentitySource, make_person: Callable[..., User], settings: Any
) -> None:
    settings.SECOND_STEP = "all"
    user = make_person(None, "lan", source=source)

    assert not is_demanded(user)
    assert not is_possible(user)
    settings.SECOND_STEP_SOURCES = [source.value]
    assert is_demanded(user)


# --- the page ------------------------------------------------------------------------------------


def test_the_page_shows_a_picture_and_a_secret_until_it_is_on_and_never_again(
    staff: User, client_of: Callable[[User], Client]
) -> None:
    client = client_of(staff)
    page = client.get("/account/second-step/").content.decode()

    assert "<svg" in page
    assert not re.search(r"\sstyle=", page.split("<svg")[1].split("</svg>")[0])
    secret = client.get("/account/second-step/").context["page"].secret
    assert secret in page
    switch_on(client, staff)
    later = client.get("/account/second-step/").content.decode()
    assert secret not in later
    assert "qr-frame" not in later


def test_secrets_that_two_tabs_made_at_once_do_not_close_the_page(
    staff: User, client_of: Callable[[User], Client]
) -> None:
    made = [TOTPDevice.objects.create(user=staff, name=DEVICE, confirmed=False) for _tab in range(2)]

    page = client_of(staff).get("/account/second-step/").context["page"]

    shown = base64.b32decode(page.secret.replace(" ", ""))
    (device,) = (one for one in made if one.bin_key == shown)
    assert switch_on(client_of(staff), staff, device)


@pytest.mark.parametrize(
    "data", [{"password": "guess"}, {"password": ""}, {"code": "000000"}, {"code": ""}], ids=str
)
def test_setting_up_the_second_step_needs_password_and_code(
    data: dict[str, str], staff: User, client_of: Callable[[User], Client]
) -> None:
    client = client_of(staff)
    client.get("/account/second-step/")
    right = {"password": PASSWORD, "code": code_of(staff, confirmed=False)}

    answer = client.post("/account/second-step/", {**right, **data})

    assert answer.status_code == 422
    staff.refresh_from_db()
    assert staff.second_step_since is None


def test_recovery_codes_are_kept_as_digests_only(staff: User, codes: list[str]) -> None:
    assert len(set(codes)) == 10
    held = repr(list(RecoveryCode.objects.values_list()) + list(AuditEntry.objects.values_list()))
    for code in codes:
        assert code not in held
        assert code.replace("-", "") not in held


@pytest.fixture
def signed_in(staff: User, codes: list[str], clock: Any) -> Client:
    client = Client()
    sign_in(client, "staff", PASSWORD)
    with_code(client, code_of(staff))
    clock.shift(10 * STEP)
    return client


def test_new_recovery_codes_replace_the_old_ones(staff: User, codes: list[str], signed_in: Client) -> None:
    answer = signed_in.post("/account/second-step/", {"codes": "yes", "code": code_of(staff)})

    assert len(answer.context["page"].codes) == 10
    client = Client()
    sign_in(client, "staff", PASSWORD)
    with_code(client, codes[0])
    assert signed_in_user_of(client) is None


def test_switching_off_the_second_step_needs_a_code(staff: User, signed_in: Client, clock: Any) -> None:
    wrong = signed_in.post("/account/second-step/", {"off": "yes", "code": "000000"})
    assert wrong.status_code == 422
    clock.shift(STEP)
    assert signed_in.post("/account/second-step/", {"off": "yes", "code": code_of(staff)}).status_code == 303
    assert sign_in(Client(), "staff", PASSWORD)["Location"] == "/tickets/"


def test_a_required_second_step_cannot_be_switched_off(staff: User, signed_in: Client, settings: Any) -> None:
    settings.SECOND_STEP = "all"

    answer = signed_in.post("/account/second-step/", {"off": "yes", "code": code_of(staff)})

    assert answer.status_code == 422
    assert TOTPDevice.objects.filter(user=staff, confirmed=True).exists()


# --- lost devices --------------------------------------------------------------------------------


def test_a_reset_by_an_administrator_is_recorded_and_ends_the_sessions(
    staff: User, administrator: User, signed_in: Client, client_of: Callable[[User], Client]
) -> None:
    admin = client_of(administrator)

    admin.post("/admin/ticketadmin/user/", {"action": "reset_second_step", "_selected_action": [staff.pk]})

    entry = AuditEntry.objects.get(action=AuditAction.SECOND_STEP_RESET)
    assert (entry.actor, entry.target_name) == (administrator, "staff")
    assert signed_in_user_of(signed_in) is None
    assert not TOTPDevice.objects.filter(user=staff).exists()
    assert sign_in(Client(), "staff", PASSWORD)["Location"] == "/tickets/"


def test_an_administrator_does_not_reset_a_superusers(
    administrator: User, client_of: Callable[[User], Client]
) -> None:
    root = User.objects.create_superuser("root", password=PASSWORD)
    switch_on(client_of(root), root)

    client_of(administrator).post(
        "/admin/ticketadmin/user/", {"action": "reset_second_step", "_selected_action": [root.pk]}
    )

    root.refresh_from_db()
    assert root.second_step_since is not None


def test_the_command_resets_the_last_administrators_second_step(staff: User, codes: list[str]) -> None:
    call_command("reset_second_step", "staff")

    assert sign_in(Client(), "staff", PASSWORD)["Location"] == "/tickets/"
    assert AuditEntry.objects.get(action=AuditAction.SECOND_STEP_RESET).channel == "command"
    with pytest.raises(CommandError, match="There is no user nobody"):
        call_command("reset_second_step", "nobody")


def test_no_admin_page_shows_the_secrets(client_of: Callable[[User], Client], staff: User) -> None:
    root = User.objects.create_superuser("root")
    client_of(staff).get("/account/second-step/")

    assert client_of(root).get("/admin/otp_totp/totpdevice/").status_code == 404
