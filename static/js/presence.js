// Who else has this ticket open. One small request every ten seconds, none while the tab is hidden.
import { isEdited } from "./drafts.js";
import { post, put } from "./session.js";

const place = document.querySelector("[data-presence]");
const form = document.querySelector("[data-ticket-form]");
const EVERY = 10_000;
let timer = 0;
let toldEdited = false;
let returns = 0; // a page that comes back after its goodbye is another tab to the server

function news(values) {
  const data = new FormData();
  for (const [name, value] of Object.entries({
    tab: `${place.dataset.presenceVisit}${"+".repeat(returns)}`,
    ...values,
  }))
    data.set(name, value);
  return data;
}

async function beat() {
  clearTimeout(timer);
  if (document.visibilityState === "hidden") return;
  timer = setTimeout(beat, EVERY);
  toldEdited = isEdited();
  const shown = place.querySelector("[data-presence-key]")?.dataset.presenceKey ?? "";
  const values = { editing: toldEdited ? "1" : "", loaded_at: place.dataset.presenceLoadedAt, shown };
  try {
    const answer = await post(place.dataset.presenceUrl, news(values));
    if (answer.status === 200) put(place, await answer.text());
  } catch {
    // Signed out or unreachable: saving the draft reports that; this can wait for the next heartbeat.
  }
}

document.addEventListener("visibilitychange", beat);
addEventListener("pageshow", ({ persisted }) => {
  if (!persisted) return;
  returns += 1;
  beat();
});
form.addEventListener("input", () => isEdited() !== toldEdited && beat());
addEventListener("pagehide", () => {
  const data = news({ leaving: "1", csrfmiddlewaretoken: form.csrfmiddlewaretoken.value });
  navigator.sendBeacon(place.dataset.presenceUrl, data);
});
place.addEventListener("click", (event) => {
  const button = event.target.closest("[data-presence-dismiss]");
  if (!button) return;
  place.dataset.presenceLoadedAt = button.dataset.presenceDismiss;
  beat();
});
beat();
