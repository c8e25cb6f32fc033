// Text without a single known element is plain text. As HTML its lines would become one, and
// `<lan@example.com>` would not be seen. The same rule as on the server: ticketadmin/markup.py.
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

// Returns HTML that shows every character and line of a plain text; HTML stays as it is.
export function asHtml(text) {
  if (isMarkup(text)) return text;
  const lines = escaped(text.replace(/\r\n?/g, "\n").trim());
  if (!lines.includes("\n")) return lines;
  const paragraphs = lines.split(/\n[ \t]*\n\s*/);
  return paragraphs.map((part) => `<p>${part.replaceAll("\n", "<br>")}</p>`).join("");
}
