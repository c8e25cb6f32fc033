// What other programs put on the clipboard, made plain before the editor reads it: Word's paragraphs that
// only look like lists become lists, the styles of Google Docs become bold and italic, wrappers, empty
// paragraphs and images that no web address leads to go. All visible text stays.
const SAFE_IMAGE = /^https?:\/\//i;
const BLOCKS = "p, div, li, td, th, h1, h2, h3, h4, h5, h6, blockquote";
const APART = "p, div, ul, ol, dl, table, h1, h2, h3, h4, h5, h6, blockquote, pre, hr, form, figure";
const MARKER = "[data-style*='mso-list:Ignore' i], [data-style*='mso-list: Ignore' i]";

// The page's policy refuses styles and handlers even in documents that are only read, and says so each time.
export const inert = (html) =>
  html
    .replace(/<(style|script)\b[\s\S]*?<\/\1\s*>/gi, "")
    .replace(/<[a-z][^<>]*>/gi, (tag) => tag.replace(/(["'\s])(style|on[a-z]+)\s*=/gi, "$1 data-$2="));

export const parsed = (html) => new DOMParser().parseFromString(inert(html), "text/html").body;

const all = (body, selector) => [...body.querySelectorAll(selector)];
const unwrap = (element) => element.replaceWith(...element.childNodes);
const style = (element) => element.dataset.style ?? "";
const hasContent = (element) => element.textContent.trim() !== "" || element.querySelector("img, hr, table");

function rename(element, name) {
  const renamed = element.ownerDocument.createElement(name);
  renamed.append(...element.childNodes);
  element.replaceWith(renamed);
  return renamed;
}

function dropJunk(body) {
  const walker = body.ownerDocument.createTreeWalker(body, NodeFilter.SHOW_COMMENT);
  const comments = [];
  while (walker.nextNode()) comments.push(walker.currentNode);
  for (const node of [...comments, ...all(body, "xml, meta, link, title, br.Apple-interchange-newline")])
    node.remove();
  for (const element of all(body, "*")) if (element.localName.includes(":")) unwrap(element);
}

// An image is kept by its address alone. An emoji is sent as an image with the emoji as its description.
function dropImages(body) {
  let dropped = 0;
  for (const image of all(body, "img")) {
    if (image.dataset.emoji || /^\p{Extended_Pictographic}/u.test(image.alt)) image.replaceWith(image.alt);
    else if (image.width === 1 && image.height === 1)
      image.remove(); // counts readers
    else if (!SAFE_IMAGE.test(image.getAttribute("src") ?? "")) {
      image.remove();
      dropped += 1;
    }
  }
  return dropped;
}

// Lines of an editor for programs: one element a line, in a fixed-width font.
function keepCode(body) {
  for (const block of all(body, "div")) {
    if (!/white-space:\s*pre/i.test(style(block)) || !/monospace|consolas|courier|menlo/i.test(style(block)))
      continue;
    const lines = [...block.childNodes].map((line) => line.textContent); // an empty line is a break
    block.textContent = lines.join(block.querySelector("div") ? "\n" : "");
    rename(block, "pre");
  }
}

function keepStyles(body) {
  for (const element of all(body, "[data-style]")) {
    const has = (rule) => rule.test(style(element));
    if (element.matches("b, strong") && has(/font-weight:\s*(normal|[1-4]00)/i)) unwrap(element);
    else if (element.matches("i, em") && has(/font-style:\s*normal/i)) unwrap(element);
    else if (!element.matches("h1, h2, h3, h4, h5, h6, b, strong, i, em, u, s, a, pre")) {
      if (has(/font-weight:\s*(bold|[6-9]00)/i)) wrap(element, "strong");
      if (has(/font-style:\s*italic/i)) wrap(element, "em");
      if (has(/text-decoration[a-z-]*:[^;]*underline/i) && !element.closest("a")) wrap(element, "u");
      if (has(/text-decoration[a-z-]*:[^;]*line-through/i)) wrap(element, "s");
      if (has(/vertical-align:\s*(sub|super)\b/i))
        wrap(element, has(/vertical-align:\s*super/i) ? "sup" : "sub");
    }
  }
}

function wrap(element, name) {
  const mark = element.ownerDocument.createElement(name);
  mark.append(...element.childNodes);
  element.append(mark);
}

const previous = (element) => {
  let node = element.previousSibling;
  while (node && node.nodeType === Node.TEXT_NODE && node.data.trim() === "") node = node.previousSibling;
  return node;
};

// Word writes a list as paragraphs with a level and the bullet or number as text.
function wordLists(body) {
  let open = []; // the lists that are open, from the outermost
  for (const item of all(body, "[data-style*='mso-list' i]")) {
    const level = Number(/mso-list:\s*\S+\s+level(\d)/i.exec(style(item))?.[1] ?? 0);
    const marker = item.querySelector(MARKER);
    if (!level || !marker) continue;
    const number = /^[\s(]*(\d+|[a-z]{1,4})[.)]/i.exec(marker.textContent)?.[1];
    marker.remove();
    if (open.length === 0 || previous(item) !== open[0]) open = [];
    place(item, open, level, number);
  }
}

function place(item, open, level, number) {
  const kind = number ? "ol" : "ul";
  open.length = Math.min(open.length, level);
  if (open.length === level && open.at(-1).localName !== kind) open.length -= 1;
  if (open.length < level) {
    const list = item.ownerDocument.createElement(kind);
    if (Number(number) > 1) list.start = Number(number);
    const parent = open.at(-1)?.lastElementChild;
    if (parent) parent.append(list);
    else item.before(list);
    open.push(list);
  }
  const entry = item.ownerDocument.createElement("li");
  open.at(-1).append(entry);
  entry.append(item);
  if (item.localName !== "p") rename(item, "p");
}

// Google Docs and older Outlook put a list within a list beside its item instead of into it.
function nestLists(body) {
  for (const list of all(body, ":is(ul, ol) > :is(ul, ol)")) {
    const item = list.previousElementSibling;
    if (item?.localName === "li") item.append(list);
    else wrapWhole(list, "li");
  }
}

function wrapWhole(element, name) {
  const wrapper = element.ownerDocument.createElement(name);
  element.before(wrapper);
  wrapper.append(element);
}

// Text beside paragraphs gets one of its own; breaks between paragraphs only made distance.
function paragraphs(body) {
  for (const block of [body, ...all(body, "div, blockquote, li")]) {
    if (![...block.children].some((child) => child.matches(APART))) continue;
    let run = [];
    for (const node of [...block.childNodes, null]) {
      if (node && !node.matches?.(APART) && !node.querySelector?.(APART)) run.push(node);
      else if (run.length > 0) run = gather(run);
    }
  }
}

function gather(run) {
  const paragraph = run[0].ownerDocument.createElement("p");
  run[0].before(paragraph);
  paragraph.append(...run);
  return [];
}

// Paragraphs have spacing of their own: empty ones, and breaks at the ends of blocks, only imitated it.
function dropEmptiness(body) {
  for (const last of all(body, "br:last-child")) {
    if (
      !last.nextSibling?.data?.trim() &&
      last.parentElement.matches(BLOCKS) &&
      hasContent(last.parentElement)
    ) {
      last.remove();
    }
  }
  for (const block of all(body, "p, div"))
    if (!hasContent(block) && !block.closest("td, th, li")) block.remove();
}

// Returns the HTML for the editor and how many images were left out.
export function plain(html) {
  if (html.includes("data-pm-slice")) return { html: inert(html), images: 0 }; // copied from this editor
  const body = parsed(html);
  dropJunk(body);
  const images = dropImages(body);
  wordLists(body);
  keepCode(body);
  keepStyles(body);
  nestLists(body);
  for (const heading of all(body, "h5, h6")) rename(heading, "h4");
  paragraphs(body);
  dropEmptiness(body);
  return { html: body.innerHTML, images };
}
