// The tabs: one for each file in `operations/`, in the order of the names. The first digit is the part of the guide.
import { fill, missing } from './known.js';

const PARTS = {
  1: 'First steps',
  2: 'Forgotten password',
  3: 'Your account',
  4: 'Protected fields',
  5: 'Forms and verification',
  6: 'Sign-in providers',
  7: 'Passkeys',
  8: 'Administration',
};

const files = import.meta.glob('../operations/*', { query: '?raw', import: 'default', eager: true });

/** The operations, as `{ name, part, about, needsSession, query, variables }`. `variables` is a template. */
export const OPERATIONS = Object.keys(files).filter((path) => path.endsWith('.graphql')).sort().map((path) => {
  const query = files[path];
  const lines = query.split('\n');
  return {
    name: /^(?:query|mutation|subscription) (\w+)/m.exec(query)[1],
    part: PARTS[path.split('/').pop()[0]],
    about: lines.filter((line) => line.startsWith('# ')).map((line) => line.slice(2)).join(' '),
    needsSession: lines.includes('# Requires a session.'),
    query,
    variables: files[path.replace('.graphql', '.json')] ?? '',
  };
});

/** Returns the operation with this name. */
export function operation(name) {
  return OPERATIONS.find((operation) => operation.name === name);
}

/** The operation that provides each value. */
const SOURCES = {
  refreshToken: 'Login',
  sessionId: 'Login',
  otherSessionId: 'Login',
  userId: 'Login',
  otherUserId: 'Users',
  reauthenticationId: 'StartReauthentication',
  reauthenticationCode: 'StartReauthentication',
  enrolmentId: 'StartTotpEnrolment',
  enrolmentCode: 'StartTotpEnrolment',
  secondFactorChallengeId: 'Login',
  recoveryCode: 'RegenerateRecoveryCodes',
  code: 'RequestLoginCode',
  challengeEmail: 'RequestLoginCode',
  challengeId: 'RequestLoginCode',
  loginToken: 'RequestLoginCode',
  confirmationNumber: 'RequestLoginCode',
  resetToken: 'RequestPasswordReset',
  activationToken: 'ResendActivationEmail',
  providerCode: 'StartProviderLogin',
  providerState: 'StartProviderLogin',
  providerCodeVerifier: 'StartProviderLogin',
  identityId: 'LinkIdentity',
  loginCeremonyId: 'StartPasskeyLogin',
  loginPasskey: 'StartPasskeyLogin',
  signupCeremonyId: 'StartPasskeySignup',
  signupPasskey: 'StartPasskeySignup',
  enrolmentCeremonyId: 'StartPasskeyEnrolment',
  enrolmentPasskey: 'StartPasskeyEnrolment',
  reauthenticationPasskey: 'StartReauthentication',
  secondFactorPasskey: 'Login',
  passkeyId: 'FinishPasskeyEnrolment',
};

/** The operations that the tour skips because they need more than a browser and a new account, by reason. */
const LEFT_OUT = Object.entries({
  'ConfirmLoginLink and LoginLinkConfirmed are for signing in on another device: run them between RequestLoginCode and VerifyOtp.': ['ConfirmLoginLink', 'LoginLinkConfirmed'],
  'RevertSecurityChange requires an email address that was verified at least 72 hours before the change.': ['RevertSecurityChange'],
  'The operations for sign-in providers require Google, or `gatehouse dev --fake-providers`.': ['StartProviderLogin', 'ProviderLogin', 'GoogleLogin', 'LinkIdentity', 'UnlinkIdentity'],
  'The operations for passkeys require a device that supports passkeys, and the playground opened at localhost.': [
    'StartPasskeyEnrolment', 'FinishPasskeyEnrolment', 'RenamePasskey', 'RemovePasskey',
    'StartPasskeySignup', 'PasskeySignup', 'StartPasskeyLogin', 'PasskeyLogin',
  ],
  'Users, SetUserRole, SetUserActive and ResetSecondFactors require a superuser, which `gatehouse create-superuser` creates.': ['Users', 'SetUserRole', 'SetUserActive', 'ResetSecondFactors'],
});
const BY_LINK = ['ActivateAccount and ResendActivationEmail require EMAIL_VERIFICATION_METHOD=link.', ['ActivateAccount', 'ResendActivationEmail']];
const BY_CODE = ['ResendOtp requires verification by code; see EMAIL_VERIFICATION and EMAIL_VERIFICATION_METHOD.', ['ResendOtp']];

/** The sources that anybody can run. */
const NEEDS_NO_ACCOUNT = ['StartProviderLogin', 'StartPasskeyLogin', 'StartPasskeySignup'];

/** Returns `{ next, reasons }`: the next tab of the tour after `name`, and why the tabs before it are skipped. */
export function next(name, done, { isByLink, isUnproven }) {
  const at = OPERATIONS.findIndex((operation) => operation.name === name);
  const others = [...(isByLink ? [] : [BY_LINK]), ...(isByLink || isUnproven ? [BY_CODE] : [])];
  const reason = (name) => [...LEFT_OUT, ...others].find(([, names]) => names.includes(name))?.[0];
  // someone who opened a skipped part stays in it
  const isLeftOut = (operation) => reason(operation.name) && !(reason(name) && operation.part === OPERATIONS[at]?.part);
  const start = reason(name) ? at + 1 : 0;
  const way = [...OPERATIONS.slice(start), ...OPERATIONS.slice(0, start)].filter(({ name }) => !done.includes(name));
  const index = way.findIndex((operation) => !isLeftOut(operation));
  const furthest = OPERATIONS.findLastIndex(({ name }) => done.includes(name));
  // a reason is shown when the tour first skips its operations, and all reasons are shown at the end
  const isNews = (operation) => isLeftOut(operation) && OPERATIONS.indexOf(operation) > furthest;
  const passed = index === -1 ? way.filter(isLeftOut) : way.slice(0, index).filter(isNews);
  return { next: way[index]?.name, reasons: [...new Set(passed.map(({ name }) => reason(name)))] };
}

/** Returns the operation to run before `name`, or `name` itself if nothing is missing. */
export function before(name, known) {
  const { needsSession, variables } = operation(name) ?? { needsSession: false, variables: '' };
  if (needsSession && !known.accessToken) return known.hasAccount ? 'Login' : 'Signup';
  return source(missing(fill(variables, known)), known) ?? name;
}

/** Returns the operation that provides the first of these missing values, if there is one. */
export function source([name], known) {
  const from = SOURCES[name];
  if (from && !NEEDS_NO_ACCOUNT.includes(from) && !known.hasAccount) return 'Signup';
  if (name === 'secondFactorChallengeId' && !known.authenticator) return 'StartTotpEnrolment';
  // another code can be requested for the pending challenge
  return name === 'code' && known.challengeId ? 'ResendOtp' : from;
}
