// Toasts: said once, closed by their button, by Escape, or after a while without pointer or focus on them.
// They step aside for what has the focus and for the save bar.
const SHOWN = 10_000;
const PLACES = ["", "top", "bottom", "middle"];
const LAYERS = "dialog[open], [popover]:popover-open, details:is(.menu, .tip)[open]";
const toasts = document.querySelector("[data-toast-list]");
const over = new AbortController();
const { signal } = over;
let timer = 0;

// Pointer or focus on a toast stops the timer; it restarts when they leave.
const isLookedAt = () => document.hidden || toasts.matches(":hover, :focus-within");
function wait() {
  clearTimeout(timer);
  timer = setTimeout(() => (isLookedAt() ? wait() : close()), SHOWN);
}

function close() {
  clearTimeout(timer);
  over.abort();
  const hadFocus = toasts.contains(document.activeElement);
  toasts.remove();
  if (hadFocus) document.querySelector("#main").focus({ preventScroll: true });
}

function dismiss(toast) {
  const left = [...toasts.querySelectorAll("[data-toast]")].filter((one) => one !== toast);
  if (left.length === 0) return close();
  left[0].querySelector("[data-toast-close]").focus();
  toast.remove();
}

function isCovering(element) {
  const [ours, theirs] = [toasts, element].map((one) => one.getBoundingClientRect());
  const isWide = ours.left < theirs.right && theirs.left < ours.right;
  return isWide && ours.top < theirs.bottom && theirs.top < ours.bottom;
}

function stepAside() {
  const { activeElement, body } = document;
  const obstacles = [activeElement, document.querySelector(".savebar")].filter(
    (one) => one && one !== body && one.id !== "main" && !toasts.contains(one),
  );
  PLACES.some((place) => {
    toasts.dataset.toastPlace = place;
    return !obstacles.some(isCovering);
  });
}

// A live region speaks when its text changes, so the text comes a moment after the page.
function say() {
  for (const region of toasts.querySelectorAll("[data-toast-said]")) {
    const text = region.textContent;
    region.textContent = "\u00a0";
    requestAnimationFrame(() =>
      requestAnimationFrame(() => {
        region.textContent = text;
      }),
    );
  }
}

if (toasts.querySelector("[data-toast]")) {
  toasts.addEventListener("click", ({ target }) => {
    const button = target.closest("[data-toast-close]");
    if (button) dismiss(button.closest("[data-toast]"));
  });
  for (const type of ["pointerleave", "focusout"]) toasts.addEventListener(type, wait, { signal });
  document.addEventListener("visibilitychange", wait, { signal });
  document.addEventListener(
    "keydown",
    ({ key, defaultPrevented }) => {
      if (key === "Escape" && !defaultPrevented && !document.querySelector(LAYERS)) close();
    },
    { signal },
  );
  document.addEventListener("focusin", stepAside, { signal });
  document.addEventListener("scroll", stepAside, { signal, passive: true });
  stepAside();
  say();
  wait();
}
