// Requests of scripts, and what to do when the session ended: sign in within a dialog, then continue.
const page = document.documentElement;
const dialog = document.querySelector("[data-session-sign-in]");

export class SignedOut extends Error {}
export class Unreachable extends Error {}

// Another user is signed in now, in a page whose text exists nowhere else. `token` is of their session: only
// the dialog for signing in may send it.
export class OtherUser extends Unreachable {
  constructor(token) {
    super();
    this.token = token;
  }
}

const setToken = (token) => {
  for (const input of document.querySelectorAll("input[name=csrfmiddlewaretoken]")) input.value = token;
};
const token = () => document.querySelector("input[name=csrfmiddlewaretoken]")?.value ?? "";

async function ask(url, options = {}, sent = token()) {
  try {
    return await fetch(url, {
      credentials: "same-origin",
      redirect: "error",
      ...options,
      headers: { "X-Requested-With": "XMLHttpRequest", "X-CSRFToken": sent, ...options.headers },
    });
  } catch {
    throw new Unreachable();
  }
}

// Another tab may have signed in again, which changes the token, or another user may have signed in, or every
// cookie is gone. Rejects with SignedOut, and then the form of the dialog has the token for signing in. For
// another user the page is loaded again, unless a form without drafts would go with it: then it rejects with
// OtherUser.
export async function checkSession() {
  const answer = await (await ask(page.dataset.sessionUrl)).json().catch(() => {
    throw new Unreachable(); // a page of a proxy
  });
  if (String(answer.person ?? "") !== page.dataset.sessionPerson) {
    if (answer.person === null) {
      setToken(answer.token);
      throw new SignedOut();
    }
    if (document.querySelector("form[data-guard]")) throw new OtherUser(answer.token);
    location.reload();
    return new Promise(() => {});
  }
  setToken(answer.token);
}

// Post a form's data. Resolves with the answer, whatever its status; rejects with SignedOut or Unreachable.
// Only a refused token is tried again: any other 403 is an answer, perhaps of the CRM.
export async function post(url, data, isSecondTry = false, sent = token()) {
  data.set("csrfmiddlewaretoken", sent);
  const answer = await ask(url, { method: "POST", body: data }, sent);
  if (answer.status === 401) throw new SignedOut();
  if (answer.headers.has("X-Token-Refused") && !isSecondTry) {
    await checkSession();
    return post(url, data, true);
  }
  return answer;
}

// Post the dialog's form. Its token may be refused, too; that nobody or another user is signed in is no
// obstacle to signing in.
async function postSignIn(form) {
  try {
    return await post(form.action, new FormData(form));
  } catch (error) {
    if (error instanceof OtherUser) return post(form.action, new FormData(form), true, error.token);
    if (!(error instanceof SignedOut)) throw error;
    return post(form.action, new FormData(form));
  }
}

// Say beside a button that the server cannot be reached; nothing was sent. Returns false.
export function sayUnreachable(button) {
  const place = document.createElement("p");
  place.className = "field__errors";
  place.setAttribute("role", "alert");
  if (button.nextElementSibling?.matches("[role=alert]")) button.nextElementSibling.remove();
  button.after(place);
  place.textContent = dialog.dataset.sessionUnreachable;
  return false;
}

// Put a fragment that our server rendered in the place of what is there.
export function put(place, html) {
  place.replaceChildren(...new DOMParser().parseFromString(html, "text/html").body.childNodes);
}

// People whom the company's provider signs in do so in another tab; any tab may be faster than this one.
function listenForOtherTabs(problem) {
  const look = () =>
    checkSession().then(
      () => dialog.close("signed-in"),
      (error) => {
        if (error instanceof OtherUser) problem.textContent = dialog.dataset.sessionOther;
      },
    );
  const channel = new BroadcastChannel("session");
  channel.addEventListener("message", look);
  addEventListener("focus", look);
  return () => {
    channel.close();
    removeEventListener("focus", look);
  };
}

// Show the box for the password or, once that was right, the one for the code of the user's app.
function askFor(form, name, url) {
  form.dataset.sessionPasswordUrl ??= form.action;
  form.action = url ?? form.dataset.sessionPasswordUrl;
  for (const input of form.querySelectorAll("[name=password], [name=code]")) {
    input.disabled = input.name !== name;
    input.closest(".field").hidden = input.disabled;
    input.value = "";
  }
  form.querySelector(`[name=${name}]`)?.focus();
}

// Open the dialog once; every caller waits for the same sign-in. Resolves with whether the same user is
// back; false where the dialog was closed, so that its caller can offer the button again.
let waiting = null;
export function signIn(isOther = false) {
  waiting ??= new Promise((resolve) => {
    const form = dialog.querySelector("form");
    const problem = dialog.querySelector("[data-session-problem]");
    dialog.returnValue = "";
    problem.textContent = isOther ? dialog.dataset.sessionOther : "";
    dialog.showModal();
    dialog.querySelector("input[type=password], [data-session-elsewhere]").focus();
    const stopListening = listenForOtherTabs(problem);
    dialog.addEventListener(
      "close",
      () => {
        stopListening();
        waiting = null;
        resolve(dialog.returnValue === "signed-in");
      },
      { once: true },
    );
    form.onsubmit = async (event) => {
      event.preventDefault();
      event.stopPropagation();
      if (form.dataset.sessionSending !== undefined) return;
      form.dataset.sessionSending = "";
      problem.textContent = "";
      try {
        const answer = await postSignIn(form);
        const content = await answer.json();
        if (answer.status !== 200) {
          problem.textContent = content.problem;
          if (content.starts_again) askFor(form, "password");
          return;
        }
        if (content.code_url) {
          setToken(content.token);
          askFor(form, "code", content.code_url);
          return;
        }
        if (String(content.person) !== page.dataset.sessionPerson) {
          await checkSession();
          return;
        }
        setToken(content.token);
        form.reset();
        askFor(form, "password");
        dialog.close("signed-in");
      } catch (error) {
        const { sessionOther, sessionUnreachable } = dialog.dataset;
        problem.textContent = error instanceof OtherUser ? sessionOther : sessionUnreachable;
      } finally {
        delete form.dataset.sessionSending;
      }
    };
  });
  return waiting;
}
