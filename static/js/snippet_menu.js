// The menu of snippets, in two ways. From a button: a box to search in (a combobox), and the list. While a
// user types //name: the list alone; the focus stays in the text, Enter or Tab inserts, Escape leaves it.
import { SignedOut, signIn, Unreachable } from "./session.js";
import { typedName } from "./snippet_target.js";

const menu = document.querySelector("[data-snippet-menu]");
const search = menu.querySelector("input");
const list = menu.querySelector("[role=listbox]");
const none = menu.querySelector("[data-snippet-menu-none]");
const rest = menu.querySelector("[data-snippet-menu-rest]");
const problem = menu.querySelector("[data-snippet-menu-problem]");
const says = document.querySelector("[data-snippet-menu-says]");
const EDGE = 8;
const GAP = 4;
const FRESH = 30_000; // milliseconds
const PAUSE = 200; // milliseconds after a key, before the server is searched
const AGAIN = 1_000; // milliseconds after a list that could not be read, before it is read again

let all = [];
let hasMore = false; // more exist than the server lists
let found = { wanted: null, options: [], hasMore: false }; // what the server found of these, for which words
let ticket = ""; // whose values the placeholders have
let readAt = Number.NEGATIVE_INFINITY;
let readFor = "";
let reading = null;
let target = null; // where the snippet goes; null while the menu is closed
let opener = null; // the button that opened it; null while it follows what is typed
let left = null; // the text at which Escape was pressed

const folded = (text) => text.normalize("NFD").replace(/\p{M}/gu, "").replace(/đ/gi, "d").toLowerCase();
const forget = () => {
  readAt = Number.NEGATIVE_INFINITY;
};
const words = (option) => folded(option.textContent);
const nameOf = (option) => folded(option.dataset.snippetMenuName);
const shown = () => [...list.children];
const active = () => list.querySelector("[aria-selected=true]");
const focused = () => (opener ? search : target.element);

async function answerOf(url) {
  const answer = await fetch(url, { headers: { "X-Requested-With": "XMLHttpRequest" } }).catch(() => {
    throw new Unreachable();
  });
  if (answer.status === 401) throw new SignedOut();
  if (![200, 404, 422].includes(answer.status)) throw new Unreachable();
  return answer;
}

async function optionsOf(query) {
  const url = new URL(menu.dataset.snippetMenuUrl, location.href);
  for (const [name, value] of Object.entries(query)) if (value) url.searchParams.set(name, value);
  const answer = await answerOf(url);
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const isCut = page.querySelector("[data-snippet-menu-more]") !== null;
  return { options: [...page.querySelectorAll("[role=option]")], hasMore: isCut };
}

async function load() {
  ({ options: all, hasMore } = await optionsOf({ ticket }));
  found = { wanted: null, options: [], hasMore: false };
}

// Keys pressed in quick succession wait for one answer.
function read() {
  if (performance.now() - readAt > FRESH || readFor !== ticket) {
    readAt = performance.now();
    readFor = ticket;
    reading = load();
    reading.catch(forget);
  }
  return reading;
}

const pass = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

// Tried once more if the server was not reached: after the last key of a name nothing else would try again.
async function readTwice() {
  try {
    await read();
  } catch (error) {
    if (!(error instanceof Unreachable)) throw error;
    await pass(AGAIN);
    await read();
  }
}

function choose(option) {
  for (const one of [...all, ...found.options]) one.setAttribute("aria-selected", String(one === option));
  option?.scrollIntoView({ block: "nearest" });
  if (option) focused().setAttribute("aria-activedescendant", option.id);
  else focused().removeAttribute("aria-activedescendant");
}

const wantedNow = () => (opener ? search.value.trim() : (typedName(target.before()) ?? ""));

// Those that match of what the server listed, then what it found beyond these.
function fitting() {
  const wanted = folded(wantedNow());
  const further = found.wanted === wantedNow() ? found.options : [];
  if (opener) {
    const every = wanted.split(/\s+/);
    return [...all.filter((one) => every.every((word) => words(one).includes(word))), ...further];
  }
  const named = [...all.filter((one) => nameOf(one).includes(wanted)), ...further];
  return named.sort((one, other) => nameOf(other).startsWith(wanted) - nameOf(one).startsWith(wanted));
}

// Search the server for what it did not list, once no key was pressed for a moment.
async function searchFurther() {
  const [into, wanted] = [target, wantedNow()];
  if (!hasMore || !wanted || found.wanted === wanted) return;
  const isSame = () => target === into && target && wantedNow() === wanted;
  await pass(PAUSE);
  if (!isSame()) return;
  const answer = await optionsOf({ ticket, [opener ? "words" : "name"]: wanted });
  if (!isSame()) return;
  const known = new Set(all.map(({ id }) => id));
  found = { ...answer, wanted, options: answer.options.filter(({ id }) => !known.has(id)) };
  const count = filter();
  if (count > 0) show();
  else if (!opener) close();
}

// Nothing is chosen while only the slashes are there, so that Enter stays a line end.
function filter() {
  const fit = fitting();
  const isSearched = found.wanted === wantedNow();
  problem.textContent = "";
  list.replaceChildren(...fit);
  list.hidden = fit.length === 0;
  none.hidden = fit.length > 0 || (hasMore && !isSearched);
  rest.hidden = !(isSearched ? found.hasMore : hasMore);
  choose(opener || typedName(target.before()) ? (fit[0] ?? null) : null);
  says.textContent = menu.dataset.snippetMenuFound.replace(
    "{n}",
    fit.length.toLocaleString(document.documentElement.lang),
  );
  return fit.length;
}

