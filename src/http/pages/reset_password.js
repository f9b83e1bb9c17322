// Sets a new password.
import { REFUSAL, RESET, ask, begin, fault, find, finish, token } from './account.js';

const reset = `mutation($input: ResetPasswordInput!) { resetPassword(input: $input) { __typename ${REFUSAL} } }`;

begin({
  async send() {
    const password = find('password');
    fault(password, '');
    if (password.value) return ask(reset, { input: { token, newPassword: password.value } });
    fault(password, 'Choose a password.');
    return undefined;
  },
  refused({ fields }) {
    const wrong = fields?.find(({ field }) => field === 'newPassword');
    if (wrong) fault(find('password'), wrong.message);
    return Boolean(wrong);
  },
  done: () => finish('Your new password is set', 'You can close this page, and sign in with it. You were signed out everywhere else.'),
  spent: ['This link no longer works', 'It was used already, or it has expired. If you have just set a password with it, sign in with that. If not, we can send you another link.'],
  incomplete: ['Forgot your password?', 'Enter your email address, and we’ll send you a link to choose a new one.'],
  again: RESET,
});

ask('{ authSettings { passwordMinLength } }').then(({ passwordMinLength }) => {
  if (passwordMinLength) find('least').textContent = passwordMinLength;
});
