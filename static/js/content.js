// The content's editor is loaded when the content is opened for editing, and only then: a status change
// downloads none of it. Without it, or where it does not start, the textarea does the same work.
const box = document.querySelector("[data-content-editor]");
let isLoading = false;

async function open() {
  if (!box.open || isLoading) return;
  isLoading = true;
  try {
    await (await import("./rich.js")).begin(box);
  } catch (error) {
    isLoading = false;
    console.warn("The rich text editor did not start", error);
  }
}

box?.addEventListener("toggle", open);
if (box) open();
