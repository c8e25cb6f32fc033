// Bulk updates: a run's page follows the run, in its parts, title and icon.
import { SignedOut, signIn } from "./session.js";

const live = document.querySelector("[data-bulk-live]");
const says = document.querySelector("[data-bulk-live-says]");
const title = document.title;
const stale = document.querySelector("[data-bulk-stale]");
const SECOND = 1000;
const LONGEST_ANSWER = 15 * SECOND;
const MISSES_BEFORE_SAYING = 2; // one is a restart of the server, or a moment without network
let misses = 0;

const statusIn = (place) => place.querySelector("#live-status");
const status = () => statusIn(live).dataset;
let saidKey = live && status().bulkSaysKey;

// Two answers also differ in their tokens, which are not shown.
function bare(part) {
  const copy = part.cloneNode(true);
  for (const token of copy.querySelectorAll("[name=csrfmiddlewaretoken]")) token.remove();
  return copy;
}
const isSame = (one, other) => bare(one).isEqualNode(bare(other));

// Tells which elements correspond before and after: links by their address, buttons by their action.
function keyOf(one) {
  const action = `${one.form?.getAttribute("action")} ${one.textContent.trim()}`;
  return `${one.localName} ${one.getAttribute("href") ?? action}`;
}
const twinOf = (one, place) =>
  [...place.querySelectorAll(one.localName)].find((other) => keyOf(other) === keyOf(one));

// What the user opened stays open, and what they closed stays closed.
function keepOpen(fresh) {
  for (const summary of fresh.querySelectorAll("summary")) {
    const known = twinOf(summary, live);
    if (known) summary.parentElement.open = known.parentElement.open;
  }
}

// Parts are replaced one by one, and only those that differ: not while the focus is in one, unless the run
// has moved on so that the old part is no longer true, and never a form that may be half filled in.
function isKept(old, part, hasMovedOn) {
  if (isSame(old, part) || (old.matches("form") && part.matches("form"))) return true;
  return old.contains(document.activeElement) && !hasMovedOn;
}

function exchangeParts(fresh, hasMovedOn) {
  const [known, coming] = [live, fresh].map((place) => [...place.querySelectorAll("[data-bulk-part]")]);
  if (String(known.map(({ id }) => id)) !== String(coming.map(({ id }) => id))) {
    live.replaceChildren(...fresh.body.childNodes);
    return;
  }
  coming.forEach((part, at) => {
    if (!isKept(known[at], part, hasMovedOn)) known[at].replaceWith(part);
  });
}

function exchange(html) {
  const fresh = new DOMParser().parseFromString(html, "text/html");
  const hasMovedOn = status().bulkState !== statusIn(fresh).dataset.bulkState;
  const hand = live.contains(document.activeElement) ? document.activeElement : null;
  keepOpen(fresh);
  Object.assign(status(), statusIn(fresh).dataset);
  exchangeParts(fresh, hasMovedOn);
  if (hand && !hand.isConnected) (twinOf(hand, live) ?? statusIn(live)).focus();
}

function icon(percent) {
  const round = 2 * Math.PI * 6;
  const ring = 'cx="8" cy="8" r="6" fill="none" stroke-width="3"';
  const part = `stroke-dasharray="${(round * percent) / 100} ${round}" transform="rotate(-90 8 8)"`;
  const drawn = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16">
    <circle ${ring} stroke="#9aa5b4"/><circle ${ring} stroke="#0b8b86" ${part}/>
  </svg>`;
  return `data:image/svg+xml,${encodeURIComponent(drawn)}`;
}

const link = document.querySelector("link[rel=icon]");
const ownIcon = link?.href;
function show() {
  const { bulkPercent: percent, bulkActive, bulkSaysKey, bulkSays } = status();
  const moves = bulkActive === "yes";
  document.title = moves ? `${percent} % · ${title}` : title;
  if (link) link.href = moves ? icon(Number(percent)) : ownIcon;
  if (bulkSaysKey !== saidKey) {
    saidKey = bulkSaysKey;
    says.textContent = bulkSays;
  }
}

async function follow() {
  misses += 1;
  try {
    const answer = await fetch(live.dataset.bulkLiveUrl, {
      headers: { "X-Requested-With": "XMLHttpRequest" },
      redirect: "error",
      signal: AbortSignal.timeout(LONGEST_ANSWER),
    });
    if (answer.status === 401) throw new SignedOut();
    if (answer.ok) {
      exchange(await answer.text());
      show();
      misses = 0;
    }
  } catch (error) {
    if (error instanceof SignedOut && !(await signIn())) return;
  }
  stale.hidden = misses < MISSES_BEFORE_SAYING;
  schedule();
}

function schedule() {
  const { bulkActive } = status();
  if (bulkActive === "no") return;
  setTimeout(follow, bulkActive === "yes" && !document.hidden ? SECOND : 5 * SECOND);
}

if (live) {
  show();
  schedule();
}
