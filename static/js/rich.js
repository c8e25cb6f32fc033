// Rich text for the content. The textarea stays what is sent: until a key is pressed in the editor it holds
// the original, byte for byte. Before the editor starts, its own serialisation is compared with the original;
// what it would lose is named, and HTML stays possible.
import { follow, preview } from "./content_preview.js";
import { inert, parsed, plain } from "./paste.js";
import { asHtml } from "./plain_text.js";
import { editedBy, unedited } from "./snippet_target.js";
import { askForLink, attach } from "./toolbar.js";

let box, textarea, losses, switches, previewPlace;
let editor = null;
let isStarting = false;

// What an editor may drop, by kind: a selector that counts it. The words are in the template.
const KINDS = {
  image: "img",
  merged: "[colspan]:not([colspan='1']), [rowspan]:not([rowspan='1'])",
  table: "table, tbody tr, td, th",
  link: "a[href]",
  anchor: "a[name], :is(h1, h2, h3, h4, h5, h6)[id]",
  list: "ul, ol, dl",
  numbering: "li[value], ol[start]:not([start='1']), ol[type], ol[reversed]",
  heading: "h1, h2, h3, h4, h5, h6",
  code: "pre, code, kbd, tt, samp",
  mark: "mark, small, big, sub, sup, ins, q",
  figure: "figure, figcaption, caption",
  form: "input, select, textarea, button",
  embedded: "iframe, object, embed, video, audio, svg",
  colour: "[data-style], [color], [bgcolor], font",
  alignment: "center, [align]",
  direction: "[dir=rtl i]",
};

const words = (body) => body.textContent.replace(/\s+/g, "");

function lost(original, serialised) {
  const [before, after] = [parsed(original), parsed(serialised)];
  const count = (body, selector) => body.querySelectorAll(selector).length;
  const found = Object.keys(KINDS).filter((kind) => count(before, KINDS[kind]) > count(after, KINDS[kind]));
  return words(before) === words(after) ? found : ["text", ...found];
}

function style(href) {
  const link = document.createElement("link");
  link.rel = "stylesheet";
  link.href = href;
  const loaded = new Promise((resolve, reject) => {
    link.addEventListener("load", resolve, { once: true });
    link.addEventListener("error", () => reject(new Error(`${href} did not load`)), { once: true });
  });
  document.head.append(link);
  return loaded;
}

// Keys and presses are answered between the steps, so that slow machines do not freeze.
const pause = () => new Promise((resolve) => setTimeout(resolve));

async function load() {
  const [all] = await Promise.all([
    import(box.dataset.richScript),
    ...box.dataset.richStyles.split(" ").map(style),
  ]);
  await pause();
  return all;
}

// An image tells its host who reads the ticket, so the editor shows its description and address instead.
function imageView({ node }) {
  const dom = document.createElement("span");
  dom.className = "blocked-image";
  dom.textContent = [box.dataset.richImage, node.attrs.alt, node.attrs.src].filter(Boolean).join(": ");
  return { dom };
}

function images({ Image, Figure, Caption }) {
  const addNodeView = () => imageView;
  const without = { addAttributes: () => ({}), addNodeView: null, addExtensions: () => [] };
  const parseHTML = () => [{ tag: "img[src]", context: "figure/", priority: 60 }];
  return [
    Image.extend({ addNodeView }).configure({ inline: true }),
    Image.extend({ name: "figureImage", group: "", addNodeView, parseHTML }).configure({ inline: false }),
    Figure.extend({ ...without, content: "figureImage caption?" }),
    Caption.extend({ addAttributes: () => ({}) }),
  ];
}

// Alt+F10 leads to the tools, as in other editors.
const withKeys = () => ({
  "Mod-k": () => askForLink(editor),
  "Alt-F10": () => {
    box.querySelector(".tool[tabindex='0']").focus();
    return true;
  },
});

function extensions(all) {
  const { Document, Dropcursor, Gapcursor, Paragraph, HardBreak, Text, History } = all;
  const { Bold, Italic, Underline, Strike, Subscript, Superscript, Heading, Code, CodeBlock } = all;
  const { BulletList, OrderedList, ListItem, Blockquote, HorizontalRule, Link } = all;
  const { Table, TableRow, TableHeader, TableCell } = all;
  return [
    ...[Document, Dropcursor, Gapcursor, Paragraph, HardBreak, Text, History],
    ...[Bold, Italic, Underline, Strike, Subscript, Superscript, Code, CodeBlock],
    ...[BulletList, OrderedList, ListItem, Blockquote, HorizontalRule, ...images(all)],
    ...[Table, TableRow, TableHeader, TableCell],
    Heading.configure({ levels: [1, 2, 3, 4] }),
    Link.extend({ addKeyboardShortcuts: withKeys }).configure({ enableTarget: false }),
  ];
}

