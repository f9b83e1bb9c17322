// Below an answer: what it means, where that helps, and the tabs to go on with.
import { done, interrupted, lastAnswer } from './fetcher.js';
import { isProvenByLink } from './known.js';
import { useOpenName, useOpenOperation } from './open_operation.js';
import { before, next, source } from './operations.js';
import { Prose } from './prose.jsx';
import { known } from './session.js';
import { useStore } from './store.js';

const UNAUTHENTICATED = {
  EXPIRED: ['The access token has expired. Refresh trades the refresh token for a new pair.', 'Refresh', 'Login'],
};
const ENDED = ['This session has ended. Login begins another.', 'Login'];

const REFUSALS = {
  EMAIL_TAKEN: ['This account exists already: Login signs in to it.', 'Login'],
  USERNAME_TAKEN: ['This username is taken. Choose another; if it is yours, Login signs in.', 'Signup', 'Login'],
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

/** Explains a missing value, where it takes more than the name of the operation that gives it. */
const MISSING = {
  code: 'The code is in a mail. An address that has no account gets none.',
  resetToken: 'The token is in the link of a mail. An address that has no account gets none.',
  undoToken: 'The token is in the link of a notice, which has one once the address was proven three days before the change.',
  otherSessionId: 'Login once more begins another session than this one.',
};

/** A text and names of tabs. */
function hint({ operationName, missing, isListening, data, errors }) {
  const [error] = errors ?? [];
  const { code, reason } = error?.extensions ?? {};
  const { hasAccount } = known.get();
  if (missing) return hintForMissing(missing);
  if (isListening) {
    const [text, ...tabs] = goOn(operationName);
    return [`Listening: what happens to your sessions from now on is shown here. ${text}`, ...tabs];
  }
  if (code === 'UNAUTHENTICATED' && reason === 'MISSING') {
    const ways = hasAccount ? ['Login', 'Signup'] : ['Signup', 'Login'];
    return ['Nobody is signed in. Login signs in; Signup creates an account first.', ...ways];
  }
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
    const [text, ...tabs] = following(operationName, outcome);
    return [[said(outcome), text].filter(Boolean).join(' '), ...tabs];
  }
  if (outcome.retryAfter) return [`Try again in ${outcome.retryAfter} seconds.`];
  if (outcome.code === 'INVALID_CREDENTIALS') return hintForCredentials(operationName, hasAccount);
  return outcome.code === 'INVALID_TOKEN' ? TOKENS[operationName] : REFUSALS[outcome.code];
}

function hintForMissing(names) {
  const [name] = names;
  const from = source(names, known.get());
  if (from === 'Signup') return ['This needs an account: Signup creates one, Login signs in to one.', 'Signup', 'Login'];
  const text = MISSING[name] ?? (from ? `${from} gives <${name}>.` : `Write a value in place of <${name}>.`);
  return [text, ...(from ? [from] : [])];
}

/** Without an account, signing up helps; with one, a new password does. Neither leads back here. */
function hintForCredentials(operationName, hasAccount) {
  if (operationName !== 'Login') return ['This is not the password. RequestPasswordReset sets another.', 'RequestPasswordReset'];
  const ways = hasAccount ? ['RequestPasswordReset', 'Signup'] : ['Signup', 'RequestPasswordReset'];
  return ['No account, or another password. Signup creates one; RequestPasswordReset sets a new password.', ...ways];
}

/** A text, and the tab to go on with. */
function following(operationName, outcome) {
  const challenge = challengeOf(outcome);
  if (outcome?.__typename === 'Reauthentication') return ['', 'Reauthenticate'];
  // of an address that is proven, nothing is mailed again
  if (challenge && !operationName.startsWith('Resend')) return ['', answering(challenge)];
  if (interrupted.get()) return goTo(interrupted.get());
  return goOn(operationName);
}

/** The next tab on the way, and what is left out before it. */
function goOn(operationName) {
  const { next: after, reasons } = next(operationName, done.get(), known.get());
  const left = reasons.length > 0 ? `Left out: ${reasons.join(' ')}` : '';
  if (!after) return [[left, 'You have seen all the rest.'].filter(Boolean).join(' ')];
  const [text, ...tabs] = goTo(after);
  return [[left, text].filter(Boolean).join(' '), ...tabs];
}

/** An operation's tab, or that of what must be run before it. */
function goTo(name) {
  const first = before(name, known.get());
  return [first === name ? '' : `${name} comes after ${first}.`, first];
}

/** The operation that a mail is answered by. */
function answering({ purpose, method }) {
  if (purpose === 'RESET_PASSWORD') return 'ResetPassword';
  return isProvenByLink({ purpose, method }) ? 'ActivateAccount' : 'VerifyOtp';
}

function challengeOf(outcome) {
  return outcome?.__typename === 'EmailChallenge' ? outcome : outcome?.emailChallenge;
}

function said(outcome) {
  const challenge = challengeOf(outcome);
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
  function go(tab) {
    // the tab may be this one, to be run again
    lastAnswer.set(null);
    open(tab);
  }
  return (
    <div className="hint" role="status">
      <p>{text ? <Prose text={text} /> : (answer?.operationName === name ? '' : 'Run the operation to see its response.')}</p>
      {url && <a href={url}>Go to Google</a>}
      {tabs.map((tab) => <button type="button" key={tab} onClick={() => go(tab)}>{tab}</button>)}
    </div>
  );
}
