// The list of tickets: it follows when the page shows an older one, grows on request, and rows can be selected.
import { SignedOut, signIn } from "./session.js";
import { openMenu } from "./quick.js";

const list = document.querySelector("[data-list]");
const menu = document.querySelector("[data-status-menu]");
const CONTROLS = ["data-open", "data-select", "data-set-status", "data-refresh", "data-more", "data-bulk-selected"];
let asked = 0;

const selected = () => [...list.querySelectorAll("[data-select]:checked")];
const rowOf = (code) => `tr[data-code="${CSS.escape(code)}"]`;

// What the page reads by itself does not pull rows away from under a hand; the next reading shows the rest.
const isInUse = () =>
  menu.matches(":popover-open") || list.querySelector("[data-status-cell][aria-busy], [data-select]:checked") !== null;

// What somebody asks for waits only for a menu that was opened meanwhile: its row must not go.
async function menuClosed() {
  while (menu.matches(":popover-open")) {
    await new Promise((resolve) => menu.addEventListener("toggle", resolve, { once: true }));
  }
}

// How to find what has the focus in a list that was read anew.
function focused() {
  const { activeElement } = document;
  const control = list.contains(activeElement) && CONTROLS.find((name) => activeElement.hasAttribute(name));
  if (!control) return null;
  const code = activeElement.closest("tr[data-code]")?.dataset.code;
  return code ? `${rowOf(code)} [${control}]` : `[${control}]`;
}

// Ticks, the focus and a row that is just being set stay; after "more" the focus is on the first new row.
function exchange(text, isMore) {
  const fresh = new DOMParser().parseFromString(text, "text/html").body;
  for (const row of list.querySelectorAll("tr:has([data-status-cell][aria-busy])")) {
    fresh.querySelector(rowOf(row.dataset.code))?.replaceWith(row);
  }
  const ticked = new Set(selected().map((box) => box.value));
  const hand = focused();
  const shown = list.querySelectorAll("[data-open]").length;
  list.replaceChildren(...fresh.childNodes);
  for (const box of list.querySelectorAll("[data-select]")) box.checked = ticked.has(box.value);
  count();
  if (!hand) return;
  const first = isMore && list.querySelectorAll("[data-open]")[shown];
  (first || list.querySelector(hand) || list.querySelector("[data-refresh]")).focus();
}

function sayNoAnswer() {
  list.querySelector("[data-no-answer]")?.remove();
  const said = document.createElement("span");
  said.dataset.noAnswer = "";
  said.className = "quick__problem";
  said.textContent = ` · ${list.dataset.problem}`;
  list.querySelector("[data-list-head] [role=status]").append(said);
}

// `pressed` is the link that asked for it, null where the page itself did.
async function load(url, pressed) {
  const number = ++asked;
  list.setAttribute("aria-busy", "true");
  try {
    const answer = await fetch(url, { headers: { "X-Requested-With": "XMLHttpRequest" } });
    if (answer.status === 401) throw new SignedOut();
    if (!answer.ok) throw new Error(answer.status);
    const text = await answer.text();
    if (pressed) await menuClosed();
    if (number !== asked || (!pressed && isInUse())) return;
    exchange(text, pressed?.dataset.more !== undefined);
    list.dataset.url = url;
  } catch (error) {
    if (error instanceof SignedOut) {
      if (await signIn()) return load(url, pressed);
    } else if (number === asked) sayNoAnswer();
  } finally {
    if (number === asked) {
      list.removeAttribute("aria-busy");
      list.querySelector("[data-following]")?.remove();
    }
  }
}

if (list.dataset.follow !== undefined) load(list.dataset.url, null);

list.addEventListener("click", (event) => {
  const link = event.target.closest("[data-more], [data-refresh]");
  if (link) {
    if (event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return; // a tab of its own
    event.preventDefault();
    load(link.dataset.more ?? list.dataset.url, link);
  } else if (event.target.closest("[data-set-selected]")) {
    openMenu(event.target, selected().map((box) => box.closest("tr").querySelector("[data-status-cell]")));
  }
});

function count() {
  const bar = list.querySelector("[data-selection]");
  if (!bar) return;
  const number = selected().length;
  bar.hidden = number === 0;
  list.querySelector("[data-selected]").textContent = menu.dataset.selectedText.replace("{n}", number);
}
list.addEventListener("change", (event) => event.target.dataset.select !== undefined && count());
count(); // rows ticked before this script listened, or given back by the browser
