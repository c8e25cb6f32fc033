// After a sign-in at the company's provider in a separate tab: the tab that waits for it continues.
new BroadcastChannel("session").postMessage("signed-in");
