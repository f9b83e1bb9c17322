// Signs in with a session cookie, which also signs in an app on the same site that uses cookie mode.
import { account, ask, begin, endSession, fault, find, finish, on, requestedHere, say, token, turn, words } from './account.js';
import { hasPasskeys, NO_PASSKEY, passkey } from './passkey.js';

const delivery = { cookie: true };
let challenge;
let confirmationNumber;

/** Returns whether the link names this user. An attacker may send a link that names your account but signs you in to the attacker’s. */
function isNamed({ email, username }) {
  return [email, username].some((name) => name?.toLowerCase() === account.toLowerCase());
}

for (const place of document.querySelectorAll('.account')) place.textContent = account;

function greet({ email, username, hasPassword, secondFactors }) {
  const needsPassword = !hasPassword && !secondFactors.includes('PASSKEY');
  const password = needsPassword ? ' Your account has no password: you can set one in the app.' : '';
  finish('You are signed in', `You are signed in as ${email ?? username}. You can close this page and continue in the app.${password}`);
}

async function welcome(signedIn) {
  if (isNamed(signedIn.user)) {
    greet(signedIn.user);
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

/** Sends the second factor. Returns whether the proof was wrong. */
async function prove(proof) {
  const outcome = await ask('verifySecondFactor', { id: challenge.id, proof }, delivery);
  if (['INVALID_OTP', 'INVALID_CREDENTIALS'].includes(outcome.code)) return true;
  if (outcome.code === 'INVALID_TOKEN') turn(['Start again', 'This sign-in has expired. We can send you a new link.'], 'again');
  else if (outcome.code) say(words(outcome), 'bad');
  else await welcome(outcome);
  return false;
}

on(find('factor'), async () => {
  const input = find('code');
  fault(input, '');
  const code = input.value.replaceAll(/[\s-]/g, '');
  if (!code) { fault(input, 'Enter the code.'); return; }
  const proof = /^\p{Nd}{6}$/u.test(code) ? { totp: code } : { recoveryCode: code };
  if (await prove(proof)) fault(input, 'This code is wrong or was already used. Enter the next code from the app, or another recovery code.');
});

on(find('passkey'), async () => {
  const used = await passkey(challenge.passkeyOptions);
  if (!used || await prove({ passkey: used })) say(NO_PASSKEY, 'bad');
});

/** Asks for a second factor: first for a passkey, if there is one that works here. */
function askForFactor({ methods, passkeyOptions }) {
  const byPasskey = hasPasskeys && passkeyOptions;
  const codes = [
    methods.includes('TOTP') && 'the code that your authenticator app shows',
    methods.includes('RECOVERY_CODE') && 'a recovery code',
  ].filter(Boolean);
  const ways = [byPasskey && 'use your passkey', codes.length > 0 && `enter ${codes.join(', or ')}`].filter(Boolean);
  const lead = ways.join(', or ') || 'confirm with your passkey, on a device and in a browser that support passkeys';
  turn(['One more step', `${lead[0].toUpperCase()}${lead.slice(1)}.`], codes.length > 0 ? 'factor' : null);
  find('passkey').hidden = !byPasskey;
  if (byPasskey) find('passkey').querySelector('button').focus();
  else if (codes.length > 0) find('code').focus();
}

/** Signs in with a passkey instead of the link. The person chooses the account, so no link can mislead them. */
async function login() {
  const started = await ask('startPasskeyLogin', {});
  if (started.code) { say(words(started), 'bad'); return; }
  const credential = await passkey(started.options);
  if (!credential) { say(NO_PASSKEY, 'bad'); return; }
  const outcome = await ask('passkeyLogin', { id: started.id, credential }, delivery);
  if (outcome.code === 'INVALID_CREDENTIALS') say(outcome.message, 'bad');
  else if (outcome.code) say(words(outcome), 'bad');
  else greet(outcome.user);
}

find('login').hidden = !hasPasskeys;

/** If another browser requested the link, also offers to sign in there. The request must not change anything, because mail scanners open pages too. */
async function offerElsewhere() {
  const link = await ask('confirmLoginLink', { token, challengeId: requestedHere() });
  if (link.code || link.isRequestedHere) return;
  confirmationNumber = link.confirmationNumber;
  find('otp').textContent = link.otp;
  find('number').textContent = confirmationNumber;
  // below the first button, which must not move while somebody presses it
  find('elsewhere').hidden = false;
}

begin({
  isComplete: Boolean(token && account),
  send: (button) => (button === 'there'
    ? ask('confirmLoginLink', { token, confirmationNumber })
    : ask('activateAccount', { token }, delivery)),
  async done(outcome) {
    if (outcome.__typename === 'LoginLink') {
      finish('Continue on the other screen', 'You are being signed in where you requested the link. You can close this page.');
      return;
    }
    if (outcome.__typename !== 'SecondFactorChallenge') {
      await welcome(outcome);
      return;
    }
    challenge = outcome;
    askForFactor(outcome);
  },
  spent: ['This link no longer works', 'It has already been used or has expired. We can send you a new one.'],
  incomplete: ['Open the link again', 'This page needs the complete link from the email. If you no longer have the email, we can send you a new one.'],
  again: {
    operation: 'requestLoginCode',
    instead: login,
    sent: 'If you can sign in with this email address, we have sent you a link. Check your inbox and your spam folder.',
  },
});

if (token && account) offerElsewhere();
