// Undoes a security change. Nobody is signed in.
import { RESET, ask, begin, fault, find, finish, query, say, token as inLink } from './account.js';

// While the person is at a provider, this tab stores the link's token. A different `state` belongs to a visit started elsewhere.
const begun = JSON.parse(sessionStorage.getItem('undo') ?? '{}');
sessionStorage.removeItem('undo');
const isBack = Boolean(query.get('state')) && query.get('state') === begun.state;
const token = isBack ? begun.token : inLink;
/** The authorization code from the provider, which works once. */
let code = isBack ? query.get('code') : null;

async function goTo(provider) {
  const outcome = await ask('startProviderLogin', { provider, redirectUri: location.origin + location.pathname });
  if (outcome.code === 'INVALID_INPUT' || outcome.code === 'NOT_ENABLED') {
    find('providers').replaceChildren();
    say('This provider is not set up for this page. Contact the people who run this service.', 'bad');
    return undefined;
  }
  if (outcome.code) return outcome;
  const { authorizationUrl, state, codeVerifier } = outcome;
  sessionStorage.setItem('undo', JSON.stringify({ token, provider, state, codeVerifier }));
  location.assign(authorizationUrl);
  return undefined;
}

async function showProofs() {
  find('former').hidden = false;
  find('password').focus();
  const { providers } = await ask('authSettings', {});
  find('providers').replaceChildren(...(providers ?? []).map(({ id, name }) => {
    const button = document.createElement('button');
    Object.assign(button, { type: 'submit', value: id, className: 'plain', textContent: `Use the linked ${name} account instead` });
    return button;
  }));
}

begin({
  isComplete: Boolean(token),
  async send(button) {
    const password = find('password');
    fault(password, '');
    if (code) {
      const authorizationCode = { code, state: begun.state, codeVerifier: begun.codeVerifier };
      code = null;
      return ask('revertSecurityChange', { token, proof: { identity: { provider: begun.provider, proof: { authorizationCode } } } });
    }
    if (button) return goTo(button);
    if (find('former').hidden) return ask('revertSecurityChange', { token });
    if (password.value) return ask('revertSecurityChange', { token, proof: { password: password.value } });
    fault(password, 'Enter the password the account had before the change.');
    return undefined;
  },
  refused({ code: reason }) {
    const byProvider = isBack && !find('password').value;
    switch (reason) {
      case 'REAUTHENTICATION_REQUIRED':
        showProofs();
        return true;
      case 'INVALID_CREDENTIALS':
        if (byProvider) say('You could not sign in with that account before the change. Try a different one.', 'bad');
        else fault(find('password'), 'This is not the password the account had before the change.');
        return true;
      case 'PROVIDER_REJECTED':
        say('The provider did not confirm who you are. Try again.', 'bad');
        return true;
      case 'EMAIL_TAKEN':
        say('The change cannot be undone: another account now uses the previous email address.', 'bad');
        return true;
      default:
        return false;
    }
  },
  done: ({ email }) => finish(
    'The change has been undone',
    `All devices are signed out, and the account has no password. To choose a new one, open the link that we have sent to ${email}.`,
  ),
  spent: ['This link no longer works', 'It has already been used or is older than 72 hours. If someone else has access to your account, reset your password: we can email you a link.'],
  incomplete: ['Open the link again', 'This page needs the complete link from the email. If you no longer have the email, reset your password: we can email you a link.'],
  again: RESET,
});

if (isBack) {
  showProofs();
  if (code) find('proof').requestSubmit();
  else say('You did not allow the provider to confirm your identity.', 'bad');
}
