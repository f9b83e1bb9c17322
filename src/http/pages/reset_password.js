// Sets a new password.
import { RESET, ask, begin, fault, find, finish, token } from './account.js';

begin({
  async send() {
    const password = find('password');
    fault(password, '');
    if (password.value) return ask('resetPassword', { input: { token, newPassword: password.value } });
    fault(password, 'Choose a password.');
    return undefined;
  },
  refused({ fields }) {
    const wrong = fields?.find(({ field }) => field === 'newPassword');
    if (wrong) fault(find('password'), wrong.message);
    return Boolean(wrong);
  },
  done: () => finish('Your new password is set', 'You can close this page and sign in with your new password. You have been signed out everywhere.'),
  spent: ['This link no longer works', 'It has already been used or has expired. If you just used it to set a password, sign in with that password. Otherwise, we can send you a new link.'],
  incomplete: ['Forgot your password?', 'Enter your email address and we’ll send you a link to choose a new password.'],
  again: RESET,
});

ask('authSettings', {}).then(({ passwordMinLength }) => {
  if (passwordMinLength) find('least').textContent = passwordMinLength;
});
