// Keys that save way: "/" goes to the box, Ctrl+Enter saves the form one is typing in.
const isTyping = (element) => element.matches("input, textarea, select, [contenteditable]");

document.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
    const form = event.target.closest?.("form[data-save]");
    if (form) {
      event.preventDefault();
      form.requestSubmit(form.querySelector("[data-save-button]"));
    }
    return;
  }
  const isPlain = !event.ctrlKey && !event.metaKey && !event.altKey;
  if (event.key === "/" && isPlain && !isTyping(event.target) && document.documentElement.dataset.shortcuts === "on") {
    event.preventDefault();
    document.querySelector("[data-box]")?.focus();
  }
});
