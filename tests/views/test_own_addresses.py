"""Pages that answer a form link back to addresses that can be opened, never to POST-only ones."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import unquote

import pytest
from django.http import HttpResponse
from django.test import Client

from tests.factories import make_item, make_run
from tests.pages import form_to, ticket_form
from tests.sandbox_driver import Sandbox
from tests.views.test_access import RULES
from ticketadmin.models import BulkState, BulkUpdate, Change, Plan, User
from ticketadmin.views.redirects import ONLY_POSTED

CODE = "ABCXYZ1234"
URL = f"/tickets/{CODE}/"


@dataclass
class Scene:
    """A lead at work: a ticket, a bulk update that was checked, one whose changes are still to be chosen."""

    web: Client
    sandbox: Sandbox
    checked: BulkUpdate
    chosen: BulkUpdate

    def filled(self, **typed: str) -> dict[str, list[str]]:
        return ticket_form(self.web.get(URL)).filled(**typed)

    def act(self, action: str, **typed: str) -> HttpResponse:
        return self.web.post(f"/bulk/{self.checked.uuid}/{action}/", typed)

    def changed(self) -> str:
        """Change the ticket; returns the address of what undoes that."""
        self.web.post(URL, self.filled(ticket_title="Đã đổi"))
        return f"/history/{Change.objects.latest('pk').uuid}/undo/"


@pytest.fixture
def scene(lead: User, client_of: Callable[[User], Client], sandbox: Sandbox) -> Scene:
    made = []
    for state, seal in ((BulkState.READY, "seal"), (BulkState.DRAFT, "")):
        bulk = make_run(lead, state=state, seal=seal)
        make_item(bulk, CODE, plan=Plan.SEND)
        made.append(bulk)
    return Scene(client_of(lead), sandbox, *made)


def previewed(scene: Scene) -> HttpResponse:
    return scene.web.post(f"{URL}preview/", scene.filled(ticket_title="Mới"))


def previewed_wrong(scene: Scene) -> HttpResponse:
    return scene.web.post(f"{URL}preview/", scene.filled(emergency_phone="12"))


def previewed_damaged(scene: Scene) -> HttpResponse:
    return scene.web.post(f"{URL}preview/", scene.filled(base="x"))


def save_invalid(scene: Scene) -> HttpResponse:
    return scene.web.post(URL, scene.filled(emergency_phone="12"))


def not_undone(scene: Scene) -> HttpResponse:
    undo = scene.changed()
    scene.sandbox.edit(CODE, ticket_title="Người khác đổi")
    return scene.web.post(undo)


def not_reached(scene: Scene) -> HttpResponse:
    undo = scene.changed()
    scene.sandbox.fault("status", code=CODE, times=None, status=500)
    return scene.web.post(undo)


def wrong_status(scene: Scene) -> HttpResponse:
    return scene.web.post(f"{URL}status/", {"status": "Không có"})


def without_token(scene: Scene) -> HttpResponse:
    scene.web.handler.enforce_csrf_checks = True
    return scene.web.post(f"{URL}preview/", {"ticket_title": "Mới"})


PAGES: dict[str, tuple[Callable[[Scene], HttpResponse], int, str]] = {
    "preview": (previewed, 200, URL),
    "preview with errors": (previewed_wrong, 422, URL),
    "preview of a damaged form": (previewed_damaged, 409, URL),
    "errors": (save_invalid, 422, URL),
    "undo in conflict": (not_undone, 409, URL),
    "undo without the CRM": (not_reached, 502, URL),
    "wrong status": (wrong_status, 422, f"{URL}status/"),
    "without a token": (without_token, 403, URL),
    "not opened this way": (lambda scene: scene.web.get(f"{URL}preview/"), 405, URL),
    "no undo": (lambda scene: scene.web.get(f"/history/{scene.checked.uuid}/undo/"), 405, "/tickets/"),
    "bulk moved on": (lambda scene: scene.act("pause"), 409, "/bulk/CHECKED/"),
    "bulk with wrong speed": (lambda scene: scene.act("confirm", in_flight=""), 422, "/bulk/CHECKED/"),
    "bulk checked anew": (lambda scene: scene.act("confirm", in_flight="4", seal="x"), 409, "/bulk/CHECKED/"),
    "no such button": (lambda scene: scene.act("dance"), 404, "/bulk/CHECKED/"),
    "no tickets": (lambda scene: scene.web.post("/bulk/new/"), 422, "/bulk/new/"),
    "no changes": (lambda scene: scene.web.post(f"/bulk/{scene.chosen.uuid}/"), 422, "/bulk/CHOSEN/"),
    "wrong password": (lambda scene: scene.web.post("/password/"), 200, "/password/"),
}


@pytest.mark.parametrize("page", PAGES)
def test_preferences_and_signing_in_return_to_an_address_that_can_be_opened(page: str, scene: Scene) -> None:
    post, status, address = PAGES[page]
    expected = address.replace("CHECKED", str(scene.checked.uuid)).replace("CHOSEN", str(scene.chosen.uuid))
    answer = post(scene)
    scene.sandbox.forget_faults()
    scene.web.handler.enforce_csrf_checks = False
    signing_in = re.search(r'href="/sign-in/\?next=([^"]+)"', answer.content.decode())

    assert answer.status_code == status
    assert form_to(answer, "/preferences/").values["next"] == [expected]
    assert signing_in
    assert unquote(signing_in[1]) == expected
    assert scene.web.get(expected).status_code == 200


def test_an_opened_page_returns_to_itself_with_its_query(scene: Scene) -> None:
    address = "/history/?outcome=verified&ticket=A%26B"

    assert form_to(scene.web.get(address), "/preferences/").values["next"] == [address]


def test_a_progress_page_without_scripts_reloads_its_own_address(scene: Scene) -> None:
    BulkUpdate.objects.filter(pk=scene.checked.pk).update(state=BulkState.RUNNING)
    own = f"/bulk/{scene.checked.uuid}/"
    refused, shown = scene.act("resume"), scene.web.get(f"{own}?shown=send&page=1")

    assert refused.status_code == 409
    assert f'content="5;url={own}"' in refused.content.decode()
    assert f'content="5;url={own}?shown=send&amp;page=1"' in shown.content.decode()


def test_all_post_only_addresses_are_listed() -> None:
    assert {name for name, rule in RULES.items() if rule.methods == {"POST"}} == ONLY_POSTED
