"""Which custom fields a save sends: all of them, unless a trial has proved that the CRM merges."""

from collections.abc import Callable
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from tests.pages import ticket_form
from tests.sandbox_driver import Sandbox
from ticketadmin.models import Change, User
from ticketadmin.services.crm.omitted import omitted_fields
from ticketadmin.services.saving.custom_fields import is_proved

CODE = "ABCXYZ1234"
URL = f"/tickets/{CODE}/"
FILLED = {"so_serial": "SN-1", "ngay_mua": "1735689600"}


@pytest.fixture
def web(staff: User, client_of: Callable[[User], Client], sandbox: Sandbox) -> Client:
    sandbox.edit(CODE, custom_fields=FILLED)
    return client_of(staff)


def save_serial(web: Client) -> None:
    web.post(URL, ticket_form(web.get(URL)).filled(**{"custom_fields.so_serial": "SN-2"}))


def sent(crm: Sandbox) -> dict[str, Any]:
    return dict(crm.puts(CODE)[-1]["custom_fields"])


def connection_text(client: Client) -> str:
    """Return the connection page as text on one line."""
    return " ".join(client.get("/connection/").content.decode().split())


def test_custom_fields_are_sent_whole_by_default(web: Client, sandbox: Sandbox) -> None:
    save_serial(web)

    assert sent(sandbox) | {"so_serial": "SN-2"} == sent(sandbox)
    assert sent(sandbox)["ngay_mua"] == FILLED["ngay_mua"]


def test_only_changed_keys_are_sent_once_merging_is_proved(
    web: Client, sandbox: Sandbox, settings: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    settings.TICKET_API_CUSTOM_FIELDS = "changed"
    save_serial(web)
    assert "ngay_mua" in sent(sandbox)  # the setting alone is not enough

    call_command("check_api", try_custom_fields=CODE)
    assert "are merged" in capsys.readouterr().out
    sandbox.edit(CODE, custom_fields={"so_serial": "SN-3"})
    save_serial(web)

    assert sent(sandbox) == {"so_serial": "SN-2"}
    assert sandbox.ticket(CODE)["custom_fields"]["ngay_mua"] == FILLED["ngay_mua"]


def test_the_connection_page_says_what_a_colleague_may_lose(
    web: Client, administrator: User, client_of: Callable[[User], Client], sandbox: Sandbox, settings: Any
) -> None:
    settings.TICKET_API_CUSTOM_FIELDS = "changed"
    admin, window = client_of(administrator), "What a colleague saves in another one"
    assert window in connection_text(admin)  # the setting alone is not enough

    call_command("check_api", try_custom_fields=CODE)

    page = connection_text(admin)
    assert "A save sends only the changed ones." in page
    assert window not in page


def test_a_trial_sends_one_field_unchanged_and_is_recorded(web: Client, sandbox: Sandbox) -> None:
    before = sandbox.ticket(CODE)

    call_command("check_api", try_custom_fields=CODE)

    after = sandbox.ticket(CODE)
    assert {**after, "updated_at": ""} == {**before, "updated_at": ""}
    assert len(sent(sandbox)) == 1
    change = Change.objects.get()
    assert (change.outcome, change.origin, change.actor) == ("verified", "command", None)


def test_a_crm_that_replaces_the_object_is_detected_and_the_ticket_restored(
    web: Client, sandbox: Sandbox, settings: Any
) -> None:
    settings.TICKET_API_CUSTOM_FIELDS = "changed"
    sandbox.switch(custom_semantics="replace")
    before = sandbox.ticket(CODE)["custom_fields"]

    with pytest.raises(CommandError, match=r"are replaced.*whole\.$"):
        call_command("check_api", try_custom_fields=CODE)

    assert sandbox.ticket(CODE)["custom_fields"] == before
    assert not is_proved()
    save_serial(web)
    assert sandbox.ticket(CODE)["custom_fields"]["ngay_mua"] == FILLED["ngay_mua"]


def test_a_crm_that_empties_every_field_is_detected_and_the_ticket_restored(
    web: Client, sandbox: Sandbox
) -> None:
    sandbox.switch(semantics="replace")
    before = sandbox.ticket(CODE)

    with pytest.raises(CommandError, match=r"remembered.*whole\.$"):
        call_command("check_api", try_custom_fields=CODE)

    assert {**sandbox.ticket(CODE), "updated_at": ""} == {**before, "updated_at": ""}
    assert not is_proved()
    assert omitted_fields().are_emptied
    sandbox.forget_log()
    with pytest.raises(CommandError, match=r"^Nothing was sent"):
        call_command("check_api", try_custom_fields=CODE)
    assert sandbox.puts() == []


def test_a_proof_is_valid_for_one_crm(web: Client, sandbox: Sandbox, settings: Any) -> None:
    call_command("check_api", try_custom_fields=CODE)
    assert is_proved()

    settings.TICKET_API_URL = "https://another.example"

    assert not is_proved()


@pytest.mark.parametrize(
    ("code", "switches", "words"),
    [
        ("not a code", {}, "is not a ticket code"),
        ("NOBODY", {}, "cannot be read"),
        (CODE, {"read_right": "403"}, "cannot be read"),
        (CODE, {"write_right": "403"}, "did not accept"),
    ],
)
def test_an_inconclusive_trial_proves_nothing(
    code: str, switches: dict[str, str], words: str, web: Client, sandbox: Sandbox
) -> None:
    sandbox.switch(**switches)

    with pytest.raises(CommandError, match=words):
        call_command("check_api", try_custom_fields=code)

    assert not is_proved()


def test_a_trial_needs_two_filled_fields(web: Client, sandbox: Sandbox) -> None:
    empty = dict.fromkeys(sandbox.ticket(CODE)["custom_fields"])
    sandbox.edit(CODE, custom_fields={**empty, "so_serial": "SN-1"})

    with pytest.raises(CommandError, match="at least two"):
        call_command("check_api", try_custom_fields=CODE)

    assert sandbox.puts() == []
