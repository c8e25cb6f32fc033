// The list of tickets: rows can be selected, and changes are offered, never shown without being asked for.

import { openMenu } from "./quick.js";
import { SignedOut, signIn } from "./session.js";

const NEWS_EVERY = 20_000;
const RESTS = 400; // milliseconds with the focus on a row: less is only passing over it
const list = document.querySelector("[data-list]");
const body = list.querySelector("[data-list-body]");
const menu = document.querySelector("[data-quick-menu]");
const CONTROLS = [
  "data-list-open",
  "data-list-select",
  "data-quick-set",
  "data-list-refresh",
  "data-list-bulk-selected",
  "data-list-recipe",
  "data-list-contents",
];
let asked = 0;

// A ticket opened from here shows the way to its neighbours in this list.
sessionStorage.setItem("list", list.dataset.listNewsUrl.split("?")[1] ?? "");

const selected = () => [...body.querySelectorAll("[data-list-select]:checked")];
const rowOf = (code) => `tr[data-code="${CSS.escape(code)}"]`;

// A menu that was opened meanwhile keeps its row.
async function menuClosed() {
  while (menu.matches(":popover-open")) {
    await new Promise((resolve) => menu.addEventListener("toggle", resolve, { once: true }));
  }
}

// How to find what has the focus in a list that was read anew.
function focused() {
  const { activeElement } = document;
  const control = body.contains(activeElement) && CONTROLS.find((name) => activeElement.hasAttribute(name));
  if (!control) return null;
  const code = activeElement.closest("tr[data-code]")?.dataset.code;
  return code ? `${rowOf(code)} [${control}]` : `[${control}]`;
}

// Kept: ticks (also that for contents), the chosen recipe, the focus, and a row whose status is being set.
function exchange(text) {
  const fresh = new DOMParser().parseFromString(text, "text/html").body;
  for (const row of body.querySelectorAll("tr:has([data-quick-cell][aria-busy])")) {
    fresh.querySelector(rowOf(row.dataset.code))?.replaceWith(row);
  }
  const ticked = new Set(selected().map((box) => box.value));
  const hand = focused();
  const recipe = body.querySelector("[data-list-recipe]")?.value;
  const contents = body.querySelector("[data-list-contents]")?.checked;
  body.replaceChildren(...fresh.childNodes);
  body
    .querySelector(`[data-list-recipe] [value="${CSS.escape(recipe ?? "")}"]`)
    ?.setAttribute("selected", "");
  if (contents) body.querySelector("[data-list-contents]")?.setAttribute("checked", "");
  for (const box of body.querySelectorAll("[data-list-select]")) box.checked = ticked.has(box.value);
  prepare();
  if (hand) (body.querySelector(hand) || body.querySelector("[data-list-refresh]")).focus();
}

function sayNoAnswer() {
  body.querySelector("[data-list-no-answer]")?.remove();
  const said = document.createElement("span");
  said.dataset.listNoAnswer = "";
  said.className = "quick__problem";
  said.textContent = ` · ${list.dataset.listProblem}`;
  body.querySelector("[data-list-head] [role=status]").append(said);
}

async function load(url) {
  const number = ++asked;
  list.setAttribute("aria-busy", "true");
  try {
    const answer = await fetch(url, { headers: { "X-Requested-With": "XMLHttpRequest" } });
    if (answer.status === 401) throw new SignedOut();
    if (!answer.ok) throw new Error(answer.status);
    const text = await answer.text();
    await menuClosed();
    if (number === asked) exchange(text);
  } catch (error) {
    if (error instanceof SignedOut) {
      if (await signIn()) return load(url);
    } else if (number === asked) sayNoAnswer();
  } finally {
    if (number === asked) list.removeAttribute("aria-busy");
  }
}

// Changes are announced on the button that shows them; rows stay where they are.
async function lookForNews() {
  if (document.hidden) return;
  const { listSince: since } = body.querySelector("[data-list-head]").dataset;
  const url = `${list.dataset.listNewsUrl}&since=${encodeURIComponent(since)}`;
  const answer = await fetch(url, { headers: { "X-Requested-With": "XMLHttpRequest" } }).catch(() => null);
  if (!answer?.ok) return;
  const { changed } = await answer.json();
  if (!changed) return;
  const button = body.querySelector("[data-list-refresh]");
  button.classList.add("button--primary");
  button.querySelector("[data-list-refresh-text]").textContent = list.dataset.listNewsText.replace(
    "{n}",
    changed.toLocaleString(document.documentElement.lang),
  );
}
setInterval(lookForNews, NEWS_EVERY);
document.addEventListener("visibilitychange", lookForNews);

list.addEventListener("click", (event) => {
  const link = event.target.closest("[data-list-refresh]");
  if (link) {
    if (event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return; // a tab of its own
    event.preventDefault();
    load(list.dataset.listUrl);
  } else if (event.target.closest("[data-list-set-selected]")) {
    openMenu(
      event.target,
      selected().map((box) => box.closest("tr").querySelector("[data-quick-cell]")),
    );
  }
});

// A link that keeps the keyboard focus is prefetched like one that is pointed at: the page's speculation
// rules look for this attribute.
list.addEventListener("focusin", ({ target }) => {
  if (!target.matches("[data-list-open]:focus-visible")) return;
  setTimeout(() => {
    if (document.activeElement === target) target.dataset.listAhead = "";
  }, RESTS);
});

function count() {
  const bar = body.querySelector("[data-list-selection]");
  if (!bar) return;
  const number = selected().length;
  bar.hidden = number === 0;
  body.querySelector("[data-list-selected]").textContent = menu.dataset.listSelectedText.replace(
    "{n}",
    number.toLocaleString(document.documentElement.lang),
  );
}

function prepare() {
  for (const link of body.querySelectorAll("[data-list-open]")) link.search = ""; // noted above
  const all = body.querySelector("[data-list-select-page]");
  if (all) all.hidden = false;
  count();
}

list.addEventListener("change", ({ target }) => {
  if (target.dataset.listSelectPage !== undefined) {
    for (const box of body.querySelectorAll("[data-list-select]")) box.checked = target.checked;
  }
  if (target.dataset.listSelect !== undefined || target.dataset.listSelectPage !== undefined) count();
});
prepare(); // rows ticked before this script listened, or given back by the browser
