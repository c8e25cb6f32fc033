// What a form held when the server sent it. On a slow machine people type before the scripts listen:
// what they typed is found by comparing, not by waiting for the next key.
export function asServed(form) {
  const copy = form.cloneNode(true);
  copy.reset();
  return new FormData(copy);
}
