// What the typed content would become, rendered by the server with the cleaning that a save uses. Beside the
// HTML all of it is shown, beside the rich text editor only what would be removed. If the content is too
// long, this script says so without asking the server.
import { post, put, SignedOut, Unreachable } from "./session.js";

const AFTER_LAST_KEY = 400;
let timer = 0;
let newest = 0;

// Characters as the server counts them: letters beyond the basic plane are one, not two.
function lengthOf(text) {
  return [...text.trim()].length;
}

function sayLength(place, length) {
  const told = place.parentElement.querySelector("[data-content-preview-too-long]");
  const isTooLong = length > Number(place.dataset.contentPreviewMax);
  if (isTooLong) {
    const figure = told.querySelector("[data-content-preview-length]");
    figure.textContent = length.toLocaleString(document.documentElement.lang);
  }
  told.hidden = !isTooLong;
  return isTooLong;
}

async function ask(place, textarea) {
  const number = ++newest;
  if (sayLength(place, lengthOf(textarea.value))) {
    place.replaceChildren();
    place.removeAttribute("aria-busy");
    return;
  }
  const data = new FormData();
  data.set("ticket_content", textarea.value);
  place.setAttribute("aria-busy", "true");
  try {
    const answer = await post(place.dataset.contentPreviewUrl, data);
    if (answer.status !== 200) throw new Unreachable();
    const html = await answer.text();
    if (number === newest) put(place, html);
  } catch (error) {
    if (!(error instanceof SignedOut || error instanceof Unreachable)) throw error;
    if (number === newest) place.textContent = place.dataset.contentPreviewNoAnswer;
  } finally {
    if (number === newest) place.removeAttribute("aria-busy");
  }
}

export function preview(place, textarea, mode) {
  place.dataset.contentPreviewMode = mode;
  place.hidden = false;
  clearTimeout(timer);
  ask(place, textarea);
}

export function follow(place, textarea) {
  textarea.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(ask, AFTER_LAST_KEY, place, textarea);
  });
}
