// The hint below a response: an explanation, if there is one, and the tabs to continue with.
import { done, interrupted, lastAnswer } from './fetcher.js';
import { isProvenByLink } from './known.js';
import { useOpenName, useOpenOperation } from './open_operation.js';
import { before, next, source } from './operations.js';
import { ceremonyIn, PasskeyButton } from './passkey_button.jsx';
import { Prose } from './prose.jsx';
import { known } from './session.js';
import { useStore } from './store.js';

const UNAUTHENTICATED = {
  EXPIRED: ['The access token has expired. Refresh exchanges the refresh token for a new pair.', 'Refresh', 'Login'],
};
const ENDED = ['This session has ended. Sign in again with Login.', 'Login'];

const ENROLMENT = ['This server requires a second factor before anything else: enroll an authenticator app with StartTotpEnrolment.', 'StartTotpEnrolment'];

const REFUSALS = {
  EMAIL_TAKEN: ['This account already exists. Sign in to it with Login.', 'Login'],
  USERNAME_TAKEN: ['This username is taken. Choose another or, if it is yours, sign in with Login.', 'Signup', 'Login'],
  INVALID_OTP: ['This code is wrong or has expired. Use the code from the newest email, or request another with ResendOtp.', 'ResendOtp'],
  REAUTHENTICATION_REQUIRED: [
    'You signed in a while ago, or without your second factor, so first confirm that it’s you: run StartReauthentication and Reauthenticate, then try again.',
    'StartReauthentication',
  ],
  ENROLMENT_REQUIRED: ENROLMENT,
  NOT_FOUND: ['Run Users to list all users. Their IDs are then filled in.', 'Users'],
};

/** Explains refusals that mean something else for one operation. */
const REFUSALS_OF = {
  StartTotpEnrolment: {
    NOT_ENABLED: ['First verify your email address: sign in with an emailed code, which RequestLoginCode requests.', 'RequestLoginCode'],
    REAUTHENTICATION_REQUIRED: [
      'First confirm that it’s you with an emailed code, or with the second factor that you have: run StartReauthentication and Reauthenticate, then try again.',
      'StartReauthentication',
    ],
  },
  FinishTotpEnrolment: { INVALID_OTP: ['This code is wrong. Run the operation again with the code that the app shows now.', 'FinishTotpEnrolment'] },
  VerifySecondFactor: { INVALID_OTP: ['This code is wrong or has been used: each works once. Run the operation again with another code.', 'VerifySecondFactor'] },
  RegenerateRecoveryCodes: { NOT_ENABLED: ['This account has no second factor. Enroll an authenticator app with StartTotpEnrolment.', 'StartTotpEnrolment'] },
  StartPasskeyEnrolment: {
    NOT_ENABLED: ['First verify your email address: sign in with an emailed code, which RequestLoginCode requests.', 'RequestLoginCode'],
    REAUTHENTICATION_REQUIRED: [
      'First confirm that it’s you with an emailed code, or with the second factor that you have: run StartReauthentication and Reauthenticate, then try again.',
      'StartReauthentication',
    ],
  },
  StartPasskeySignup: { EMAIL_TAKEN: ['This account already exists. Run the operation again with another email address.', 'StartPasskeySignup'] },
  RenamePasskey: { NOT_FOUND: ['You have no passkey with this ID. Add one with StartPasskeyEnrolment.', 'StartPasskeyEnrolment'] },
  RemovePasskey: { LAST_SIGN_IN_METHOD: ['This passkey is the only way to sign in. Set a password with ChangePassword, or add another passkey with StartPasskeyEnrolment.', 'ChangePassword', 'StartPasskeyEnrolment'] },
  StartReauthentication: {
    NOT_ENABLED: ['No code is emailed, because your email address is not verified. Run the operation again without `sendCode`.', 'StartReauthentication'],
    SECOND_FACTOR_REQUIRED: ['No code is emailed, because this account has a second factor. Run the operation again without `sendCode`.', 'StartReauthentication'],
  },
  Reauthenticate: {
    SECOND_FACTOR_REQUIRED: ['This account has a second factor, and only that is accepted. Start again with StartReauthentication.', 'StartReauthentication'],
    INVALID_OTP: ['This code is wrong or has been used. Start again with StartReauthentication.', 'StartReauthentication'],
  },
};

