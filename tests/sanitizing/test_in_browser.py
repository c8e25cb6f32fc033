"""Cleaning against a real browser: assigned to innerHTML twice, nothing runs and nothing is fetched."""

import json

import pytest
from playwright.sync_api import Browser, Request

from tests.sanitizing.corpus import hostile
from ticketadmin.sanitizing import clean_html

pytestmark = pytest.mark.browser

RUN = """
documents => {
  window.ran = [];
  window.alert = window.confirm = window.prompt = window.msgbox = word => window.ran.push(String(word));
  const found = [];
  documents.forEach((text, index) => {
    const box = document.createElement("div");
    document.body.append(box);
    box.innerHTML = text;
    const once = box.innerHTML;
    box.innerHTML = once;
    box.innerHTML = box.innerHTML;
    for (const element of box.querySelectorAll("*")) {
      if (element.namespaceURI !== "http://www.w3.org/1999/xhtml") found.push([index, element.localName]);
      if (/^(script|style|iframe|object|embed|form|input|button|select|textarea|template|link|meta|base|svg|math)$/.test(element.localName))
        found.push([index, element.localName]);
      for (const attribute of element.attributes)
        if (/^(on|style$|id$|name$|class$|data-|form|target$|hx-)/.test(attribute.name)) found.push([index, attribute.name]);
      if (element.localName === "a" && !/^(:|about:)?$/.test(element.protocol) && !/^(https?|mailto|tel):$/.test(element.protocol))
        found.push([index, element.protocol]);
      element.dispatchEvent(new MouseEvent("mouseover", {bubbles: true}));
      element.dispatchEvent(new Event("focus"));
      if (element.localName !== "a") element.click?.();
    }
    box.remove();
  });
  // What the documents started to load has failed by the time that this, started last, has failed.
  const last = new Image();
  last.onerror = () => { window.isOver = true; };
  last.src = "https://last.example/x.png";
  return found;
}
"""


def test_no_script_runs_when_the_result_is_assigned_twice(isolated_browser: Browser) -> None:
    documents = [clean_html(document) for document in hostile()]
    page = isolated_browser.new_page()
    fetched: list[str] = []
    page.route("**/*", lambda route: route.abort())

    def note(request: Request) -> None:
        if request.resource_type not in {"image", "document"}:
            fetched.append(request.url)

    page.on("request", note)
    page.set_content("<!doctype html><title>corpus</title><body></body>")

    found = page.evaluate(RUN, json.loads(json.dumps(documents)))
    page.wait_for_function("() => window.isOver")
    ran = page.evaluate("window.ran")
    page.close()

    assert [(kind, documents[index]) for index, kind in found] == []
    assert ran == []
    assert fetched == []


def test_the_check_detects_content_that_is_not_cleaned(isolated_browser: Browser) -> None:
    page = isolated_browser.new_page()
    page.route("**/*", lambda route: route.abort())
    page.set_content("<!doctype html><title>corpus</title><body></body>")

    found = page.evaluate(RUN, ["<img src=x onerror=alert(1)>", "<svg><a href=x></a></svg>", "<p id=a>x</p>"])
    page.wait_for_function("() => window.ran.length")
    page.close()

    assert {index for index, _kind in found} == {0, 1, 2}
