// The editor's tools: what each does, whether it is on, and the keys of a toolbar: one stop for Tab, arrows
// within, Escape back to the text. What needs an answer asks in a dialog of the page, in the page's language.
const MARKS = ["bold", "italic", "underline", "strike", "subscript", "superscript", "code"];
const SAFE_LINK = /^(https?:\/\/|mailto:|tel:)/i;
const LEVELS = [1, 2, 3, 4];

const dialogOf = (name) => document.querySelector(`[data-toolbar-dialog="${name}"]`);

const TOOLS = {
  paragraph: {
    run: (chain) => chain.setParagraph(),
    isOn: (editor) => editor.isActive("paragraph"),
    isUsable: () => true,
  },
  clear: { run: (chain) => chain.unsetAllMarks().clearNodes() },
  bulletList: { run: (chain) => chain.toggleBulletList(), isOn: (editor) => editor.isActive("bulletList") },
  orderedList: {
    run: (chain) => chain.toggleOrderedList(),
    isOn: (editor) => editor.isActive("orderedList"),
  },
  sink: { run: (chain) => chain.sinkListItem("listItem") },
  lift: { run: (chain) => chain.liftListItem("listItem") },
  blockquote: { run: (chain) => chain.toggleBlockquote(), isOn: (editor) => editor.isActive("blockquote") },
  codeBlock: { run: (chain) => chain.toggleCodeBlock(), isOn: (editor) => editor.isActive("codeBlock") },
  rule: { run: (chain) => chain.setHorizontalRule() },
  link: { ask: askLink, isOn: (editor) => editor.isActive("link") },
  unlink: {
    run: (chain) => chain.extendMarkRange("link").unsetLink(),
    isUsable: (editor) => editor.isActive("link"),
  },
  image: { ask: askImage },
  table: { ask: askTable, isUsable: (editor) => !editor.isActive("table") },
  undo: { run: (chain) => chain.undo() },
  redo: { run: (chain) => chain.redo() },
  addRow: { run: (chain) => chain.addRowAfter() },
  deleteRow: { run: (chain) => chain.deleteRow() },
  addColumn: { run: (chain) => chain.addColumnAfter() },
  deleteColumn: { run: (chain) => chain.deleteColumn() },
  merge: { run: (chain) => chain.mergeCells() },
  split: { run: (chain) => chain.splitCell() },
  header: { run: (chain) => chain.toggleHeaderCell(), isOn: (editor) => editor.isActive("tableHeader") },
  deleteTable: { run: (chain) => chain.deleteTable() },
};
for (const mark of MARKS) {
  TOOLS[mark] = { run: (chain) => chain.toggleMark(mark), isOn: (editor) => editor.isActive(mark) };
}
for (const level of LEVELS) {
  TOOLS[`heading${level}`] = {
    run: (chain) => chain.toggleHeading({ level }),
    isOn: (editor) => editor.isActive("heading", { level }),
  };
}

// Resolves with the form's values, or with null if it was cancelled.
function ask(name, values = {}) {
  const dialog = dialogOf(name);
  const form = dialog.querySelector("form");
  form.reset();
  for (const [field, value] of Object.entries(values)) form.elements[field].value = value;
  dialog.returnValue = "";
  dialog.showModal();
  form.querySelector("input").select();
  return new Promise((resolve) => {
    dialog.addEventListener(
      "close",
      () => resolve(dialog.returnValue ? Object.fromEntries(new FormData(form)) : null),
      { once: true },
    );
  });
}

// A name without a scheme is a web address, or an e-mail address where it holds an @.
function completed(typed) {
  const text = typed.trim();
  if (/^[a-z][a-z+.-]*:(?!\d)/i.test(text)) return text;
  return /^[^\s/@]+@[^\s/@]+$/.test(text) ? `mailto:${text}` : `${linkBox.dataset.toolbarScheme}${text}`;
}

async function askLink(editor) {
  const answer = await ask("link", { href: editor.getAttributes("link").href ?? "" });
  if (!answer) return;
  const href = completed(answer.href);
  const chain = editor.chain().focus();
  if (editor.isActive("link") || !editor.state.selection.empty)
    chain.extendMarkRange("link").setLink({ href }).run();
  else
    chain
      .insertContent({ type: "text", text: answer.href.trim(), marks: [{ type: "link", attrs: { href } }] })
      .run();
}

async function askImage(editor) {
  const answer = await ask("image");
  if (!answer) return;
  const attrs = { src: answer.src.trim(), alt: answer.alt.trim() };
  editor.chain().focus().insertContent({ type: "image", attrs }).run();
}

async function askTable(editor) {
  const answer = await ask("table");
  if (!answer) return;
  const [rows, cols] = [Number(answer.rows), Number(answer.cols)];
  editor
    .chain()
    .focus()
    .insertTable({ rows, cols, withHeaderRow: "header" in answer })
    .run();
}

const linkBox = dialogOf("link")?.querySelector("input");
linkBox?.addEventListener("input", () => {
  const isSafe = linkBox.value.trim() === "" || SAFE_LINK.test(completed(linkBox.value));
  linkBox.setCustomValidity(isSafe ? "" : linkBox.dataset.toolbarProblem);
});

export const askForLink = (editor) => {
  askLink(editor);
  return true;
};

function isUsable({ run, isUsable: rule }, editor) {
  return rule ? rule(editor) : !run || run(editor.can().chain()).run();
}

const usableButtons = (bar) =>
  [...bar.querySelectorAll(".tool")].filter((button) => !button.closest("[hidden]"));

function refresh(bar, editor) {
  bar.querySelector("[data-toolbar-in-table]").hidden = !editor.isActive("table");
  for (const button of bar.querySelectorAll(".tool")) {
    const tool = TOOLS[button.dataset.toolbarTool];
    if (tool.isOn) button.setAttribute("aria-pressed", String(tool.isOn(editor)));
    button.setAttribute("aria-disabled", String(!isUsable(tool, editor)));
  }
  const buttons = usableButtons(bar);
  if (!buttons.some((button) => button.tabIndex === 0)) stopAt(bar, buttons[0]);
}

function stopAt(bar, chosen) {
  for (const button of bar.querySelectorAll(".tool")) button.tabIndex = button === chosen ? 0 : -1;
}

function move(bar, event, editor) {
  const buttons = usableButtons(bar);
  const at = buttons.indexOf(document.activeElement);
  const steps = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: -1 };
  if (event.key === "Escape") editor.commands.focus();
  else if (!(event.key in steps)) return;
  else buttons.at(steps[event.key] % buttons.length).focus();
  event.preventDefault();
}

// Let the bar work on an editor until that is destroyed.
export function attach(bar, editor) {
  const stop = new AbortController();
  const { signal } = stop;
  bar.addEventListener(
    "click",
    ({ target }) => {
      const button = target.closest(".tool");
      if (!button || button.getAttribute("aria-disabled") === "true") return;
      const tool = TOOLS[button.dataset.toolbarTool];
      if (tool.ask) tool.ask(editor);
      else tool.run(editor.chain().focus()).run();
    },
    { signal },
  );
  bar.addEventListener("keydown", (event) => move(bar, event, editor), { signal });
  bar.addEventListener("focusin", ({ target }) => stopAt(bar, target), { signal });
  editor.on("transaction", () => refresh(bar, editor));
  editor.on("destroy", () => {
    stop.abort();
    bar.hidden = true;
  });
  bar.hidden = false;
  refresh(bar, editor);
}
