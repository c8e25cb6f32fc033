// Snippets in text boxes: the button at a box opens the menu, and `//name` in the box offers what fits. The
// menu is loaded when it is needed first. Without this script the button asks the server for the same.
// Boxes may come later, in what the server answers a script.
import { targetOf, typedName } from "./snippet_target.js";

async function withMenu(use) {
  try {
    use(await import("./snippet_menu.js"));
  } catch (error) {
    console.warn("The menu of snippets did not load", error);
  }
}

// The ticket of a box, whose values the placeholders have; "" where there is no single one.
const ticketOf = (button) => button.closest("[data-code]")?.dataset.code ?? "";
const buttonOf = (box) => box.form?.querySelector(`[data-snippets][value="${CSS.escape(box.name)}"]`);

function look({ target: box }) {
  const button = box.name && buttonOf(box);
  if (!button) return;
  const target = targetOf(box);
  if (typedName(target.before()) !== null) withMenu((menu) => menu.offer(target, ticketOf(button)));
}

document.addEventListener("input", (event) => event.isComposing || look(event));
document.addEventListener("compositionend", look);
document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-snippets]");
  if (!button) return;
  event.preventDefault();
  const box = button.form.elements[button.value];
  withMenu((menu) => menu.open(targetOf(box), button, ticketOf(button)));
});
