// Undoes a security change. It signs nobody in.
import { REFUSAL, RESET, ask, begin, fault, find, finish, say, token } from './account.js';

const revert = `mutation($token: String!, $proof: ReauthenticationProof) { revertSecurityChange(token: $token, proof: $proof) {
  __typename ... on EmailChallenge { email } ${REFUSAL} } }`;

begin({
  async send() {
    const password = find('password');
    if (find('former').hidden) return ask(revert, { token });
    fault(password, '');
    if (password.value) return ask(revert, { token, proof: { password: password.value } });
    fault(password, 'Enter the password that the account had before the change.');
    return undefined;
  },
  refused({ code }) {
    if (code === 'REAUTHENTICATION_REQUIRED') {
      find('former').hidden = false;
      find('password').focus();
      return true;
    }
    if (code === 'INVALID_CREDENTIALS') {
      fault(find('password'), 'The account had another password before the change.');
      return true;
    }
    if (code === 'EMAIL_TAKEN') {
      say('The change cannot be undone: another account has the former email address now.', 'bad');
      return true;
    }
    return false;
  },
  done: ({ email }) => finish(
    'The change is undone',
    `All devices are signed out, and the account has no password. A link to choose a new one is on its way to ${email}.`,
  ),
  spent: ['This link no longer works', 'It was used already, or it is older than 72 hours. If somebody else can use your account, reset your password: we can email you a link.'],
  incomplete: ['Open the link again', 'This page needs the complete link from the mail. If you no longer have the mail, reset your password: we can email you a link.'],
  again: RESET,
});
