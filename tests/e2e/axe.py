"""axe-core on a page: its script is loaded once a page, and only its findings leave the browser."""

from collections.abc import Sequence
from typing import Any

from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Page

TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
# Themes are colours and nothing else (static/css/tokens.css): what else axe finds, it finds in both.
RULES = {"light": TAGS, "dark": ["color-contrast", "link-in-text-block"]}
# What depends on where things are and what is shown, and so on the width and on how long the words are.
LAYOUT = ["target-size", "scrollable-region-focusable", "aria-hidden-focus", "heading-order", "region"]

_IS_THERE = "'axe' in window"
# Style sheets would be loaded anew for every run, for a rule that is experimental and not asked for.
_RUN = """async ([place, rules]) => {
  const preload = { assets: ["media"] };
  const options = { resultTypes: ["violations"], runOnly: rules, preload, selectors: false };
  const { violations } = await axe.run(place ?? document, options);
  return violations.map((one) => `${one.id}: ${one.nodes[0].html.slice(0, 160)}`);
}"""


def load_axe(page: Page) -> None:
    """Load axe with every document of the page: passing it to each one separately takes 0.4 s more."""
    page.add_init_script(script=AXE_SCRIPT)


def violations(page: Page, rules: Sequence[str] | dict[str, Any], *, within: str | None = None) -> list[str]:
    """Return what breaks the rules in the page, or in what `within` selects: a rule with its first element.

    `rules` are axe's tags or, as a dictionary, whatever its option `runOnly` takes.
    """
    if not page.evaluate(_IS_THERE):
        page.evaluate(AXE_SCRIPT)
    found: list[str] = page.evaluate(_RUN, [within, rules])
    return found
