// Shared by the pages that links in emails open. Each page is a module that imports this one.

// The token is in the fragment, which browsers never send to a server. Remove it from the address bar before anything else.
const link = new URLSearchParams(location.hash.slice(1));
export const token = link.get('token') ?? '';
/** The account that a sign-in link names. */
export const account = link.get('account') ?? '';
/** The query parameters of the page, which are also removed from the address bar. */
export const query = new URLSearchParams(location.search);
history.replaceState(null, '', location.pathname);
// opening another link in this tab changes only the fragment
addEventListener('hashchange', () => location.reload());

export const find = (id) => document.getElementById(id);
/** The operation that sends a password reset link, and the message that confirms it. */
export const RESET = {
  operation: 'requestPasswordReset',
  sent: 'If there is an account with this email address, we have sent you a link. Check your inbox and your spam folder.',
};

const KEPT = 'gatehouse pages challenges';

/**
 * Returns the ID of the newest `SIGN_IN` challenge that this browser requested, on these pages or in an app on this site that uses
 * the TypeScript client.
 */
export function requestedHere() {
  for (const name of [KEPT, ...Object.keys(localStorage)].filter((key) => /^gatehouse .* challenges$/.test(key))) {
    try {
      const found = JSON.parse(localStorage.getItem(name) ?? '[]').findLast(({ purpose }) => purpose === 'SIGN_IN');
      if (found) return found.id;
    } catch { /* written by another program */ }
  }
  return undefined;
}

/** Runs an operation and returns its result, or an object with a `code` if there is none. */
export async function ask(operation, variables, { cookie = false, accessToken } = {}) {
  let body;
  try {
    const answer = await fetch(`op/${operation}`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        ...(cookie && { 'x-token-delivery': 'cookie' }),
        ...(accessToken && { authorization: `Bearer ${accessToken}` }),
      },
      body: JSON.stringify(variables),
      credentials: cookie ? 'same-origin' : 'omit',
      signal: AbortSignal.timeout(20000),
    });
    body = await answer.json();
  } catch {
    return { code: 'UNREACHABLE' };
  }
  return body.data?.answer ?? { code: 'FAILED' };
}

/** Ends the session that the link opened. Returns whether it has ended. */
export async function endSession({ accessToken, refreshToken }, delivery) {
  for (let tries = 0; tries < 3; tries += 1) {
    const ended = await ask('logout', { refreshToken }, { ...delivery, accessToken });
    if (ended.endedSessionIds) return true;
    await new Promise((resume) => { setTimeout(resume, 500); });
  }
  return false;
}

function wait(seconds) {
  const minutes = Math.ceil(seconds / 60);
  if (seconds < 90) return `${seconds} second${seconds === 1 ? '' : 's'}`;
  return minutes < 90 ? `${minutes} minutes` : `${Math.ceil(minutes / 60)} hours`;
}

/** Returns a message that says what went wrong and what to do about it. */
export function words({ code, message, retryAfter }) {
  switch (code) {
    case 'UNREACHABLE': return 'The server is not responding. Check your connection and try again.';
    case 'RATE_LIMITED': return `Too many attempts. Try again in ${wait(retryAfter ?? 60)}.`;
    case 'SERVER_BUSY': return 'The server is busy. Try again in a moment.';
    case 'ACCOUNT_DISABLED': return 'This account is deactivated. Contact the people who run this service.';
    case 'EMAIL_TAKEN': return 'Another account now uses this email address. Sign in to that account, or use a different email address.';
    case 'PROVIDER_UNAVAILABLE': return 'The provider is not responding. Try again in a moment.';
    case 'NOT_ENABLED': return 'This service does not accept this kind of link. Sign in to continue.';
    case 'INVALID_INPUT': return message;
    default: return 'Something went wrong on the server. Try again in a minute.';
  }
}

export function say(text, kind) {
  const notice = find('notice');
  notice.className = kind;
  notice.textContent = text;
  notice.hidden = !text;
}

function head(title, lead) {
  find('title').textContent = title;
  find('lead').textContent = lead;
  find('lead').hidden = !lead;
}

/** Shows the form with this id and hides the others; `null` hides all. */
function show(id) {
  for (const form of document.forms) form.hidden = form.id !== id;
}

/** Replaces the title and the lead, and shows the form with this id, if any. */
export function turn([title, lead], form) {
  head(title, lead);
  show(form);
  find('title').focus();
}

/** Shows that the page has done its work. */
export function finish(title, text) {
  turn([title, ''], null);
  say(text, 'good');
}

/** Marks an input as invalid, or clears the mark if `text` is empty. */
export function fault(input, text) {
  const place = find(`${input.id}-fault`);
  place.textContent = text;
  place.hidden = !text;
  if (text) {
    input.setAttribute('aria-invalid', 'true');
    input.focus();
  } else {
    input.removeAttribute('aria-invalid');
  }
}

/** Calls `run` with the value of the pressed button when the form is submitted, one call at a time. */
export function on(form, run) {
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    const buttons = [...form.querySelectorAll('button')];
    if (buttons.some((button) => button.getAttribute('aria-disabled'))) return;
    for (const button of buttons) button.setAttribute('aria-disabled', 'true');
    say('', '');
    try {
      await run(event.submitter?.value);
    } finally {
      for (const button of buttons) button.removeAttribute('aria-disabled');
    }
  });
}

/**
 * Sets up the page. `send(button)` submits the proof and returns its result. `done` shows a success. `refused` shows a refusal
 * and returns whether it did. `spent` and `incomplete` are pairs of a title and a lead. `again` describes
 * the form that sends another link: its operation and its message. `again.instead` is called for the other button of that form.
 */
export function begin({ send, done, refused = () => false, spent, incomplete, again, isComplete = Boolean(token) }) {
  let mail = again;
  on(find('proof'), async (button) => {
    const outcome = await send(button);
    if (!outcome) return;
    if (outcome.code === 'INVALID_TOKEN') turn(spent, 'again');
    else if (!outcome.code) await done(outcome);
    else if (!refused(outcome)) say(words(outcome), 'bad');
  });
  on(find('again'), async (button) => {
    if (button) return again.instead();
    const email = find('email');
    fault(email, '');
    if (!email.value.trim()) { fault(email, 'Enter your email address.'); return; }
    const outcome = await ask(mail.operation, { email: email.value });
    if (outcome.__typename === 'EmailChallenge') {
      if (outcome.purpose === 'SIGN_IN') localStorage.setItem(KEPT, JSON.stringify([{ purpose: outcome.purpose, id: outcome.id }]));
      say(mail.sent, 'good');
    } else if (outcome.fields?.length) {
      fault(email, outcome.fields[0].message);
    } else {
      say(words(outcome), 'bad');
    }
  });
  find('show')?.addEventListener('change', ({ target }) => {
    find('password').type = target.checked ? 'text' : 'password';
  });
  if (isComplete) {
    show('proof');
  } else {
    head(...incomplete);
    show('again');
  }
  return {
    /** Makes the second form send a password reset link, and fills in this email address. */
    resetInstead(email) {
      mail = RESET;
      find('email').value = email ?? '';
    },
  };
}
