// What is typed into the ticket form is kept on the server within a second or two, and in this browser
// while the server cannot be reached. Before a save the text is kept first, so that nothing can lose it.
import { ready } from "./busy.js";
import { asServed } from "./served.js";
import { post, SignedOut, signIn, Unreachable } from "./session.js";

const form = document.querySelector("[data-ticket-form]");
const state = document.querySelector("[data-drafts-state]");
const AFTER_LAST_KEY = 900;
const AT_LATEST = 4000;
const TRY_AGAIN = 4000;
const BEACON_MAY_TAKE = 60_000;
const NOT_TYPED = [
  "csrfmiddlewaretoken",
  "base",
  "submission",
  "preview",
  "tab",
  "restored",
  "recipe",
  "snippet",
  "then",
];

// What this browser keeps is kept for each tab, so that none drops what another could not send yet.
const ours = `draft:${document.documentElement.dataset.sessionPerson}:${form.dataset.code}:`;
const key = ours + form.tab.value;
// In the zone of every other time on the page, wherever this browser is; few browsers lack one of the zones.
const HOURS = { hour: "2-digit", minute: "2-digit", hourCycle: "h23" };
function clock(at = Date.now()) {
  try {
    return new Date(at).toLocaleTimeString([], { ...HOURS, timeZone: state.dataset.draftsZone });
  } catch {
    return new Date(at).toLocaleTimeString([], { ...HOURS, timeZoneName: "short" });
  }
}
const typed = (data = new FormData(form)) =>
  JSON.stringify([...data].filter(([name]) => !NOT_TYPED.includes(name)));

function show(kind, time = clock()) {
  const { draftsAway, draftsHere, draftsKept, draftsLost } = state.dataset;
  const says = { away: draftsAway, here: draftsHere, kept: draftsKept, lost: draftsLost };
  state.dataset.draftsKind = kind;
  state.textContent = (says[kind] ?? "").replace("{time}", time);
}

let known = typed(asServed(form));
let timer = 0;
let firstChange = 0;
let isLeaving = false;
export const isEdited = () => form.dataset.draftsDirty !== undefined;

const texts = (data, name) => JSON.stringify(data.getAll(name));
function touched() {
  const [now, served] = [new FormData(form), asServed(form)];
  const names = new Set([...now.keys(), ...served.keys()]);
  return [...names].filter((name) => !NOT_TYPED.includes(name) && texts(now, name) !== texts(served, name));
}

function keepHere(isSent = false, kind = "here") {
  const kept = { entries: [...new FormData(form)], touched: touched(), at: Date.now(), isSent };
  try {
    localStorage.setItem(key, JSON.stringify(kept));
    if (!isSent) show(kind);
  } catch {
    show("lost");
  }
}

// Anything that is not an answer of this product's server, such as a proxy's page, counts as no answer.
async function readState(answer) {
  if (answer.status !== 200) throw new Unreachable();
  try {
    return await answer.json();
  } catch {
    throw new Unreachable();
  }
}

async function keep() {
  clearTimeout(timer);
  firstChange = 0;
  const now = typed();
  const data = new FormData(form);
  try {
    const answer = await post(form.dataset.draftsUrl, data);
    if (answer.status === 409) {
      location.reload();
      return false;
    }
    if (answer.status >= 400 && answer.status < 500) {
      keepHere(); // refused as a draft; when it is sent as a form, the page says why
      return true;
    }
    const content = await readState(answer);
    known = now;
    localStorage.removeItem(key);
    form.toggleAttribute("data-drafts-dirty", content.state === "kept");
    show(content.state, content.at);
    return true;
  } catch (error) {
    if (error instanceof SignedOut) {
      keepHere();
      return (await signIn()) && keep();
    }
    if (!(error instanceof Unreachable)) throw error;
    keepHere(false, "away");
    timer = setTimeout(keep, TRY_AGAIN);
    return false;
  }
}

function changed() {
  if (typed() === known) return;
  if (isLeaving) ready(form); // typed while a save is under way, or was stopped: something else to save
  form.toggleAttribute("data-drafts-dirty", true);
  const now = Date.now();
  firstChange ||= now;
  clearTimeout(timer);
  timer = setTimeout(keep, Math.min(AFTER_LAST_KEY, Math.max(0, firstChange + AT_LATEST - now)));
}

form.addEventListener("rebased", () => {
  known = form.dataset.draftsDirty === undefined ? typed() : known;
});
form.addEventListener("input", changed);
form.addEventListener("change", changed);
changed();
addEventListener("online", () => state.dataset.draftsKind === "away" && keep());

// When the page is left, what the timer has not sent yet is sent, and kept here if the next page is faster.
function leave() {
  if (isLeaving || typed() === known) return;
  clearTimeout(timer);
  keepHere(navigator.sendBeacon(form.dataset.draftsUrl, new FormData(form)));
}
document.addEventListener("visibilitychange", () => {
  if (document.visibilityState === "hidden") leave();
  else if (!isLeaving && typed() !== known) keep();
});
addEventListener("pagehide", leave);

// A save first makes sure that the text is kept and the session lives; then the form is sent as ever.
form.addEventListener(
  "submit",
  async (event) => {
    if (isLeaving) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    if (form.dataset.draftsChecking !== undefined) return;
    form.dataset.draftsChecking = "";
    event.submitter?.setAttribute("aria-busy", "true");
    const isKept = await keep().finally(() => {
      delete form.dataset.draftsChecking;
      event.submitter?.removeAttribute("aria-busy");
    });
    if (!isKept) return;
    isLeaving = true;
    form.requestSubmit(event.submitter);
  },
  true,
);
form.addEventListener("ready", () => {
  isLeaving = false;
});
document.querySelector("[data-drafts-discard]")?.addEventListener("submit", () => {
  isLeaving = true;
  clearTimeout(timer);
  localStorage.removeItem(key);
});

// Text that this browser kept, after a crash, an outage or a page that was faster than its beacon: send it,
// then show the ticket with it. It goes only when the server has it: shown in this page, or answered now.
async function bringBack(name) {
  const kept = JSON.parse(localStorage.getItem(name));
  const [data, served] = [new FormData(), asServed(form)];
  for (const [field, value] of kept.entries) data.append(field, value);
  const isShown = kept.touched.every((field) => texts(data, field) === texts(served, field));
  if (isShown || (kept.isSent && Date.now() - kept.at > BEACON_MAY_TAKE)) {
    localStorage.removeItem(name);
    return;
  }
  try {
    const answer = await post(form.dataset.draftsUrl, data);
    const { state: found } = await readState(answer);
    localStorage.removeItem(name);
    if (found === "kept") location.replace(form.getAttribute("action"));
  } catch (error) {
    show(error instanceof Unreachable ? "away" : "here", clock(kept.at)); // the next page tries again
  }
}
for (const name of Object.keys(localStorage)) if (name.startsWith(ours)) bringBack(name);
