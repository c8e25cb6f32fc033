// A text without one known element is a text, not HTML, in which its lines were one and `<lan@example.com>`
// nothing. The same rule as on the server: ticketadmin/markup/plain.py.
const TAG = /<\/?([a-z][a-z0-9]*)\b/gi;
const isKnown = (name) =>
  name.toLowerCase() === "svg" || !(document.createElement(name) instanceof HTMLUnknownElement);

export const isMarkup = (text) =>
  text.includes("<!--") || [...text.matchAll(TAG)].some(([, name]) => isKnown(name));

const escaped = (text) =>
  text
    .replace(/&(?!#?\w{1,31};)/g, "&amp;")
    .replace(/</g, "&lt;")
    .replace(/>/g, "&gt;");

// Returns the HTML that shows every character and line of a text; HTML stays as it is.
export function asHtml(text) {
  if (isMarkup(text)) return text;
  const lines = escaped(text.replace(/\r\n?/g, "\n").trim());
  if (!lines.includes("\n")) return lines;
  const paragraphs = lines.split(/\n[ \t]*\n\s*/);
  return paragraphs.map((part) => `<p>${part.replaceAll("\n", "<br>")}</p>`).join("");
}
