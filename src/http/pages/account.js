'use strict';

// The token stands in the fragment, which reaches no server. It is taken out of the address bar before anything else.
const token = new URLSearchParams(location.hash.slice(1)).get('token') ?? '';
history.replaceState(null, '', location.pathname);
// another link that is opened here changes the fragment alone
addEventListener('hashchange', () => location.reload());

const find = (id) => document.getElementById(id);
const refused = '... on UserError { code message retryAfter fields { field message } }';

const pages = {
  activate: {
    mutation: `mutation($token: String!) { activateAccount(token: $token) { __typename
      ... on AuthPayload { refreshToken user { email hasPassword } } ${refused} } }`,
    variables: () => ({ token }),
    again: `mutation($email: String!) { resendActivationEmail(email: $email) { __typename ${refused} } }`,
    sent: 'If this address awaits its confirmation, a new link is on its way. Look into your mailbox, and into its spam folder too.',
    incomplete: ['Open the link once more', 'This page needs the link from the mail: open it again. If you no longer have the mail, we send you another.'],
    spent: ['This link no longer works', 'It was used already, or it has expired. If you confirmed your address with it, there is nothing left to do: sign in. If not, we send you another link.'],
    done: activated,
  },
  'reset-password': {
    mutation: `mutation($input: ResetPasswordInput!) { resetPassword(input: $input) { __typename ${refused} } }`,
    variables: () => ({ input: { token, newPassword: find('password').value } }),
    again: `mutation($email: String!) { requestPasswordReset(email: $email) { __typename ${refused} } }`,
    sent: 'If there is an account with this address, a link is on its way. Look into your mailbox, and into its spam folder too.',
    incomplete: ['Forgot your password?', 'Tell us your address, and we send you a link by which you choose a new one.'],
    spent: ['This link no longer works', 'It was used already, or it has expired. If you have just set a password with it, sign in with that. If not, we send you another link.'],
    done: () => finish('Your new password is set', 'You can close this page, and sign in with it. You were signed out everywhere else.'),
  },
};
const page = pages[document.body.dataset.page];

/** Asks the API. Where it does not answer with an outcome, the reason stands in `code`. */
async function ask(query, variables) {
  let body;
  try {
    const answer = await fetch('graphql', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ query, variables }),
      credentials: 'omit',
      signal: AbortSignal.timeout(20000),
    });
    body = await answer.json();
  } catch {
    return { code: 'UNREACHABLE' };
  }
  const outcome = Object.values(body.data ?? {})[0];
  return outcome ?? { code: 'FAILED' };
}

function wait(seconds) {
  const minutes = Math.ceil(seconds / 60);
  if (seconds < 90) return `${seconds} second${seconds === 1 ? '' : 's'}`;
  return minutes < 90 ? `${minutes} minutes` : `${Math.ceil(minutes / 60)} hours`;
}

/** What went wrong, in words, and the way on. */
function words({ code, message, retryAfter }) {
  switch (code) {
    case 'UNREACHABLE': return 'The server does not answer. Check your connection, and try again.';
    case 'RATE_LIMITED': return `That was too often in too short a time. Try again in ${wait(retryAfter ?? 60)}.`;
    case 'SERVER_BUSY': return 'The server is busy. Try again in a moment.';
    case 'ACCOUNT_DISABLED': return 'This account is deactivated. Turn to those who run this service.';
    case 'EMAIL_TAKEN': return 'Another account has this address by now. Sign in to that one, or choose another address.';
    case 'NOT_ENABLED': return 'Links like this one are switched off here. Sign in, and you are told how to go on.';
    case 'INVALID_INPUT': return message;
    default: return 'The server could not do this. Try again in a minute.';
  }
}

function say(text, kind) {
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

/** Shows one form, or none. */
function show(form) {
  for (const id of ['proof', 'again']) find(id).hidden = id !== form;
}

function finish(title, text) {
  head(title, '');
  say(text, 'good');
  show(null);
  find('title').focus();
}

function fault(input, text) {
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

/** The page signs nobody in: the session that the proof has opened is ended at once. */
async function activated({ refreshToken, user }) {
  const logout = 'mutation($token: String) { logout(refreshToken: $token) { endedSessionIds } }';
  for (let tries = 0; tries < 3; tries += 1) {
    const ended = await ask(logout, { token: refreshToken });
    if (ended.endedSessionIds) break;
    await new Promise((resume) => { setTimeout(resume, 500); });
  }
  if (user.hasPassword) {
    finish('Your address is confirmed', 'You can close this page, and sign in.');
    return;
  }
  // several people signed up with this address, and it is not known which of them proved it
  head('Your address is confirmed', 'Your account has no password yet. We send you a link by which you choose one.');
  say('', '');
  page.again = pages['reset-password'].again;
  page.sent = pages['reset-password'].sent;
  find('email').value = user.email ?? '';
  show('again');
  find('title').focus();
}

/** Runs what a form is for, once at a time. */
function on(form, run) {
  const button = form.querySelector('button');
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    if (button.getAttribute('aria-disabled')) return;
    button.setAttribute('aria-disabled', 'true');
    say('', '');
    try {
      await run();
    } finally {
      button.removeAttribute('aria-disabled');
    }
  });
}

on(find('proof'), async () => {
  const password = find('password');
  if (password) {
    fault(password, '');
    if (!password.value) { fault(password, 'Choose a password.'); return; }
  }
  const outcome = await ask(page.mutation, page.variables());
  const wrong = outcome.fields?.find(({ field }) => field === 'newPassword');
  if (outcome.__typename === 'AuthPayload' || outcome.__typename === 'PasswordChanged') {
    await page.done(outcome);
  } else if (outcome.code === 'INVALID_TOKEN') {
    head(...page.spent);
    show('again');
    find('title').focus();
  } else if (password && wrong) {
    fault(password, wrong.message);
  } else {
    say(words(outcome), 'bad');
  }
});

on(find('again'), async () => {
  const email = find('email');
  fault(email, '');
  if (!email.value.trim()) { fault(email, 'Type in your address.'); return; }
  const outcome = await ask(page.again, { email: email.value });
  if (outcome.__typename === 'EmailChallenge') {
    say(page.sent, 'good');
  } else if (outcome.fields?.length) {
    fault(email, outcome.fields[0].message);
  } else {
    say(words(outcome), 'bad');
  }
});

find('show')?.addEventListener('change', ({ target }) => {
  find('password').type = target.checked ? 'text' : 'password';
});

if (token) {
  show('proof');
} else {
  head(...page.incomplete);
  show('again');
}
if (find('least')) {
  ask('{ authSettings { passwordMinLength } }').then(({ passwordMinLength }) => {
    if (passwordMinLength) find('least').textContent = passwordMinLength;
  });
}
