// What needs reading first takes the focus: an error summary or the result of a save.
document.querySelector("[data-summary-focus]")?.focus();
