// The omnibox as a combobox: suggestions while typing, arrow keys, Enter. Without this script Enter submits.
const input = document.querySelector("[data-box]");
const list = document.getElementById("suggestions");
const WAIT = 120;
const LONGEST_QUERY = 7000; // bytes in an address, which web servers cut at 8,000
const LONGEST_ADDRESS = 1500; // characters; a longer text is posted instead
let timer = 0;
let asked = 0;

const options = () => [...list.querySelectorAll("[role=option]")];
const active = () => list.querySelector("[aria-selected=true]");

function close() {
  asked += 1; // an answer still to come would open it again
  list.hidden = true;
  input.setAttribute("aria-expanded", "false");
  choose(null);
}

function choose(option) {
  active()?.removeAttribute("aria-selected");
  option?.setAttribute("aria-selected", "true");
  option?.scrollIntoView({ block: "nearest" });
  if (option) input.setAttribute("aria-activedescendant", option.id);
  else input.removeAttribute("aria-activedescendant");
}

async function suggest() {
  if (input.value.length > LONGEST_ADDRESS) return close();
  const number = ++asked;
  const url = `${input.dataset.boxSuggestUrl}?q=${encodeURIComponent(input.value)}`;
  try {
    const answer = await fetch(url, { headers: { "X-Requested-With": "XMLHttpRequest" } });
    if (answer.status !== 200 || number !== asked || document.activeElement !== input) return;
    const parsed = new DOMParser().parseFromString(await answer.text(), "text/html");
    choose(null);
    list.replaceChildren(...parsed.querySelectorAll("[role=option]"));
  } catch {
    return close();
  }
  if (options().length === 0) return close();
  list.hidden = false;
  input.setAttribute("aria-expanded", "true");
}

// What was chosen before something else was typed is not what Enter means now.
const later = () => {
  input.setCustomValidity("");
  choose(null);
  clearTimeout(timer);
  timer = setTimeout(suggest, WAIT);
};

function move(step) {
  const all = options();
  if (list.hidden || all.length === 0) return suggest();
  const at = all.indexOf(active());
  choose(all[(at + step + all.length + (at < 0 && step < 0 ? 1 : 0)) % all.length]);
}

input?.addEventListener("input", later);
// Text that was typed before this script was loaded gets suggestions as well.
if (input && document.activeElement === input && input.value !== input.defaultValue) later();
input?.addEventListener("click", suggest);
input?.addEventListener("blur", () => setTimeout(close, 150));
input?.addEventListener("keydown", (event) => {
  if (event.key === "ArrowDown" || event.key === "ArrowUp") {
    event.preventDefault();
    move(event.key === "ArrowDown" ? 1 : -1);
  } else if (event.key === "/" && input.value === "") {
    event.preventDefault(); // the key that moved the focus here, pressed again
  } else if (event.key === "Escape" && !list.hidden) {
    event.preventDefault();
    close();
  } else if (event.key === "Enter" && !list.hidden && active()) {
    event.preventDefault();
    location.assign(active().dataset.boxHref);
  }
});
// The box keeps the focus, so the list stays.
list?.addEventListener("mousedown", (event) => event.preventDefault());
list?.addEventListener("click", (event) => {
  const option = event.target.closest("[role=option]");
  if (option) location.assign(option.dataset.boxHref);
});

// A one-line box would glue pasted lines together; codes in a column are separate codes.
input?.addEventListener("paste", (event) => {
  const text = event.clipboardData?.getData("text/plain") ?? "";
  if (!/[\r\n\t]/.test(text)) return;
  event.preventDefault();
  input.setRangeText(text.replace(/[\r\n\t]+/g, " "), input.selectionStart, input.selectionEnd, "end");
  later();
});

// A whole column of codes is too long for an address: it goes to the bulk update as a form.
input?.form.addEventListener("submit", (event) => {
  if (!input.dataset.boxBulkUrl && encodeURIComponent(input.value).length > LONGEST_QUERY) {
    event.preventDefault();
    input.setCustomValidity(input.dataset.boxTooLong);
    input.reportValidity();
  }
  if (!input.dataset.boxBulkUrl || input.value.length <= LONGEST_ADDRESS) return;
  event.preventDefault();
  const form = document.createElement("form");
  form.method = "post";
  form.action = input.dataset.boxBulkUrl;
  form.hidden = true;
  const token = document.querySelector("input[name=csrfmiddlewaretoken]").value;
  for (const [name, value] of [
    ["csrfmiddlewaretoken", token],
    ["typed", input.value],
  ]) {
    const field = document.createElement("textarea");
    field.name = name;
    field.value = value;
    form.append(field);
  }
  document.body.append(form);
  form.submit();
});