const TOKENS = {
  Refresh: ['You are not signed in, or this token has already been used. Sign in again with Login.', 'Login'],
  Reauthenticate: ['This reauthentication has expired or has already been used. Start again with StartReauthentication.', 'StartReauthentication'],
  FinishTotpEnrolment: ['This enrollment has expired or has already been finished. Start again with StartTotpEnrolment.', 'StartTotpEnrolment'],
  VerifySecondFactor: ['This challenge has expired or has already been answered. Sign in again with Login.', 'Login'],
  PasskeyLogin: ['This sign-in has expired or has already been finished. Start again with StartPasskeyLogin.', 'StartPasskeyLogin'],
  PasskeySignup: ['This sign-up has expired or has already been finished. Start again with StartPasskeySignup.', 'StartPasskeySignup'],
  FinishPasskeyEnrolment: ['This enrollment has expired or has already been finished. Start again with StartPasskeyEnrolment.', 'StartPasskeyEnrolment'],
  RevertSecurityChange: ['The link works once, within 72 hours. A password reset with RequestPasswordReset unlinks the accounts that were linked since the last reset.', 'RequestPasswordReset'],
  ResetPassword: ['The link works once, and stops working when a newer one is used. Request another with RequestPasswordReset.', 'RequestPasswordReset'],
};

const WITH_BUTTON = 'Only a browser can use a passkey: run the operation below, then click the button that appears under its response.';

/** Explains missing values that need more than the name of the operation that provides them. */
const MISSING = {
  code: 'The code is in an email, which is sent only if an account has the email address.',
  resetToken: 'The token is in an emailed link, which is sent only if an account has the email address.',
  undoToken: 'The token is in the link of an emailed notice. A notice has a link only if the email address was verified at least 72 hours before the change.',
  otherSessionId: 'Run Login once more to start another session.',
  loginPasskey: WITH_BUTTON,
  signupPasskey: WITH_BUTTON,
  enrolmentPasskey: WITH_BUTTON,
  reauthenticationPasskey: WITH_BUTTON,
  secondFactorPasskey: WITH_BUTTON,
  totp: 'Enter the code that the authenticator app shows, or replace `totp` with a `recoveryCode`.',
};

/** The operations that complete what these outcomes have started. */
const STEPS = {
  Reauthentication: 'Reauthenticate',
  SecondFactorChallenge: 'VerifySecondFactor',
  TotpEnrolment: 'FinishTotpEnrolment',
};

/** Returns an explanation and the names of tabs, or nothing. */
function hint({ operationName, missing, isListening, data, errors }) {
  const [error] = errors ?? [];
  const { code, reason } = error?.extensions ?? {};
  const { hasAccount } = known.get();
  if (missing) return hintForMissing(operationName, missing);
  if (isListening) {
    const [text, ...tabs] = goOn(operationName);
    return [`Listening: new events appear here. ${text}`, ...tabs];
  }
  if (code === 'UNAUTHENTICATED' && reason === 'MISSING') {
    const ways = hasAccount ? ['Login', 'Signup'] : ['Signup', 'Login'];
    return ['You are not signed in. Sign in with Login, or create an account with Signup.', ...ways];
  }
  if (code === 'UNAUTHENTICATED') return UNAUTHENTICATED[reason] ?? ENDED;
  if (code === 'ENROLMENT_REQUIRED') return ENROLMENT;
  if (code === 'FORBIDDEN') {
    return ['Your role does not allow this. Create a superuser with `gatehouse create-superuser` in a terminal, and sign in as that user.', 'Login'];
  }
  if (code === 'LIMIT_EXCEEDED' || code === 'RATE_LIMITED') {
    const [setting] = /\b[A-Z]+(_[A-Z]+)+\b/.exec(error.message) ?? [];
    return [setting ? `You have reached the limit set by the server setting ${setting}.` : 'You have reached a limit of the server.'];
  }
  if (error) return null;
  const outcome = Object.values(data ?? {})[0];
  if (outcome?.__typename !== 'UserError') {
    const [text, ...tabs] = following(operationName, outcome);
    return [[said(outcome), text].filter(Boolean).join(' '), ...tabs];
  }
  if (outcome.retryAfter) return [`Try again in ${outcome.retryAfter} seconds.`];
  if (outcome.code === 'INVALID_CREDENTIALS' && operationName.includes('Passkey')) return [outcome.message];
  if (outcome.code === 'INVALID_CREDENTIALS') return hintForCredentials(operationName, hasAccount);
  if (outcome.code === 'INVALID_TOKEN') return TOKENS[operationName];
  return REFUSALS_OF[operationName]?.[outcome.code] ?? REFUSALS[outcome.code];
}

function hintForMissing(operationName, names) {
  const [name] = names;
  if (name === 'totp' && known.get().authenticator) {
    return ['Each code works once. Run the operation again when the app shows the next one, which takes at most 30 seconds, or send `"recoveryCode": "<recoveryCode>"` instead of `totp`.', operationName];
  }
  const from = source(names, known.get());
  if (from === 'Signup') return ['This requires an account. Create one with Signup, or sign in with Login.', 'Signup', 'Login'];
  const text = MISSING[name] ?? (from ? `${from} provides <${name}>.` : `Replace <${name}> with a value.`);
  return [text, ...(from ? [from] : [])];
}

