// What other programs put on the clipboard, made plain before the editor reads it: Word's paragraphs that
// only look like lists become lists, the styles of Google Docs become bold and italic, wrappers, empty
// paragraphs and images that no web address leads to go. All visible text stays, and where its lines end;
// an address that no link may have, such as that of a file, stays as text.
const SAFE_IMAGE = /^https?:\/\//i;
const SAFE_LINK = /^(https?|mailto|tel):|^(?![a-z][a-z0-9+.-]*:|\/\/|\\|\/\\|#)/i;
const ROMAN = { i: 1, ii: 2, iii: 3, iv: 4, v: 5, vi: 6, vii: 7, viii: 8 };
const SCRIPT = /^(javascript|vbscript|data|blob|about):/i;
const HEADINGS = "h1, h2, h3, h4, h5, h6";
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
  for (const element of all(body, "[data-style]"))
    if (/(^|[;\s])display:\s*none|mso-hide:\s*all/i.test(style(element))) element.remove();
}

// An image is kept by its address alone. An emoji is sent as an image with the emoji as its description, a
// box of a list in Google Docs as a drawing of it.
function dropImages(body) {
  let dropped = 0;
  for (const image of all(body, "img")) {
    if (image.getAttribute("aria-roledescription") === "checkbox") replaceBox(image);
    else if (image.dataset.emoji || /^\p{Extended_Pictographic}/u.test(image.alt))
      image.replaceWith(image.alt);
    else if (image.width === 1 && image.height === 1)
      image.remove(); // counts readers
    else if (!SAFE_IMAGE.test(image.getAttribute("src") ?? "")) {
      image.remove();
      dropped += 1;
    }
  }
  return dropped;
}

function replaceBox(image) {
  const first = image.nextElementSibling?.localName === "p" ? image.nextElementSibling : null;
  const mark = image.alt === "checked" ? "\u2611 " : "\u2610 ";
  if (first) first.prepend(mark);
  else image.before(mark);
  image.remove();
}

// An address within the document leads nowhere from a ticket.
function dropLinks(body) {
  for (const link of all(body, "a[href]")) {
    const address = link.getAttribute("href").trim();
    if (SAFE_LINK.test(address)) continue;
    const place = placeOf(address);
    if (place && !slashed(link.textContent).includes(slashed(place))) link.append(` (${place})`);
    unwrap(link);
  }
}

const slashed = (path) => path.replaceAll("\\", "/");

