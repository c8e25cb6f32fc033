// Snippets in text boxes: the button at a box opens the menu, and `//name` in the box offers what fits. The
// menu is loaded when it is needed first. Without this script the button asks the server for the same.
// Boxes may come later, in what the server answers a script.

// What needs scripts that are not loaded yet.
const loading =
  (use) =>
  async (...given) => {
    try {
      await use(...given);
    } catch (error) {
      console.warn("Snippets did not load", error);
    }
  };

// The ticket of a box, whose values the placeholders have; "" where there is no single one.
const ticketOf = (button) => button.closest("[data-code]")?.dataset.code ?? "";
const buttonOf = (box) => box.form?.querySelector(`[data-snippets][value="${CSS.escape(box.name)}"]`);

const look = loading(async ({ target: box }) => {
  const button = box.name && buttonOf(box);
  if (!button || !box.value.includes("//")) return;
  const { targetOf, typedName } = await import("./snippet_target.js");
  const target = targetOf(box);
  if (typedName(target.before()) === null) return;
  const menu = await import("./snippet_menu.js");
  await menu.offer(target, ticketOf(button));
});

const open = loading(async (button) => {
  const { targetOf } = await import("./snippet_target.js");
  const menu = await import("./snippet_menu.js");
  await menu.open(targetOf(button.form.elements[button.value]), button, ticketOf(button));
});

document.addEventListener("input", (event) => event.isComposing || look(event));
document.addEventListener("compositionend", look);
document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-snippets]");
  if (!button) return;
  event.preventDefault();
  open(button);
});
