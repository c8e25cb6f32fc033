// What opens over the page out of a <details>, a menu or a tip, closes on Escape and when something else is pressed.
const openMenus = () => document.querySelectorAll("details:is(.menu, .tip)[open]");

document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  for (const menu of openMenus()) {
    menu.open = false;
    menu.querySelector("summary").focus();
  }
});

document.addEventListener("click", (event) => {
  for (const menu of openMenus()) if (!menu.contains(event.target)) menu.open = false;
});
