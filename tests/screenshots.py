"""`make screenshots`: the pictures of the README, taken from the product as it is."""

import re
import shutil
import tempfile
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

import tests.settings  # noqa: F401 - sets the environment that the product's processes inherit
from tests.e2e.leading import Lead
from tests.live import LiveServer, LiveWorker
from tests.sandbox_driver import Sandbox, SandboxProcess

FOLDER = Path(__file__).resolve().parent.parent / "docs"
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-headless-shell")
FLAGS = ["--no-sandbox", "--disable-gpu", "--no-first-run"]
CODE = "ABCXYZ1234"
WINDOW = {"width": 1200, "height": 760}


def main() -> None:
    """Start the product, do what the pictures show, stop it."""
    with tempfile.TemporaryDirectory() as name:
        process = SandboxProcess(Path(name) / "crm.sqlite3", tickets=120)
        server = LiveServer(Path(name), process.url)
        worker = LiveWorker(server)
        try:
            with sync_playwright() as playwright:
                browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
                take(browser, server, Sandbox(process.url))
        finally:
            worker.stop()
            server.stop()
            process.stop()


def take(browser: Browser, server: LiveServer, crm: Sandbox) -> None:
    """Take every picture; each name says language, theme or page."""
    codes = [code for code in crm.codes() if code.startswith("TK2")][:24]
    lead = Lead(server)
    run = lead.run([*codes, "KHONGCO99"], status_name="Đang xử lý")
    lead.close()
    page = window(browser, server, "light", "en-GB")
    listed(page, server, "tickets")
    page.goto(f"{server.url}/tickets/{CODE}/")
    page.locator("[name=emergency_phone]").fill("0909 123 456")
    page.locator("[name=status_name]").select_option("Đang xử lý")
    page.locator("[data-shortcuts-save-button]").click()
    page.locator("#saved-title").wait_for()
    keep(page, "ticket")
    page.goto(server.url + run)
    keep(page, "bulk")
    dark = window(browser, server, "dark", "en-GB")
    dark.goto(f"{server.url}/tickets/{CODE}/")
    keep(dark, "ticket-dark")
    listed(window(browser, server, "light", "vi-VN"), server, "tickets-vi")


def window(browser: Browser, server: LiveServer, theme: str, locale: str) -> Page:
    """Open a window of a lead."""
    context = browser.new_context(viewport=WINDOW, color_scheme=theme, locale=locale)  # type: ignore[arg-type]
    page = context.new_page()
    page.goto(f"{server.url}/sign-in/")
    page.locator("[name=username]").fill("lead")
    page.locator("[name=password]").fill(server.passwords["lead"])
    page.locator("main form button").click()
    page.wait_for_url(re.compile("/tickets/$"))
    return page


def listed(page: Page, server: LiveServer, name: str) -> None:
    """Take the list of tickets."""
    page.goto(f"{server.url}/tickets/")
    page.locator("tr[data-code]").first.wait_for()
    page.evaluate("document.activeElement.blur()")
    keep(page, name)


def keep(page: Page, name: str) -> None:
    """Keep what the window shows."""
    page.evaluate("scrollTo(0, 0)")
    page.wait_for_load_state("networkidle")
    page.screenshot(path=FOLDER / f"{name}.png", animations="disabled")


if __name__ == "__main__":
    main()
