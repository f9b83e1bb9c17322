// Signs in with a session cookie, which also signs in an app on the same site that uses cookie mode.
import { account, ask, begin, endSession, fault, find, finish, on, say, token, turn, words } from './account.js';

const delivery = { cookie: true };
let challengeId;

/** An attacker may send a link that names your account but opens the attacker’s, to see what you enter there. */
function isNamed({ email, username }) {
  return [email, username].some((name) => name?.toLowerCase() === account.toLowerCase());
}

for (const place of document.querySelectorAll('.account')) place.textContent = account;

async function welcome(signedIn) {
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
}

on(find('factor'), async () => {
  const input = find('code');
  fault(input, '');
  const code = input.value.replaceAll(/[\s-]/g, '');
  if (!code) { fault(input, 'Enter the code.'); return; }
  const proof = /^\p{Nd}{6}$/u.test(code) ? { totp: code } : { recoveryCode: code };
  const outcome = await ask('verifySecondFactor', { id: challengeId, proof }, delivery);
  if (outcome.code === 'INVALID_OTP') fault(input, 'This code is wrong or was already used. Enter the next code from the app, or another recovery code.');
  else if (outcome.code === 'INVALID_TOKEN') turn(['Start again', 'This sign-in has expired. We can send you a new link.'], 'again');
  else if (outcome.code) say(words(outcome), 'bad');
  else await welcome(outcome);
});

begin({
  isComplete: Boolean(token && account),
  send: () => ask('activateAccount', { token }, delivery),
  async done(outcome) {
    if (outcome.__typename !== 'SecondFactorChallenge') {
      await welcome(outcome);
      return;
    }
    challengeId = outcome.id;
    turn(['One more step', 'Enter the code that your authenticator app shows, or a recovery code.'], 'factor');
    find('code').focus();
  },
  spent: ['This link no longer works', 'It has already been used or has expired. We can send you a new one.'],
  incomplete: ['Open the link again', 'This page needs the complete link from the email. If you no longer have the email, we can send you a new one.'],
  again: {
    operation: 'requestLoginCode',
    sent: 'If there is an account with this email address, we have sent you a link. Check your inbox and your spam folder.',
  },
});
