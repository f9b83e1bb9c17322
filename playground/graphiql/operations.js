// The tabs: one for each file of `operations/`, in the order of their names. The first digit is the part that they belong to.
import { fill, missing } from './known.js';

const PARTS = {
  1: 'First steps',
  2: 'Without the password',
  3: 'Your account',
  4: 'Protected fields',
  5: 'Forms and proofs',
  6: 'Google',
  7: 'Staff',
};

const files = import.meta.glob('../operations/*', { query: '?raw', import: 'default', eager: true });

/** `{ name, part, about, query, variables }`, where `variables` are a template. */
export const OPERATIONS = Object.keys(files).filter((path) => path.endsWith('.graphql')).sort().map((path) => {
  const query = files[path];
  const lines = query.split('\n');
  return {
    name: /^(?:query|mutation|subscription) (\w+)/m.exec(query)[1],
    part: PARTS[path.split('/').pop()[0]],
    about: lines.filter((line) => line.startsWith('# ')).map((line) => line.slice(2)).join(' '),
    query,
    variables: files[path.replace('.graphql', '.json')] ?? '',
  };
});

/** The tab of an operation. */
export function operation(name) {
  return OPERATIONS.find((operation) => operation.name === name);
}

/** The operations that need somebody signed in. */
const SIGNED_IN = new Set([
  'Me', 'UpdateProfile', 'ChangePassword', 'ChangeEmail', 'StartReauthentication', 'Reauthenticate', 'RevokeSession', 'LogoutAll',
  'Dashboard', 'PostToDashboard', 'SessionEvents', 'LinkGoogle', 'UnlinkGoogle', 'Users', 'User', 'SetUserRole', 'SetUserActive',
]);

/** The operation that gives each value. */
const SOURCES = {
  refreshToken: 'Login',
  sessionId: 'Login',
  otherSessionId: 'Login',
  userId: 'Login',
  otherUserId: 'Users',
  reauthenticationId: 'StartReauthentication',
  code: 'RequestLoginCode',
  challengeEmail: 'RequestLoginCode',
  challengeId: 'RequestLoginCode',
  resetToken: 'RequestPasswordReset',
  activationToken: 'ResendActivationEmail',
  googleCode: 'StartGoogleLogin',
  googleState: 'StartGoogleLogin',
  googleCodeVerifier: 'StartGoogleLogin',
};

/** The operations that need more than a browser and a new account, by the reason why the way leaves them out. */
const LEFT_OUT = Object.entries({
  'RevertSecurityChange needs an address that was proven three days before a change.': ['RevertSecurityChange'],
  'The Google operations need Google, or `gatehouse dev --fake-google`.': ['StartGoogleLogin', 'GoogleLogin', 'LinkGoogle', 'UnlinkGoogle'],
  'Users, SetUserRole and SetUserActive need a superuser: `gatehouse create-superuser` makes one.': ['Users', 'SetUserRole', 'SetUserActive'],
});
const BY_LINK = ['ActivateAccount and ResendActivationEmail are for EMAIL_VERIFICATION_METHOD=link.', ['ActivateAccount', 'ResendActivationEmail']];
const BY_CODE = ['ResendOtp is for addresses that a code proves: see EMAIL_VERIFICATION and EMAIL_VERIFICATION_METHOD.', ['ResendOtp']];

/** Returns `{ next, reasons }`: the next tab on the way from `name`, and why others before it are left out. */
export function next(name, done, { isByLink, isUnproven }) {
  const at = OPERATIONS.findIndex((operation) => operation.name === name);
  const others = [...(isByLink ? [] : [BY_LINK]), ...(isByLink || isUnproven ? [BY_CODE] : [])];
  const reason = (name) => [...LEFT_OUT, ...others].find(([, names]) => names.includes(name))?.[0];
  // a person who went to such a part stays in it
  const isLeftOut = (operation) => reason(operation.name) && !(reason(name) && operation.part === OPERATIONS[at]?.part);
  const start = reason(name) ? at + 1 : 0;
  const way = [...OPERATIONS.slice(start), ...OPERATIONS.slice(0, start)].filter(({ name }) => !done.includes(name));
  const index = way.findIndex((operation) => !isLeftOut(operation));
  const furthest = OPERATIONS.findLastIndex(({ name }) => done.includes(name));
  // each reason is given where the way first passes by, and all of them at the end
  const isNews = (operation) => isLeftOut(operation) && OPERATIONS.indexOf(operation) > furthest;
  const passed = index === -1 ? way.filter(isLeftOut) : way.slice(0, index).filter(isNews);
  return { next: way[index]?.name, reasons: [...new Set(passed.map(({ name }) => reason(name)))] };
}

/** Returns the operation to run before `name`, or `name` itself if it lacks nothing. */
export function before(name, known) {
  const { variables } = operation(name) ?? { variables: '' };
  if (SIGNED_IN.has(name) && !known.accessToken) return known.hasAccount ? 'Login' : 'Signup';
  return source(missing(fill(variables, known)), known) ?? name;
}

/** Returns the operation that gives the first of these missing values, if there is one. */
export function source([name], known) {
  const from = SOURCES[name];
  if (from && from !== 'StartGoogleLogin' && !known.hasAccount) return 'Signup';
  // the challenge that awaits the code can mail another
  return name === 'code' && known.challengeId ? 'ResendOtp' : from;
}
