// Bulk updates: typing a value chooses "Set"; a run's page follows the run, in its parts, title and icon.
import { asServed } from "./served.js";
import { SignedOut, signIn } from "./session.js";

const wishes = document.querySelectorAll("[data-wish]");
const served = wishes.length > 0 && asServed(wishes[0].form);
const isEdited = (name) => String(new FormData(wishes[0].form).getAll(name)) !== String(served.getAll(name));

for (const wish of wishes) {
  const actions = [...wish.querySelectorAll("input[type=radio][name^='action.']")];
  const values = [...wish.elements].filter((field) => !actions.includes(field));
  const choose = () => {
    const kept = actions.find((radio) => radio.checked)?.value === "keep";
    const set = actions.find((radio) => radio.value === "set");
    if (kept && set) set.checked = true;
  };
  wish.addEventListener("input", (event) => values.includes(event.target) && choose());
  if (values.some(({ name }) => isEdited(name))) choose();
}

const live = document.querySelector("[data-live]");
const says = document.querySelector("[data-live-says]");
const title = document.title;
const SECOND = 1000;
let saidKey = live?.querySelector("[data-says-key]")?.dataset.saysKey;

const status = () => live.querySelector("#live-status").dataset;

// Parts are exchanged one by one, but never from under a hand: not where the focus or a half-filled form is.
function exchange(html) {
  const fresh = new DOMParser().parseFromString(html, "text/html");
  const known = [...live.querySelectorAll("[data-part]")].map((part) => part.id);
  const coming = [...fresh.querySelectorAll("[data-part]")].map((part) => part.id);
  if (known.join() !== coming.join()) {
    live.replaceChildren(...fresh.body.childNodes);
    return;
  }
  for (const id of coming) {
    const old = document.getElementById(id);
    if (old.contains(document.activeElement) || id === "live-confirm") continue;
    old.replaceWith(fresh.getElementById(id));
  }
}

function icon(percent) {
  const round = 2 * Math.PI * 6;
  const drawn = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16"><circle cx="8" cy="8" r="6" fill="none" stroke="#9aa5b4" stroke-width="3"/><circle cx="8" cy="8" r="6" fill="none" stroke="#0b8b86" stroke-width="3" stroke-dasharray="${(round * percent) / 100} ${round}" transform="rotate(-90 8 8)"/></svg>`;
  return `data:image/svg+xml,${encodeURIComponent(drawn)}`;
}

const link = document.querySelector("link[rel=icon]");
const ownIcon = link?.href;
function show() {
  const { percent, active, saysKey, says: text } = status();
  const moves = active === "yes";
  document.title = moves ? `${percent} % · ${title}` : title;
  if (link) link.href = moves ? icon(Number(percent)) : ownIcon;
  if (saysKey !== saidKey) {
    saidKey = saysKey;
    says.textContent = text;
  }
}

async function follow() {
  try {
    const answer = await fetch(live.dataset.url, { headers: { "X-Requested-With": "XMLHttpRequest" }, redirect: "error" });
    if (answer.status === 401) throw new SignedOut();
    if (answer.ok) {
      exchange(await answer.text());
      show();
    }
  } catch (error) {
    if (error instanceof SignedOut && !(await signIn())) return;
  }
  schedule();
}

function schedule() {
  const { active } = status();
  if (active === "no") return;
  setTimeout(follow, active === "yes" && !document.hidden ? SECOND : 5 * SECOND);
}

if (live) {
  show();
  schedule();
}
