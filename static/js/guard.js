// Forms that keep no draft: before one is sent, its session is checked and, if it has ended, begun again in
// the page; so where another user is signed in now, in whose name it must not go. The sign-in page could not
// bring back what was typed.
import { checkSession, OtherUser, SignedOut, sayUnreachable, signIn } from "./session.js";

async function isSignedIn() {
  try {
    await checkSession();
  } catch (error) {
    if (!(error instanceof SignedOut || error instanceof OtherUser)) throw error;
    return signIn(error instanceof OtherUser);
  }
  return true;
}

document.addEventListener(
  "submit",
  async (event) => {
    const { target: form, submitter } = event;
    if (form.dataset.guard === undefined || form.dataset.guardState === "checked") return;
    event.preventDefault();
    event.stopImmediatePropagation();
    if (form.dataset.guardState) return;
    form.dataset.guardState = "checking";
    submitter?.setAttribute("aria-busy", "true");
    const maySend = await isSignedIn().catch(() => sayUnreachable(submitter ?? form.lastElementChild));
    submitter?.removeAttribute("aria-busy");
    if (maySend) {
      form.dataset.guardState = "checked";
      form.requestSubmit(submitter);
    }
    delete form.dataset.guardState;
  },
  true,
);
