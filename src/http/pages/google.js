'use strict';

const find = (id) => document.getElementById(id);
// the address of this page without query parameters, to which Google sends people back
const redirectUri = location.origin + location.pathname;

/** Runs an operation and returns its result, or an object with a `message` if there is none. */
async function ask(operation, variables) {
  try {
    const answer = await fetch(`op/${operation}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(variables),
      credentials: 'omit',
    });
    const { data, errors } = await answer.json();
    return data?.answer ?? { message: errors[0].message };
  } catch {
    return { message: 'The server is not responding. Try again in a moment.' };
  }
}

function say(text, kind) {
  find('notice').className = kind;
  find('notice').textContent = text;
  find('notice').hidden = false;
}

/** Sends the person to Google. The values that bind the response to this browser are kept in `sessionStorage`. */
async function start() {
  const outcome = await ask('startProviderLogin', { provider: 'google', redirectUri });
  if (outcome.__typename !== 'ProviderAuthorization') return say(outcome.message, 'bad');
  const { authorizationUrl, state, codeVerifier } = outcome;
  sessionStorage.setItem('google', JSON.stringify({ state, codeVerifier }));
  location.assign(authorizationUrl);
}

/** Completes the sign-in that this browser started. A response with a foreign `state` could sign the person in to an attacker's account. */
async function finish(query) {
  const begun = JSON.parse(sessionStorage.getItem('google') ?? '{}');
  sessionStorage.removeItem('google');
  history.replaceState(null, '', location.pathname);
  const [code, state] = [query.get('code'), query.get('state')];
  if (!state || state !== begun.state) return say('This sign-in was not started in this browser. Start again.', 'bad');
  if (!code) return say('You did not allow Google to confirm your identity.', 'bad');
  const authorizationCode = { code, state, codeVerifier: begun.codeVerifier };
  const outcome = await ask('providerLogin', { input: { provider: 'google', proof: { authorizationCode } } });
  switch (outcome.__typename) {
    case 'AuthPayload': return say(`Signed in as ${outcome.user.name ?? outcome.user.email}.`, 'good');
    case 'EmailChallenge': return say(`We sent an email to ${outcome.email}. Use it to confirm your email address.`, 'good');
    case 'SecondFactorChallenge': return say('Google has confirmed your identity. This account also has a second factor, which this page cannot ask for. Sign in at /demo instead.', 'good');
    default: return say(outcome.message, 'bad');
  }
}

const button = find('start').querySelector('button');
async function once(run) {
  if (button.getAttribute('aria-disabled')) return;
  button.setAttribute('aria-disabled', 'true');
  try {
    await run();
  } finally {
    button.removeAttribute('aria-disabled');
  }
}

find('start').addEventListener('submit', (event) => {
  event.preventDefault();
  once(start);
});
const query = new URLSearchParams(location.search);
if (query.size > 0) once(() => finish(query));
