// Signs in with a session cookie, which also signs in an app on the same site that uses cookie mode.
import { account, ask, begin, endSession, find, finish, say, token, turn } from './account.js';

const delivery = { cookie: true };

/** An attacker may send a link that names your account but opens the attacker’s, to see what you enter there. */
function isNamed({ email, username }) {
  return [email, username].some((name) => name?.toLowerCase() === account.toLowerCase());
}

for (const place of document.querySelectorAll('.account')) place.textContent = account;

begin({
  isComplete: Boolean(token && account),
  send: () => ask('activateAccount', { token }, delivery),
  async done(signedIn) {
    const { user } = signedIn;
    if (isNamed(user)) {
      const password = user.hasPassword ? '' : ' Your account has no password: you can set one in the app.';
      finish('You are signed in', `You are signed in as ${user.email ?? user.username}. You can close this page and continue in the app.${password}`);
      return;
    }
    const isOver = await endSession(signedIn, delivery);
    turn(['Do not trust this link', ''], null);
    say(
      isOver
        ? `This link does not belong to ${account}. It belongs to someone else’s account. You are not signed in.`
        : `This link does not belong to ${account}. It belongs to someone else’s account. Sign out of the app before you do anything else.`,
      'bad',
    );
  },
  spent: ['This link no longer works', 'It has already been used or has expired. We can send you a new one.'],
  incomplete: ['Open the link again', 'This page needs the complete link from the email. If you no longer have the email, we can send you a new one.'],
  again: {
    operation: 'requestLoginCode',
    sent: 'If there is an account with this email address, we have sent you a link. Check your inbox and your spam folder.',
  },
});