function placeOf(address) {
  if (address.startsWith("#") || SCRIPT.test(address)) return "";
  const path = address.replace(/^file:(\/\/\/)?/i, "");
  try {
    return decodeURI(path);
  } catch {
    return path; // a percent sign of its own
  }
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

// A program may show text on lines of its own by styles alone: a page by spans that are shown as blocks, a
// chat by line ends that are kept.
function keepLines(body) {
  for (const part of all(body, "summary, legend, center")) rename(part, "div");
  for (const part of all(body, "span[data-style]"))
    if (/(^|[;\s])display:\s*(block|flex|grid|table|list-item)\b/i.test(style(part))) rename(part, "div");
  for (const part of all(body, "[data-style]")) {
    if (/white-space(-collapse)?:\s*(pre|break-spaces)/i.test(style(part)) && !part.closest("pre"))
      breakLines(part);
  }
}

function breakLines(part) {
  const walker = part.ownerDocument.createTreeWalker(part, NodeFilter.SHOW_TEXT);
  const texts = [];
  while (walker.nextNode()) if (walker.currentNode.data.trim()) texts.push(walker.currentNode);
  for (const text of texts) {
    const lines = text.data.replace(/\r\n?/g, "\n").split("\n");
    const broken = lines.flatMap((line, n) => (n === 0 ? [line] : [document.createElement("br"), line]));
    text.replaceWith(...broken);
  }
}

function keepStyles(body) {
  for (const element of all(body, "[data-style]")) {
    const has = (rule) => rule.test(style(element));
    if (element.matches("b, strong") && has(/font-weight:\s*(normal|[1-4]00)/i)) unwrap(element);
    else if (element.matches("i, em") && has(/font-style:\s*normal/i)) unwrap(element);
    else if (!element.matches(`${HEADINGS}, b, strong, i, em, u, s, a, pre`)) {
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

// Word writes a list as paragraphs with a level and the bullet or number as text. What no list can number,
// such as "1.2" or "Step 1:", stays text, and so does the number of a heading.
function wordLists(body) {
  let open = []; // the lists that are open with their levels, from the outermost
  for (const item of all(body, "[data-style*='mso-list' i]")) {
    const level = Number(/mso-list:\s*\S+\s+level(\d)/i.exec(style(item))?.[1] ?? 0);
    const marker = item.querySelector(MARKER);
    if (!level || !marker) continue;
    const text = marker.textContent.trim();
    const numbering = numberingOf(text);
    if (item.matches(HEADINGS) || (!numbering && text.length > 1 && /[\p{L}\p{N}]/u.test(text))) {
      marker.replaceWith(`${text} `);
      continue;
    }
    marker.remove();
    if (open.length === 0 || previous(item) !== open[0].list) open = [];
    const entry = wrapWhole(item, "li");
    if (item.localName !== "p") rename(item, "p");
    place(entry, open, level, numbering);
  }
}

// What the list of a first item with this number has to say, or null if it is a bullet.
function numberingOf(text) {
  const number = /^\(?(\d{1,3}|[a-z]{1,4})[.)]$/i.exec(text)?.[1];
  if (!number) return null;
  if (/\d/.test(number)) return { type: "", start: Number(number) };
  const isSmall = number === number.toLowerCase();
  if (number.length > 1 || /i/i.test(number))
    return { type: isSmall ? "i" : "I", start: ROMAN[number.toLowerCase()] };
  return { type: isSmall ? "a" : "A", start: number.toLowerCase().charCodeAt(0) - 96 };
}

// A level that was left out stays out: the next item of a level stands beside the one before.
function place(entry, open, level, numbering) {
  const kind = numbering ? "ol" : "ul";
  while (open.length > 0 && open.at(-1).level > level) open.pop();
  if (open.at(-1)?.level === level && open.at(-1).list.localName !== kind) open.pop();
  if (open.length === 0 || open.at(-1).level < level) {
    const list = entry.ownerDocument.createElement(kind);
    if (numbering?.type) list.type = numbering.type;
    if (numbering?.start > 1) list.start = numbering.start;
    const parent = open.at(-1)?.list.lastElementChild;
    if (parent) parent.append(list);
    else entry.before(list);
    open.push({ list, level });
  }
  open.at(-1).list.append(entry);
}

// Word on the web writes each item as a list of its own, with its level.
function joinLists(body) {
  for (const mark of all(body, "span.EOP")) mark.remove(); // the end of a paragraph, as a space
  for (const wrapper of all(body, "div.ListContainerWrapper")) unwrap(wrapper);
  let open = [];
  for (const item of all(body, ":is(ul, ol) > li[data-aria-level]:only-child")) {
    const list = item.parentElement;
    if (open.length === 0 || previous(list) !== open[0].list) open = [];
    const numbering = list.localName === "ol" ? { type: list.type, start: list.start } : null;
    list.replaceWith(item);
    place(item, open, Number(item.dataset.ariaLevel), numbering);
  }
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
  return wrapper;
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
  dropLinks(body);
  wordLists(body);
  joinLists(body);
  keepCode(body);
  keepLines(body);
  keepStyles(body);
  nestLists(body);
  for (const heading of all(body, "h5, h6")) rename(heading, "h4");
  paragraphs(body);
  dropEmptiness(body);
  return { html: body.innerHTML, images };
}
