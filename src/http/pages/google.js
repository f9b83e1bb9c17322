'use strict';

const find = (id) => document.getElementById(id);
const refused = '... on UserError { code message }';
// where Google sends people back to: this page, without what it was called with
const redirectUri = location.origin + location.pathname;

/** Asks the API. Where it does not answer with an outcome, the reason stands in `message`. */
async function ask(query, variables) {
  try {
    const answer = await fetch('graphql', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ query, variables }),
      credentials: 'omit',
    });
    const { data, errors } = await answer.json();
    return Object.values(data ?? {})[0] ?? { message: errors[0].message };
  } catch {
    return { message: 'The server does not answer. Try again in a moment.' };
  }
}

function say(text, kind) {
  find('notice').className = kind;
  find('notice').textContent = text;
  find('notice').hidden = false;
}

/** Sends the person to Google. What binds the answer to this browser stays here, and in no address. */
async function start() {
  const outcome = await ask(
    `mutation($redirectUri: String) { startGoogleLogin(redirectUri: $redirectUri) { __typename
      ... on GoogleAuthorization { authorizationUrl state codeVerifier } ${refused} } }`,
    { redirectUri },
  );
  if (outcome.__typename !== 'GoogleAuthorization') return say(outcome.message, 'bad');
  const { authorizationUrl, state, codeVerifier } = outcome;
  sessionStorage.setItem('google', JSON.stringify({ state, codeVerifier }));
  location.assign(authorizationUrl);
}

/** Ends what this browser has begun. Another's `state` is somebody's who would have this person sign in as themselves. */
async function finish(query) {
  const begun = JSON.parse(sessionStorage.getItem('google') ?? '{}');
  sessionStorage.removeItem('google');
  history.replaceState(null, '', location.pathname);
  const [code, state] = [query.get('code'), query.get('state')];
  if (!state || state !== begun.state) return say('This sign-in was not begun here. Begin again.', 'bad');
  if (!code) return say('Google was not allowed to say who you are.', 'bad');
  const outcome = await ask(
    `mutation($input: GoogleLoginInput!) { googleLogin(input: $input) { __typename
      ... on AuthPayload { user { email name } } ... on EmailChallenge { email } ${refused} } }`,
    { input: { authorizationCode: { code, state, codeVerifier: begun.codeVerifier } } },
  );
  switch (outcome.__typename) {
    case 'AuthPayload': return say(`Signed in as ${outcome.user.name ?? outcome.user.email}.`, 'good');
    case 'EmailChallenge': return say(`A mail to ${outcome.email} awaits its proof.`, 'good');
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
