// After a sign-in at the company's provider in a tab of its own: the tab that waits for it goes on.
new BroadcastChannel("session").postMessage("signed-in");
