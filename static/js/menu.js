// What opens over the page out of a <details>, a menu or a tip, closes on Escape and when something else is
// pressed. A dialog that a menu led to lies over it: what closes the dialog leaves the menu, which gets the
// focus back.
const openMenus = () =>
  document.querySelector("dialog:modal") ? [] : document.querySelectorAll("details:is(.menu, .tip)[open]");

document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  for (const menu of openMenus()) {
    menu.open = false;
    menu.querySelector("summary").focus();
  }
});

// A tip stays within the window wherever its word is.
const EDGE = 8;
document.addEventListener(
  "toggle",
  ({ target }) => {
    if (!target.matches(".tip[open]")) return;
    const text = target.querySelector(".tip__text");
    text.style.translate = "";
    const { left, right } = text.getBoundingClientRect();
    const over = Math.max(0, right + EDGE - document.documentElement.clientWidth);
    text.style.translate = `${Math.max(EDGE - left, -over)}px`;
  },
  true,
);

document.addEventListener("click", (event) => {
  for (const menu of openMenus()) if (!menu.contains(event.target)) menu.open = false;
});