// Beyond this the editor would be busy for seconds or minutes with what no save could take anyway.
const MAX_PASTED_TIMES = 2;

function note(kind) {
  box.querySelector("[data-rich-left-out]").hidden = kind !== "pictures";
  box.querySelector("[data-rich-too-much]").hidden = kind !== "too much";
}

function cleanPaste(html) {
  const { html: cleaned, images: leftOut } = plain(html);
  note(leftOut > 0 ? "pictures" : null);
  return cleaned;
}

function cleanText(text) {
  note(null);
  return text.trimEnd();
}

// A picture alone, as a screenshot is: nothing of it could be stored.
function refuse(_view, event) {
  const { files, types } = event.clipboardData;
  const isPicture = files.length > 0 && !types.some((type) => type.startsWith("text/"));
  if (!isPicture && !isTooMuch(event.clipboardData)) return false;
  event.preventDefault();
  note(isPicture ? "pictures" : "too much");
  return true;
}

function isTooMuch(data) {
  const max = MAX_PASTED_TIMES * previewPlace.dataset.contentPreviewMax;
  const html = data.getData("text/html");
  if (!html) return data.getData("text/plain").length > max;
  return html.length > max && plain(html).html.length > max;
}

function create(all, place) {
  return new all.Editor({
    element: null, // mounted later
    extensions: extensions(all),
    content: inert(asHtml(textarea.value)),
    editorProps: {
      transformPastedHTML: cleanPaste,
      transformPastedText: cleanText,
      handleDOMEvents: { paste: refuse },
    },
    injectCSS: false, // a style without the page's nonce; the rules are in editor.css
    onUpdate: () => {
      textarea.value = editor.isEmpty ? "" : editor.getHTML();
      textarea.dispatchEvent(new Event("input", { bubbles: true }));
    },
    onDestroy: () => place.remove(),
  });
}

function reveal(all, place) {
  const text = editor.view.dom;
  text.setAttribute("aria-labelledby", "content-label");
  text.setAttribute("aria-multiline", "true");
  attach(box.querySelector("[data-rich-tools]"), editor);
  editedBy(textarea, editor, all.createNodeFromContent);
  place.hidden = false;
  if (document.activeElement === textarea) editor.view.focus(); // at once: keys that follow are not lost
  textarea.hidden = true;
  show("rich");
  preview(previewPlace, textarea, "rich");
}

// Until the last step the textarea is shown, read-only. With `guards` nothing opens that would lose parts.
async function start(all, { guards }) {
  isStarting = true;
  textarea.readOnly = true;
  const place = document.createElement("div");
  place.className = "prose-editor";
  place.hidden = true;
  textarea.before(place);
  try {
    editor = create(all, place);
    await pause();
    const found = guards ? lost(asHtml(textarea.value), editor.getHTML()) : [];
    if (found.length > 0) return warn(found);
    await pause();
    editor.mount(place);
    await pause();
    reveal(all, place);
  } finally {
    isStarting = false;
    textarea.readOnly = false;
  }
}

function stop() {
  editor?.destroy();
  editor = null;
  unedited(textarea);
  textarea.hidden = false;
  show("source");
  preview(previewPlace, textarea, "source");
}

function show(mode) {
  for (const button of switches.querySelectorAll("[data-rich-mode]")) {
    button.setAttribute("aria-pressed", String(button.dataset.richMode === mode));
  }
}

function warn(found) {
  stop();
  for (const word of losses.querySelectorAll("[data-rich-kind]"))
    word.hidden = !found.includes(word.dataset.richKind);
  losses.hidden = false;
}

export async function begin(opened) {
  box = opened;
  textarea = box.querySelector("textarea");
  losses = box.querySelector("[data-rich-losses]");
  switches = box.querySelector("[data-rich-switch]");
  previewPlace = box.querySelector("[data-rich-preview]");
  follow(previewPlace, textarea);
  const all = await load();
  switches.addEventListener("click", ({ target }) => {
    const mode = target.closest("[data-rich-mode]")?.dataset.richMode;
    if (!mode || isStarting || (mode === "rich") === Boolean(editor)) return;
    losses.hidden = true;
    if (mode === "source") stop();
    else start(all, { guards: true });
  });
  losses.querySelector("[data-rich-anyway]").addEventListener("click", () => {
    losses.hidden = true;
    start(all, { guards: false });
  });
  switches.hidden = false;
  await start(all, { guards: true });
}
