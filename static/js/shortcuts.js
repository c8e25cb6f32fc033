// Keyboard shortcuts, listed in the help dialog ("?"). They never fire while typing, can be switched off by
// each user, and use no modifier that a screen reader or browser has taken. Ctrl+Enter within the form that
// it saves is an exception: it is never switched off.
const isTyping = (element) =>
  element.matches("input:not([type=checkbox], [type=radio]), textarea, select, [contenteditable]");
const isOn = document.documentElement.dataset.shortcuts === "on";

// What Ctrl+Enter saves: the form in which it is pressed; outside of forms the page's, unless a dialog covers
// it.
function toSave(target) {
  const own = target.closest("form");
  if (own || !isOn || document.querySelector("dialog:modal"))
    return own?.matches("[data-shortcuts-save]") ? own : null;
  return document.querySelector("form[data-shortcuts-save]");
}

// In the capture phase: the editor takes the same keys for a line break, which would be sent, too.
document.addEventListener(
  "keydown",
  (event) => {
    if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
    const form = toSave(event.target);
    if (!form) return;
    event.preventDefault();
    event.stopPropagation();
    form.requestSubmit(form.querySelector("[data-shortcuts-save-button]"));
  },
  true,
);

const rows = () => [...document.querySelectorAll("[data-shortcuts-rows] [data-list-open]")];
function step(by) {
  const all = rows();
  if (all.length === 0) {
    document.querySelector(by > 0 ? "[data-shortcuts-next]" : "[data-shortcuts-previous]")?.click();
    return;
  }
  const row = document.activeElement.closest("tr");
  const at = all.findIndex((link) => link.closest("tr") === row);
  const next = all[at < 0 ? 0 : Math.min(Math.max(at + by, 0), all.length - 1)];
  next?.focus();
  next?.scrollIntoView({ block: "nearest" });
}

function setStatus() {
  const row = document.activeElement.closest("tr")?.querySelector("[data-quick-set]");
  (row ?? document.querySelector("[data-quick-ticket] button:not(:disabled)"))?.[row ? "click" : "focus"]();
}

function editContent() {
  const editor = document.querySelector("[data-content-editor]");
  if (!editor) return;
  editor.open = true;
  editor.querySelector("textarea, [contenteditable]")?.focus();
}

function chooseRecipe() {
  const box = document.querySelector("[data-shortcuts-recipe]");
  if (!box) return;
  box.closest("details").open = true;
  box.focus();
}

const help = document.querySelector("[data-shortcuts-help]");
document.querySelector("[data-shortcuts-open-help]")?.addEventListener("click", () => help.showModal());

const actions = {
  "/": () => document.querySelector("[data-box]")?.focus(),
  "?": () => help?.showModal(),
  j: () => step(1),
  k: () => step(-1),
  s: setStatus,
  e: editContent,
  r: chooseRecipe,
};

document.addEventListener("keydown", (event) => {
  const isPlain = !event.ctrlKey && !event.metaKey && !event.altKey && !event.isComposing;
  if (!isOn || !isPlain || event.defaultPrevented || isTyping(event.target)) return;
  if (document.querySelector("dialog[open], [popover]:popover-open")) return;
  const action = actions[event.key];
  if (!action) return;
  event.preventDefault();
  action();
});
