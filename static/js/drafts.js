// What is typed into the ticket form is kept on the server within a second or two, and in this browser
// while the server cannot be reached. Before a save the text is kept first, so that nothing can lose it.
import { asServed } from "./served.js";
import { SignedOut, Unreachable, post, signIn } from "./session.js";

const form = document.querySelector("[data-ticket-form]");
const state = document.querySelector("[data-draft-state]");
const AFTER_LAST_KEY = 900;
const AT_LATEST = 4000;
const TRY_AGAIN = 4000;
const SHARED = ["csrfmiddlewaretoken", "base", "submission", "preview"];

const key = `draft:${document.documentElement.dataset.person}:${form.dataset.code}`;
const clock = () => new Date().toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });

function typed(data = new FormData(form)) {
  for (const name of SHARED) data.delete(name);
  return JSON.stringify([...data]);
}

function show(kind, time = clock()) {
  state.dataset.state = kind;
  state.textContent = kind === "clean" ? "" : state.dataset[kind].replace("{time}", time);
}

let known = typed(asServed(form));
let timer = 0;
let firstChange = 0;
let isLeaving = false;
export const isEdited = () => form.dataset.dirty !== undefined;

function keepHere() {
  try {
    localStorage.setItem(key, JSON.stringify({ entries: [...new FormData(form)], at: Date.now() }));
    show("browser");
  } catch {
    show("lost");
  }
}

async function keep() {
  clearTimeout(timer);
  firstChange = 0;
  const now = typed();
  const data = new FormData(form);
  try {
    const answer = await post(form.dataset.draftUrl, data);
    if (answer.status === 409) {
      location.reload();
      return false;
    }
    if (answer.status !== 200) throw new Unreachable();
    const content = await answer.json();
    known = now;
    localStorage.removeItem(key);
    form.toggleAttribute("data-dirty", content.state === "kept");
    show(content.state, content.at);
    return true;
  } catch (error) {
    if (error instanceof SignedOut) {
      keepHere();
      return (await signIn()) && keep();
    }
    if (!(error instanceof Unreachable)) throw error;
    keepHere();
    timer = setTimeout(keep, TRY_AGAIN);
    return false;
  }
}

function changed() {
  if (typed() === known) return;
  form.toggleAttribute("data-dirty", true);
  const now = Date.now();
  firstChange ||= now;
  clearTimeout(timer);
  timer = setTimeout(keep, Math.min(AFTER_LAST_KEY, Math.max(0, firstChange + AT_LATEST - now)));
}

form.addEventListener("rebased", () => {
  known = form.dataset.dirty === undefined ? typed() : known;
});
form.addEventListener("input", changed);
form.addEventListener("change", changed);
changed();
addEventListener("online", () => state.dataset.state === "browser" && keep());

// Leaving: what the timer has not sent yet goes with the page. A beacon is small; the rest stays here.
function leave() {
  if (isLeaving || typed() === known) return;
  clearTimeout(timer);
  if (!navigator.sendBeacon(form.dataset.draftUrl, new FormData(form))) keepHere();
}
document.addEventListener("visibilitychange", () => document.visibilityState === "hidden" && leave());
addEventListener("pagehide", leave);

// A save first makes sure that the text is kept and the session lives; then the form is sent as ever.
form.addEventListener(
  "submit",
  async (event) => {
    if (isLeaving) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    if (form.dataset.checking !== undefined) return;
    form.dataset.checking = "";
    event.submitter?.setAttribute("aria-busy", "true");
    const isKept = await keep();
    delete form.dataset.checking;
    event.submitter?.removeAttribute("aria-busy");
    if (!isKept) return;
    isLeaving = true;
    form.requestSubmit(event.submitter);
  },
  true,
);
addEventListener("pageshow", () => {
  isLeaving = false;
});

// Text that only this browser kept, after a crash or an outage: send it, then show the ticket with it.
const left = localStorage.getItem(key);
if (left) {
  const data = new FormData();
  for (const [name, value] of JSON.parse(left).entries) data.append(name, value);
  post(form.dataset.draftUrl, data)
    .then((answer) => {
      if (answer.status === 409) return;
      localStorage.removeItem(key);
      if (answer.status === 200) location.replace(location.pathname);
    })
    .catch(() => {});
}
