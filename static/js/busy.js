// A form is sent once: the pressed button shows that it is working, and a second press does nothing.
// Without this script the server still sends only one request to the CRM for one form.
// A page is not told that its sending was stopped; a repeated press is harmless.
const STOPPED_AFTER = 15_000;

export function ready(form) {
  delete form.dataset.busySent;
  for (const button of form.querySelectorAll("[aria-busy]")) button.removeAttribute("aria-busy");
  form.dispatchEvent(new Event("ready"));
}

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.dataset.busyOnce === undefined || event.defaultPrevented) return;
  if (form.dataset.busySent === "yes") {
    event.preventDefault();
    return;
  }
  form.dataset.busySent = "yes";
  event.submitter?.setAttribute("aria-busy", "true");
  setTimeout(ready, STOPPED_AFTER, form);
});

// Escape stops sending. Back, too, shows the page as it was left: ready again.
const allReady = () => document.querySelectorAll("form[data-busy-sent]").forEach(ready);
addEventListener("keydown", (event) => event.key === "Escape" && allReady());
addEventListener("pageshow", (event) => event.persisted && allReady());
