// Signs in, in this browser: an app of the same site that keeps its session in a cookie is signed in, too.
import { REFUSAL, account, ask, begin, endSession, find, finish, say, token, turn } from './account.js';

const activate = `mutation($token: String!) { activateAccount(token: $token) {
  __typename ... on AuthPayload { accessToken refreshToken user { email username hasPassword } } ${REFUSAL} } }`;
const delivery = { cookie: true };

/** Somebody may have put another name into the link of their own account, to see what its reader does there. */
function isNamed({ email, username }) {
  return [email, username].some((name) => name?.toLowerCase() === account.toLowerCase());
}

for (const place of document.querySelectorAll('.account')) place.textContent = account;

begin({
  isComplete: Boolean(token && account),
  send: () => ask(activate, { token }, delivery),
  async done(signedIn) {
    const { user } = signedIn;
    if (isNamed(user)) {
      const password = user.hasPassword ? '' : ' Your account has no password: you can set one there.';
      finish('You are signed in', `You are signed in as ${user.email ?? user.username}. You can close this page, and go on in the app.${password}`);
      return;
    }
    const isOver = await endSession(signedIn, delivery);
    turn(['Do not trust this link', ''], null);
    say(
      isOver
        ? `This link is not for ${account}, but for somebody else’s account. You are not signed in.`
        : `This link is not for ${account}, but for somebody else’s account. Sign out in the app before you do anything else.`,
      'bad',
    );
  },
  spent: ['This link no longer works', 'It was used already, or it has expired. We can send you another.'],
  incomplete: ['Open the link again', 'This page needs the complete link from the mail. If you no longer have the mail, we can send you another.'],
  again: {
    mutation: `mutation($email: String!) { requestLoginCode(email: $email) { __typename ${REFUSAL} } }`,
    sent: 'If there is an account with this address, a link is on its way. Look in your mailbox, and in your spam folder too.',
  },
});
