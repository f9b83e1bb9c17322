// The session of the playground and all other known values. They last as long as the browser tab.
import { anotherBeginning, BEGINNING, forgetSession, learn, learnMails, learnReturn } from './known.js';
import { codes } from './second_factors.js';
import { createStore } from './store.js';

const here = location.origin + location.pathname;
export const known = createStore({ ...BEGINNING, here }, 'gatehouse:known');

/** Whether Google redirected here with the code of a sign-in that was started here. */
export const isBack = comeBack();

function comeBack() {
  const before = known.get();
  known.set(learnReturn(before, new URL(location.href)));
  if (location.search) history.replaceState(null, '', here);
  return known.get() !== before;
}

known.watch(showCodes);
setInterval(showCodes, 1000);

/** Fills in the codes that an authenticator app would show now. */
async function showCodes() {
  const before = known.get();
  const changes = await codes(before, Date.now());
  const now = known.get();
  const isOutdated = now.enrolment !== before.enrolment || now.authenticator !== before.authenticator;
  if (!isOutdated && Object.keys(changes).length > 0) known.set({ ...now, ...changes });
}

/** Returns the header for every request, or nothing if no user is signed in. */
export function authorization() {
  const { accessToken } = known.get();
  return accessToken && { Authorization: `Bearer ${accessToken}` };
}

/** Fills in another username if mary already exists on the server, unless an account is known. */
export async function begin(send) {
  if (known.get().hasAccount !== undefined) return;
  const { data } = await send({ query: `{ usernameAvailable(username: ${JSON.stringify(BEGINNING.username)}) { ... on UsernameAvailability { isAvailable } } }` });
  if (known.get().hasAccount !== undefined) return;
  if (data?.usernameAvailable?.isAvailable !== false) return known.set({ ...known.get(), hasAccount: false });
  // the values from emails so far belong to mary
  const { resetToken, activationToken, ...rest } = known.get();
  known.set({ ...rest, hasAccount: false, ...anotherBeginning() });
}

/** Adds the values in a response. `newestMail` is the newest email from before the request. */
export function take(variables, { data, errors }, newestMail) {
  const { code, reason } = errors?.[0]?.extensions ?? {};
  // a session whose access token has expired can be refreshed; one that has ended or is invalid cannot
  if (code === 'UNAUTHENTICATED' && ['REVOKED', 'INVALID'].includes(reason)) known.set(forgetSession(known.get()));
  known.set(learn(known.get(), variables, data, newestMail));
}

/** Adds the values in emails. */
export function takeMails(mails) {
  known.set({ ...learnMails(known.get(), mails), newestMail: mails[0]?.id });
}

/** Ends the session, on the server too. */
export async function signOut(send) {
  const { refreshToken } = known.get();
  const query = 'mutation($refreshToken: String) { logout(refreshToken: $refreshToken) { endedSessionIds } }';
  try {
    await send({ query, variables: { refreshToken } });
  } finally {
    known.set(forgetSession(known.get()));
  }
}
