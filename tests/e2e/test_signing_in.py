"""Signing in and out as a user does it in a browser."""

import re
from base64 import b32decode
from collections.abc import Callable

import pytest
from django_otp.oath import TOTP
from playwright.sync_api import expect

from tests.e2e.conftest import Tab
from tests.live import LiveServer
from tests.sandbox_driver import Sandbox
from tests.waiting import wait_until

pytestmark = pytest.mark.browser
CODE = "ABCXYZ1234"
URL = f"/tickets/{CODE}/"


def test_after_signing_out_elsewhere_a_save_continues_after_signing_in_within_the_page(
    tab_of: Callable[..., Tab], live_sandbox: Sandbox, live: LiveServer
) -> None:
    desk, phone = tab_of("staff"), tab_of("staff")
    page = desk.goto(URL)
    page.get_by_label("Title").fill("Gõ ở bàn làm việc")
    expect(page.get_by_text("Draft kept on the server")).to_be_visible()
    phone.page.get_by_text("Demo Staff").first.click()
    phone.page.get_by_role("link", name="Your account").click()
    phone.page.get_by_role("button", name="Sign out everywhere").click()
    expect(phone.page.get_by_text("You are signed out on every device.")).to_be_visible()

    page.get_by_role("button", name="Save", exact=True).click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Password").fill(live.passwords["staff"])
    dialog.get_by_role("button", name="Sign in and continue").click()

    expect(page.get_by_role("status").filter(has_text="Saved and verified.")).to_be_visible()
    assert live_sandbox.puts(CODE) == [{"ticket_code": CODE, "ticket_title": "Gõ ở bàn làm việc"}]


def test_a_forgotten_password_from_the_sign_in_page_to_signing_in(
    tab_of: Callable[..., Tab], live: LiveServer
) -> None:
    live.add_person("quen", name="Quên", email="quen@example.com")
    page = tab_of(None).goto("/sign-in/")
    page.get_by_role("link", name="Forgotten your password?").click()
    page.get_by_label("E-mail").fill("quen@example.com")
    page.get_by_role("button", name="Send the link").click()
    expect(page.get_by_role("heading", name="Check your mailbox")).to_be_visible()
    expect(page.get_by_text("It works once, for 60 minutes.")).to_be_visible()
    found = wait_until(  # the mail is sent after the answer; without a mail server it is in the log
        lambda: re.findall(rf"{live.url}/password/new/\S+", live.log.read_text("utf-8")), "no mail was sent"
    )
    page.goto(found[-1])
    page.get_by_label("New password", exact=True).fill("mot-mat-khau-moi-2026")
    page.get_by_label("New password confirmation").fill("mot-mat-khau-moi-2026")
    page.get_by_role("button", name="Set the new password").click()
    expect(page.get_by_text("Your new password is set.")).to_be_visible()
    page.get_by_label("Username").fill("quen")
    page.get_by_label("Password").fill("mot-mat-khau-moi-2026")
    page.get_by_role("button", name="Sign in").click()

    expect(page).to_have_url(f"{live.url}/tickets/")


def test_an_administrator_creates_a_user_without_violating_the_content_security_policy(
    tab_of: Callable[..., Tab], live: LiveServer
) -> None:
    page = tab_of("admin").goto("/admin/ticketadmin/user/add/")
    page.get_by_label("Username").fill("moi")
    page.get_by_label(re.compile("^Password:?$")).fill("mot-mat-khau-moi-2026")
    page.get_by_label("Password confirmation").fill("mot-mat-khau-moi-2026")
    page.get_by_label("Language:").select_option("vi")
    page.get_by_role("checkbox", name="Team lead").check()
    page.get_by_role("button", name="Save", exact=True).click()

    expect(page.get_by_text("was added successfully")).to_be_visible()
    page.goto(f"{live.url}/admin/ticketadmin/user/")
    expect(page.get_by_role("row", name="moi").get_by_text("Team lead")).to_be_visible()


def test_two_step_sign_in_is_set_up_and_asked_for_in_the_dialog_of_an_ended_session(
    tab_of: Callable[..., Tab], live: LiveServer, live_sandbox: Sandbox
) -> None:
    live.add_person("hai", name="Hai")
    page = tab_of("hai").goto("/account/second-step/")
    secret = page.locator("code").inner_text().replace(" ", "")
    page.get_by_label("Your password").fill(live.passwords["hai"])
    page.get_by_label("Code that the app shows").fill(f"{TOTP(b32decode(secret)).token():06}")
    page.get_by_role("button", name="Switch on").click()
    expect(page.get_by_role("heading", name="Recovery codes")).to_be_visible()
    recovery = page.locator(".recovery-codes li").first.inner_text()
    page.goto(f"{live.url}{URL}")
    page.get_by_label("Title").fill("Sau hai bước")
    expect(page.get_by_text("Draft kept on the server")).to_be_visible()

    page.context.clear_cookies(name="sessionid")
    page.get_by_role("button", name="Save", exact=True).click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_label("Code from your app")).to_be_hidden()
    dialog.get_by_label("Password").fill(live.passwords["hai"])
    dialog.get_by_role("button", name="Sign in and continue").click()
    dialog.get_by_label("Code from your app").fill("000000")
    dialog.get_by_role("button", name="Sign in and continue").click()
    expect(dialog.get_by_role("alert")).to_contain_text("This code is wrong")
    dialog.get_by_label("Code from your app").fill(recovery)
    dialog.get_by_role("button", name="Sign in and continue").click()

    expect(page.get_by_role("status").filter(has_text="Saved and verified.")).to_be_visible()
    assert live_sandbox.puts(CODE) == [{"ticket_code": CODE, "ticket_title": "Sau hai bước"}]
