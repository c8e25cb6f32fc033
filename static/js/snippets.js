// Snippets in text boxes: the button at a box opens the menu, and `//name` in the box offers what fits. The
// menu is loaded when it is needed first. Without this script the button asks the server for the same.
import { targetOf, typedName } from "./snippet_target.js";

async function withMenu(use) {
  try {
    use(await import("./snippet_menu.js"));
  } catch (error) {
    console.warn("The menu of snippets did not load", error);
  }
}

function look(box) {
  const target = targetOf(box);
  if (typedName(target.before()) !== null) withMenu((menu) => menu.offer(target));
}

for (const button of document.querySelectorAll("[data-snippets]")) {
  const box = button.form.elements[button.value];
  box.addEventListener("input", (event) => event.isComposing || look(box));
  box.addEventListener("compositionend", () => look(box));
  button.addEventListener("click", (event) => {
    event.preventDefault();
    withMenu((menu) => menu.open(targetOf(box), button));
  });
}
