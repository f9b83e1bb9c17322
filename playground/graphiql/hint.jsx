// Below an answer: what it means, where that helps, and the tabs to go on with.
import { lastAnswer, refused } from './fetcher.js';
import { useOpenName, useOpenOperation } from './open_operation.js';
import { next } from './operations.js';
import { useStore } from './store.js';

const UNAUTHENTICATED = {
  MISSING: ['Nobody is signed in. Login signs in; Signup creates an account first.', 'Login', 'Signup'],
  EXPIRED: ['The access token has expired. Refresh trades the refresh token for a new pair.', 'Refresh', 'Login'],
};
const ENDED = ['This session has ended. Login begins another.', 'Login'];

const REFUSALS = {
  EMAIL_TAKEN: ['This account exists already: Login signs in to it.', 'Login'],
  USERNAME_TAKEN: ['This username is taken. If it is yours, Login signs in.', 'Login'],
  INVALID_CREDENTIALS: ['No account, or another password. Signup creates one; a password can be set anew.', 'Signup', 'RequestPasswordReset'],
  INVALID_OTP: ['This code is wrong or has expired. The newest mail has the right one; ResendOtp mails another.', 'ResendOtp'],
  REAUTHENTICATION_REQUIRED: [
    'Some minutes after a sign-in, this asks for a proof that it is still you: StartReauthentication, Reauthenticate, then this again.',
    'StartReauthentication',
  ],
  NOT_FOUND: ['Users lists who there is, and fills an id in.', 'Users'],
};

const TOKENS = {
  Refresh: ['Nobody is signed in, or this token was used before. Login begins another session.', 'Login'],
  Reauthenticate: ['This proof has expired, or was given already. StartReauthentication begins another.', 'StartReauthentication'],
  RevertSecurityChange: ['The link is good once, for 72 hours. RequestPasswordReset ends what was added since the last reset.', 'RequestPasswordReset'],
  ResetPassword: ['The link is good once, and a newer use of one ends all. RequestPasswordReset mails another.', 'RequestPasswordReset'],
};

/** A text and names of tabs. */
function hint({ operationName, data, errors }) {
  const [error] = errors ?? [];
  const { code, reason } = error?.extensions ?? {};
  if (code === 'UNAUTHENTICATED') return UNAUTHENTICATED[reason] ?? ENDED;
  if (code === 'FORBIDDEN') {
    return ['Your role does not allow this. `gatehouse create-superuser`, in a terminal, makes somebody who may: sign in as them.', 'Login'];
  }
  if (code === 'LIMIT_EXCEEDED') {
    const [setting] = /\b[A-Z]+(_[A-Z]+)+\b/.exec(error.message) ?? [];
    return [setting ? `This is the limit ${setting}, a setting of the server.` : 'This is a limit of the server.'];
  }
  if (error) return null;
  const outcome = Object.values(data ?? {})[0];
  if (outcome?.__typename !== 'UserError') {
    const after = following(operationName, outcome);
    return after && [done(outcome), after];
  }
  if (outcome.retryAfter) return [`Try again in ${outcome.retryAfter} seconds.`];
  return outcome.code === 'INVALID_TOKEN' ? TOKENS[operationName] : REFUSALS[outcome.code];
}

/** The tab to go on with. */
function following(operationName, outcome) {
  if (['SIGN_IN', 'CHANGE_EMAIL'].includes(outcome?.purpose)) return 'VerifyOtp';
  if (outcome?.__typename === 'Reauthenticated' && refused.get()) return refused.get();
  return next(operationName)?.name;
}

function done(outcome) {
  const challenge = outcome?.__typename === 'EmailChallenge' ? outcome : outcome?.emailChallenge;
  if (outcome?.__typename === 'Reauthentication') return 'Reauthenticate gives the proof.';
  if (outcome?.__typename === 'Reauthenticated') return 'Proven: what was refused works now.';
  if (challenge) return `A mail is on its way to ${challenge.email}.`;
  if (outcome?.__typename === 'GoogleAuthorization') return 'Google asks who you are, and leads back here.';
  return outcome?.__typename === 'AuthPayload' ? 'Signed in: requests carry the access token from now on.' : 'Done.';
}

export function Hint() {
  const [name, open, answer] = [useOpenName(), useOpenOperation(), useStore(lastAnswer)];
  const [text, ...tabs] = (answer?.operationName === name && hint(answer)) || [];
  const url = answer?.operationName === name && Object.values(answer.data ?? {})[0]?.authorizationUrl;
  return (
    <div className="hint" role="status">
      <p>{text ?? (answer?.operationName === name ? '' : 'Run the operation to see its response.')}</p>
      {url && <a href={url}>Go to Google</a>}
      {tabs.map((tab) => <button type="button" key={tab} onClick={() => open(tab)}>{tab}</button>)}
    </div>
  );
}
