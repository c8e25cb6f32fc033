// Links to the tickets before and after this one, if it was opened from the list, which notes what it shows.
const place = document.querySelector("[data-neighbours]");
const query = sessionStorage.getItem("list");

if (place && query !== null && !place.firstElementChild) {
  const url = `${place.dataset.neighbours}?${query}`;
  const answer = await fetch(url, { headers: { "X-Requested-With": "XMLHttpRequest" } }).catch(() => null);
  if (answer?.ok && !answer.redirected) {
    const parsed = new DOMParser().parseFromString(await answer.text(), "text/html");
    place.replaceChildren(...parsed.body.childNodes);
  }
}