/** Offers a sign-up first if no account is known, or else a password reset. */
function hintForCredentials(operationName, hasAccount) {
  if (operationName !== 'Login') return ['Incorrect password. Reset it with RequestPasswordReset.', 'RequestPasswordReset'];
  const ways = hasAccount ? ['RequestPasswordReset', 'Signup'] : ['Signup', 'RequestPasswordReset'];
  return ['Incorrect username/email or password. Create an account with Signup, or reset the password with RequestPasswordReset.', ...ways];
}

/** Returns an explanation and the tab to continue with after a success. */
function following(operationName, outcome) {
  const challenge = challengeOf(outcome);
  if (outcome?.__typename === 'PasskeyCeremony') return [''];
  if (STEPS[outcome?.__typename]) return ['', STEPS[outcome.__typename]];
  // if the address is already verified, no email is sent again
  if (challenge && !operationName.startsWith('Resend')) return ['', answering(challenge)];
  if (interrupted.get()) return goTo(interrupted.get());
  return goOn(operationName);
}

/** Returns the next tab of the tour, and an explanation of why the operations before it are skipped. */
function goOn(operationName) {
  const { next: after, reasons } = next(operationName, done.get(), known.get());
  const left = reasons.length > 0 ? `Skipped: ${reasons.join(' ')}` : '';
  if (!after) return [[left, 'You have run all other operations.'].filter(Boolean).join(' ')];
  const [text, ...tabs] = goTo(after);
  return [[left, text].filter(Boolean).join(' '), ...tabs];
}

/** Returns the tab of an operation, or of the one that must be run before it. */
function goTo(name) {
  const first = before(name, known.get());
  return [first === name ? '' : `Before ${name}, run ${first}.`, first];
}

/** Returns the operation that takes the emailed code or token. */
function answering({ purpose, method }) {
  if (purpose === 'RESET_PASSWORD') return 'ResetPassword';
  return isProvenByLink({ purpose, method }) ? 'ActivateAccount' : 'VerifyOtp';
}

function challengeOf(outcome) {
  return outcome?.__typename === 'EmailChallenge' ? outcome : outcome?.emailChallenge;
}

/** What the hint says about these outcomes. */
const SAID = {
  AuthPayload: 'Signed in: requests now carry the access token.',
  PasskeyCeremony: 'Next, the browser must create or use a passkey. The playground fills in what the browser returns.',
  PasskeyEnrolled: 'Done: the passkey signs you in, and is a second factor too. Keep the recovery codes in a safe place: they are shown only once.',
  ProviderAuthorization: 'Sign in at the provider, which then sends you back here.',
  Reauthentication: 'To send the proof, run Reauthenticate.',
  Reauthenticated: 'Confirmed: you can now run the refused operation again.',
  SecondFactorChallenge: 'Nobody is signed in yet: this account has a second factor. To send its code, run VerifySecondFactor.',
  SecondFactorsEnabled: 'Done. Keep the recovery codes in a safe place: they are shown only once.',
  TotpEnrolment: 'Scan the QR code with an authenticator app. The playground computes the same codes, and fills them in.',
};

function said(outcome) {
  const challenge = challengeOf(outcome);
  if (challenge && outcome.__typename !== 'Reauthentication') return `An email is on its way to ${challenge.email}.`;
  return SAID[outcome?.__typename] ?? 'Done.';
}

export function Hint() {
  const [name, open, answer] = [useOpenName(), useOpenOperation(), useStore(lastAnswer)];
  const [text, ...tabs] = (answer?.operationName === name && hint(answer)) || [];
  const { authorizationUrl: url, qrSvg } = (answer?.operationName === name && Object.values(answer.data ?? {})[0]) || {};
  const ceremony = answer?.operationName === name && ceremonyIn(answer);
  function go(tab) {
    // the tab may be the open one, to be run again
    lastAnswer.set(null);
    open(tab);
  }
  return (
    <div className="hint" role="status">
      {qrSvg && <img src={`data:image/svg+xml,${encodeURIComponent(qrSvg)}`} alt="QR code for an authenticator app" />}
      <p>{text ? <Prose text={text} /> : (answer?.operationName === name ? '' : 'Run the operation to see its response.')}</p>
      {url && <a href={url}>Go to the provider</a>}
      {ceremony && <PasskeyButton key={ceremony.options.challenge} ceremony={ceremony} onDone={go} />}
      {tabs.map((tab) => <button type="button" key={tab} onClick={() => go(tab)}>{tab}</button>)}
    </div>
  );
}