function place() {
  if (!target) return;
  const { left: x, top, bottom } = opener ? opener.getBoundingClientRect() : target.place();
  const { width, height } = menu.getBoundingClientRect();
  const [right, low] = [document.documentElement.clientWidth - EDGE, innerHeight - EDGE];
  const isAbove = bottom + GAP + height > low && top - GAP - height > EDGE;
  const y = isAbove ? top - GAP - height : Math.min(bottom + GAP, low - height);
  menu.style.translate = `${Math.max(EDGE, Math.min(x, right - width))}px ${Math.max(EDGE, y)}px`;
}

function describe(element) {
  const { id } = list;
  const attributes = { "aria-controls": id, "aria-haspopup": "listbox", "aria-autocomplete": "list" };
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
}

function close() {
  if (!target) return;
  for (const name of ["controls", "haspopup", "autocomplete", "activedescendant"])
    target.element.removeAttribute(`aria-${name}`);
  opener?.setAttribute("aria-expanded", "false");
  menu.hidePopover();
  [target, opener] = [null, null];
}

function show() {
  search.hidden = !opener;
  if (!menu.matches(":popover-open")) menu.showPopover();
  place();
}

// From the button at a box; pressed again it closes.
export async function open(wanted, button, code) {
  const isOpen = opener === button;
  close();
  if (isOpen) return button.focus();
  [target, opener, ticket] = [wanted, button, code];
  button.setAttribute("aria-expanded", "true");
  search.value = "";
  show();
  search.focus();
  await attempt(async () => {
    await read();
    if (opener === button) {
      filter();
      place();
    }
  });
}

// After the slashes and what follows them were typed.
export async function offer(wanted, code) {
  if (!opener) ticket = code;
  try {
    await readTwice();
  } catch {
    return close(); // what is typed stays a text
  }
  if (opener || (left !== null && wanted.before()?.startsWith(left))) return;
  left = null;
  const name = typedName(wanted.before());
  if (name === null) return close();
  if (target !== wanted) {
    close();
    target = wanted;
    describe(target.element);
  }
  const count = filter();
  if (count === 0 && !hasMore) return close();
  if (count > 0) show();
  searchFurther().catch(close); // what is typed stays a text
}

function leave() {
  const [element, wasOpenedBy] = [target, opener];
  left = wasOpenedBy ? null : element.before();
  close();
  if (wasOpenedBy) element.focus();
}

async function attempt(work) {
  try {
    await work();
  } catch (error) {
    if (error instanceof SignedOut) {
      const again = [target, opener, ticket];
      close();
      if ((await signIn()) && again[1]) open(...again);
      return;
    }
    if (!(error instanceof Unreachable)) throw error;
    problem.textContent = menu.dataset.snippetMenuUnreachable;
    place();
  }
}

function insert(option) {
  const [into, wasOpenedBy, name] = [target, opener, opener ? null : typedName(target.before())];
  return attempt(async () => {
    const answer = await answerOf(option.dataset.snippetMenuHref);
    if (answer.status === 404) forget();
    const found = answer.status === 404 ? { problem: menu.dataset.snippetMenuGone } : await answer.json();
    if (target !== into) return;
    if (found.problem) {
      problem.textContent = found.problem;
      return place();
    }
    if (!wasOpenedBy && typedName(into.before()) !== name) return close(); // typed on meanwhile
    close();
    into.focus();
    into.insert(wasOpenedBy ? 0 : name.length + "//".length, found);
    says.textContent = menu.dataset.snippetMenuInserted.replace("{name}", option.dataset.snippetMenuName);
  });
}

function step(by) {
  const options = shown();
  const at = options.indexOf(active());
  choose(options.at(at < 0 && by < 0 ? -1 : (at + by) % options.length) ?? null);
}

const keys = {
  ArrowDown: () => step(1),
  ArrowUp: () => step(-1),
  Enter: () => insert(active()),
  Tab: () => insert(active()),
  Escape: leave,
};

// In the capture phase, before the editor takes the same keys. Keys that the menu does not use are passed on.
function press(event) {
  if (!target || event.target !== focused() || event.isComposing || !menu.matches(":popover-open")) return;
  if (event.ctrlKey || event.metaKey || event.altKey || event.shiftKey) return;
  const inserts = event.key === "Enter" || event.key === "Tab";
  if (!(event.key in keys) || (inserts && !active()) || (opener && event.key === "Tab")) return;
  event.preventDefault();
  event.stopPropagation();
  keys[event.key]();
}

document.addEventListener("keydown", press, true);
search.addEventListener("input", () => {
  filter();
  place();
  attempt(searchFurther);
});
list.addEventListener("mousedown", (event) => event.preventDefault()); // the focus stays where it is
list.addEventListener("click", (event) => {
  const option = event.target.closest("[role=option]");
  if (option) insert(option);
});
// The cursor went elsewhere: to another word of the text, to another box, to something else on the page.
const follow = () => target && !opener && typedName(target.before()) === null && close();
document.addEventListener("selectionchange", follow);
document.addEventListener("input", follow);
document.addEventListener("focusin", (event) => {
  if (target && !menu.contains(event.target) && event.target !== focused()) close();
});
document.addEventListener("pointerdown", (event) => {
  if (target && !menu.contains(event.target) && !opener?.contains(event.target)) close();
});
addEventListener("scroll", place, true);
addEventListener("resize", place);
