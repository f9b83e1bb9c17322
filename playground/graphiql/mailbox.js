// The mailbox of a development server: its emails, and how many of them are new.
import { createStore } from './store.js';
import { takeMails } from './session.js';

const EVERY = 2000;

/** Whether the server has a mailbox, according to its page. */
export const hasMailbox = document.documentElement.dataset.mailbox !== undefined;

/** The emails, newest first. */
export const mails = createStore([]);

/** The ID of the newest email that was seen. */
export const seen = createStore(null, 'gatehouse:seen-mail');

/** Returns how many emails are newer than the last seen one. */
export function count(mails, seen) {
  const at = mails.findIndex((mail) => mail.id === seen);
  return at === -1 ? mails.length : at;
}

/** Marks all emails as seen. */
export function lookedAt() {
  seen.set(mails.get()[0]?.id ?? null);
}

let text = '';

/** Reads the mailbox, if there is one. */
export async function look() {
  if (!hasMailbox) return;
  try {
    const answer = await fetch('mailbox/api');
    const now = await answer.text();
    if (answer.ok && now !== text) {
      const isFirst = text === '';
      text = now;
      mails.set(JSON.parse(now));
      // emails from before the playground was opened are not new
      if (isFirst && seen.get() === null) lookedAt();
      takeMails(mails.get());
    }
  } catch {
    // the server is restarting, so try again later
  }
}

if (hasMailbox) {
  look();
  setInterval(() => { if (!document.hidden) look(); }, EVERY);
  document.addEventListener('visibilitychange', () => { if (!document.hidden) look(); });
}
