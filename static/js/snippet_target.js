// Where a snippet is inserted: at the cursor of a plain box, or of the rich text editor. Both keep what they
// insert as typed text, which the browser's or the editor's own undo takes back.
import { asHtml, isMarkup } from "./plain_text.js";

// Before the slashes: the beginning of a line, a space or an opening mark; not so in an address or 12//2026.
const TYPED = /(?:^|[\s(["'“„«‘—–])\/\/(?<name>[\p{L}\p{N}_-]{0,40})$/u;
const targets = new Map(); // by box: the box itself, or the editor that is shown in its place

// Returns what follows the slashes before the cursor, or null where there are none.
export const typedName = (before) => TYPED.exec(before ?? "")?.groups.name ?? null;

const COPIED = [
  ...["direction", "font", "letterSpacing", "lineHeight", "overflowWrap", "padding", "textIndent"],
  ...["borderWidth", "borderStyle", "boxSizing", "wordSpacing", "tabSize", "textTransform"],
];

// A copy of the box, laid out like it, in which the cursor's place can be measured.
function cursorIn(box) {
  const copy = document.createElement("div");
  const mark = document.createElement("span");
  const look = getComputedStyle(box);
  for (const name of COPIED) copy.style[name] = look[name];
  const { left, top, width } = box.getBoundingClientRect();
  Object.assign(copy.style, {
    position: "fixed",
    visibility: "hidden",
    whiteSpace: "pre-wrap",
    inset: `${top - box.scrollTop}px auto auto ${left}px`,
    width: `${width}px`,
  });
  mark.textContent = "|";
  copy.append(box.value.slice(0, box.selectionEnd), mark);
  document.body.append(copy);
  const place = mark.getBoundingClientRect();
  copy.remove();
  return place;
}

// What a box of HTML becomes: HTML in HTML, text in a text; a text that HTML is put into becomes HTML, too.
function replaced({ value }, from, to, { html, text, isHtml }) {
  const [before, after] = [value.slice(0, from), value.slice(to)];
  if (isMarkup(before + after)) return { from, to, text: html };
  if (!isHtml) return { from, to, text };
  return { from: 0, to: value.length, text: asHtml(before) + html + asHtml(after) };
}

function typeInto(box, { from, to, text }) {
  box.focus();
  box.setSelectionRange(from, to);
  if (document.execCommand("insertText", false, text)) return;
  box.setRangeText(text, from, to, "end");
  box.dispatchEvent(new InputEvent("input", { bubbles: true, inputType: "insertText" }));
}

function plainTarget(box) {
  const isLine = box.localName === "input";
  const isHtml = box.matches("[data-content], [data-snippet-target-html]");
  return {
    element: box,
    before: () => (box.selectionStart === box.selectionEnd ? box.value.slice(0, box.selectionEnd) : null),
    place: () => (isLine ? box.getBoundingClientRect() : cursorIn(box)),
    focus: () => box.focus(),
    insert(length, snippet) {
      const [from, to] = [box.selectionStart - length, box.selectionEnd];
      const text = isLine ? snippet.text.replace(/\s*\n\s*/g, " ") : snippet.text;
      typeInto(box, isHtml ? replaced(box, from, to, snippet) : { from, to, text });
    },
  };
}

// A single paragraph goes into the one at the cursor; several stay paragraphs.
function inline(html) {
  const { body } = new DOMParser().parseFromString(html, "text/html");
  const [only] = body.childNodes;
  return body.childNodes.length === 1 && only.localName === "p" ? only.innerHTML : html;
}

function richTarget(editor, createNodeFromContent) {
  const { view } = editor;
  return {
    element: view.dom,
    before() {
      const { $from, empty } = editor.state.selection;
      if (!empty || !$from.parent.isTextblock || $from.parent.type.spec.code) return null;
      return $from.parent.textBetween(0, $from.parentOffset, null, "\ufffc");
    },
    place: () => view.coordsAtPos(editor.state.selection.from),
    focus: () => editor.commands.focus(),
    insert(length, { html }) {
      const { from, to } = editor.state.selection;
      const content = createNodeFromContent(inline(html), editor.schema);
      editor
        .chain()
        .focus()
        .insertContentAt({ from: from - length, to }, content)
        .run();
    },
  };
}

export function targetOf(box) {
  if (!targets.has(box)) targets.set(box, plainTarget(box));
  return targets.get(box);
}

// What goes into a box of HTML goes into this editor, until `unedited`.
export const editedBy = (box, editor, createNodeFromContent) =>
  targets.set(box, richTarget(editor, createNodeFromContent));
export const unedited = (box) => targets.delete(box);
