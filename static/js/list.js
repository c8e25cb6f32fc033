// The list of tickets: it follows when the page shows an older one, grows on request, and rows can be selected.
import { SignedOut, signIn } from "./session.js";
import { openMenu } from "./quick.js";

const list = document.querySelector("[data-list]");
const menu = document.querySelector("[data-status-menu]");

// A row that somebody is acting on is not pulled away from under them; the next reading shows the rest.
const isInUse = () =>
  menu.matches(":popover-open") || list.querySelector("[data-status-cell][aria-busy], [data-select]:checked") !== null;

async function load(url) {
  list.setAttribute("aria-busy", "true");
  try {
    const answer = await fetch(url, { headers: { "X-Requested-With": "XMLHttpRequest" } });
    if (answer.status === 401) throw new SignedOut();
    const text = await answer.text();
    if (answer.ok && !isInUse()) {
      const parsed = new DOMParser().parseFromString(text, "text/html");
      list.replaceChildren(...parsed.body.childNodes);
    }
  } catch (error) {
    if (error instanceof SignedOut) {
      if (await signIn()) return load(url);
    }
  } finally {
    list.removeAttribute("aria-busy");
    list.querySelector("[data-following]")?.remove();
  }
}

if (list.dataset.follow !== undefined) load(list.dataset.url);

list.addEventListener("click", (event) => {
  const more = event.target.closest("[data-more]");
  const again = event.target.closest("[data-refresh]");
  if (more || again) {
    event.preventDefault();
    load(more ? more.dataset.more : list.dataset.url);
    if (more) list.dataset.url = more.dataset.more;
  } else if (event.target.closest("[data-set-selected]")) {
    openMenu(event.target, selected().map((box) => box.closest("tr").querySelector("[data-status-cell]")));
  }
});

const selected = () => [...list.querySelectorAll("[data-select]:checked")];
function count() {
  const bar = list.querySelector("[data-selection]");
  if (!bar) return;
  const number = selected().length;
  bar.hidden = number === 0;
  list.querySelector("[data-selected]").textContent = menu.dataset.selectedText.replace("{n}", number);
}
list.addEventListener("change", (event) => event.target.dataset.select !== undefined && count());
count(); // rows ticked before this script listened, or given back by the browser
