// Quick status: one press sends, the answer replaces the button, undo beside it. No page is loaded.
import { post, put, SignedOut, signIn, Unreachable } from "./session.js";

const menu = document.querySelector("[data-quick-menu]");
let cell = null; // the cell of the list whose menu is open
let chosen = []; // the cells of the selected rows, if the menu was opened for them

function note(place, text) {
  const span = document.createElement("span");
  span.className = "small muted";
  span.textContent = text;
  place.replaceChildren(span);
}

// Post, and put the server's answer in the place. A session that ended is renewed first.
async function send(url, data, place, sending) {
  const before = [...place.childNodes];
  place.setAttribute("aria-busy", "true");
  if (sending) note(place, sending);
  try {
    const answer = await post(url, data);
    const text = await answer.text();
    if (!text.includes("data-quick-result")) throw new Unreachable(); // not our page, or a page of errors
    put(place, text);
    const {
      quickStatus: status,
      quickHue: hue,
      quickBase: base,
    } = place.querySelector("[data-quick-result]").dataset;
    return { status, hue, base };
  } catch (error) {
    if (error instanceof SignedOut) {
      place.replaceChildren(...before);
      if (!(await signIn())) return {};
      return await send(url, data, place, sending); // awaited: the place is busy until then
    }
    if (!(error instanceof Unreachable)) throw error;
    place.replaceChildren(...before);
    const problem = document.createElement("span");
    problem.className = "quick__problem";
    problem.setAttribute("role", "status");
    problem.textContent = document.querySelector("[data-session-sign-in]").dataset.quickNoAnswer;
    place.append(problem);
    return {};
  } finally {
    place.removeAttribute("aria-busy");
  }
}

// After a status was set on the ticket's page, heading, buttons and form show it, too. The form gets a new
// base with it, so that it counts neither as typed nor as changed by another user.
const ticketForm = document.querySelector("[data-ticket-form]");
function follow({ status, hue, base }) {
  const badge = document.querySelector("[data-quick-badge]");
  if (badge) {
    badge.textContent = status;
    badge.className = `badge hue-${hue}`;
    badge.hidden = false;
  }
  for (const button of document.querySelectorAll("[data-quick-ticket] button[name=status]")) {
    button.disabled = button.value === status;
    if (button.disabled) button.setAttribute("aria-pressed", "true");
    else button.removeAttribute("aria-pressed");
  }
  const seen = document.querySelector("[data-quick-ticket] input[name=seen]");
  const select = ticketForm?.querySelector("[name=status_name]");
  if (select && base) {
    if (select.value === seen?.value) select.value = status;
    ticketForm.base.value = base;
    ticketForm.dispatchEvent(new Event("rebased"));
  }
  if (seen) seen.value = status;
}

// The pressed button is off or gone now. The result takes the focus, not a button, so that a second Enter
// does nothing.
function keepPlace(button, place) {
  if (button?.isConnected && !button.disabled) return;
  const result = place.querySelector("[data-quick-result]");
  result.tabIndex = -1;
  result.focus();
}

document.addEventListener("submit", async (event) => {
  const form = event.target;
  if (form.dataset.quick === undefined) return;
  event.preventDefault();
  if (form.dataset.quickSending !== undefined) return;
  form.dataset.quickSending = "";
  const data = new FormData(form, event.submitter);
  if (ticketForm) data.set("base", ticketForm.base.value);
  event.submitter?.setAttribute("aria-busy", "true");
  const hadFocus = event.submitter === document.activeElement;
  const result = form.closest("[data-quick-result]");
  const place = result?.parentElement ?? form.parentElement.querySelector("[data-quick-answer]");
  const found = await send(form.getAttribute("action"), data, place);
  delete form.dataset.quickSending;
  event.submitter?.removeAttribute("aria-busy");
  if (!found.status) return;
  follow(found);
  const hasMoved = ![document.body, event.submitter].includes(document.activeElement);
  if (hadFocus && !hasMoved) keepPlace(event.submitter, place);
  const row = place.closest("tr[data-quick-seen]");
  if (row) row.dataset.quickSeen = found.status;
});

// --- the list's menu -----------------------------------------------------------------------------

export function openMenu(at, cells) {
  if (!menu) return;
  cell = at;
  chosen = cells;
  menu.showPopover();
  const box = at.getBoundingClientRect();
  const top = Math.min(box.bottom + 4, innerHeight - menu.offsetHeight - 8);
  menu.style.setProperty("inset", "auto");
  menu.style.setProperty("top", `${Math.max(8, top)}px`);
  menu.style.setProperty("left", `${Math.max(8, Math.min(box.left, innerWidth - menu.offsetWidth - 8))}px`);
  menu.querySelector("button")?.focus();
}

document.addEventListener("click", (event) => {
  const link = event.target.closest("[data-quick-set]");
  if (!link || !menu || event.ctrlKey || event.metaKey || event.shiftKey) return; // those open another tab
  event.preventDefault();
  openMenu(link, [link.closest("[data-quick-cell]")]);
});

// Compared is what the row showed when it was chosen; the answer goes to the row of now, because the list may
// have been read anew since.
async function setStatus(chosenCell, status) {
  const { code, quickSeen: seen } = chosenCell.closest("tr").dataset;
  const place = document.querySelector(`tr[data-code="${CSS.escape(code)}"] [data-quick-cell]`) ?? chosenCell;
  const data = new FormData();
  data.set("status", status);
  data.set("seen", seen);
  const url = menu.dataset.quickPostUrl.replace("CODE", code);
  const result = await send(url, data, place, menu.dataset.quickSending);
  if (result.status) place.closest("tr").dataset.quickSeen = result.status;
}

menu?.addEventListener("click", async (event) => {
  const button = event.target.closest("button");
  if (!button) return;
  const places = chosen;
  menu.hidePopover();
  // One after the other: a list is not a bulk run.
  for (const place of places) await setStatus(place, button.value);
  if (document.activeElement === document.body)
    places[0].querySelector("[data-quick-set], a, button")?.focus();
});
menu?.addEventListener("keydown", (event) => {
  const buttons = [...menu.querySelectorAll("button")];
  const at = buttons.indexOf(document.activeElement);
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (!step) return;
  event.preventDefault();
  buttons[(at + step + buttons.length) % buttons.length].focus();
});
menu?.addEventListener("toggle", (event) => {
  if (event.newState === "closed") cell?.isConnected && cell.focus();
});
