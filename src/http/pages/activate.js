// Confirms an email address. Nobody stays signed in.
import { ask, begin, endSession, fault, find, finish, say, token, turn } from './account.js';

const page = begin({
  async send(button) {
    const password = find('password');
    fault(password, '');
    if (button === 'without') return ask('activateAccount', { token });
    if (password.value) return ask('activateAccount', { token, password: password.value });
    fault(password, 'Enter your password.');
    return undefined;
  },
  refused({ code }) {
    const isWrong = code === 'INVALID_CREDENTIALS';
    if (isWrong) fault(find('password'), 'This is not the password chosen at sign-up. Check it, or confirm without a password.');
    return isWrong;
  },
  async done(signedIn) {
    await endSession(signedIn);
    const { email, hasPassword } = signedIn.user;
    if (hasPassword) {
      finish('Your email address is confirmed', 'You can close this page and sign in.');
      return;
    }
    turn(['Your email address is confirmed', 'Your account has no password. We can email you a link to choose one.'], 'again');
    say('', '');
    page.resetInstead(email);
  },
  spent: ['This link no longer works', 'It has already been used or has expired. If you used it to confirm your email address, you can sign in now. Otherwise, we can send you a new link.'],
  incomplete: ['Open the link again', 'This page needs the complete link from the email. If you no longer have the email, we can send you a new one.'],
  again: {
    operation: 'resendActivationEmail',
    sent: 'If this email address still needs to be confirmed, we have sent you a new link. Check your inbox and your spam folder.',
  },
});
