// The mailbox of development mode, where the server has one: its mails, and how many of them are new.
import { createStore } from './store.js';
import { takeMails } from './session.js';

const EVERY = 2000;

/** Whether there is one: the server says so in its page. */
export const hasMailbox = document.documentElement.dataset.mailbox !== undefined;

/** The mails, the newest first. */
export const mails = createStore([]);

/** The newest mail that has been looked at. */
export const seen = createStore(null, 'gatehouse:seen-mail');

/** How many are newer than that. */
export function count(mails, seen) {
  const at = mails.findIndex((mail) => mail.id === seen);
  return at === -1 ? mails.length : at;
}

/** Notes that all have been looked at. */
export function lookedAt() {
  seen.set(mails.get()[0]?.id ?? null);
}

let text = '';

/** Looks into it, where there is one. */
export async function look() {
  if (!hasMailbox) return;
  try {
    const answer = await fetch('mailbox/api');
    const now = await answer.text();
    if (answer.ok && now !== text) {
      const isFirst = text === '';
      text = now;
      mails.set(JSON.parse(now));
      // mails from before the playground was opened are not news
      if (isFirst && seen.get() === null) lookedAt();
      takeMails(mails.get());
    }
  } catch {
    // the server is being restarted: look again
  }
}

if (hasMailbox) {
  look();
  setInterval(() => { if (!document.hidden) look(); }, EVERY);
  document.addEventListener('visibilitychange', () => { if (!document.hidden) look(); });
}
