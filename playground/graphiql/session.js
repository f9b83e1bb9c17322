// Who is signed in here, and all that is known besides. It is gone when the browser tab is.
import { anotherBeginning, BEGINNING, forgetSession, learn, learnMails, learnReturn } from './known.js';
import { createStore } from './store.js';

const here = location.origin + location.pathname;
export const known = createStore({ ...BEGINNING, here }, 'gatehouse:known');

/** Whether this page was opened by Google, with the code of somebody who began here. */
export const isBack = comeBack();

function comeBack() {
  const before = known.get();
  known.set(learnReturn(before, new URL(location.href)));
  if (location.search) history.replaceState(null, '', here);
  return known.get() !== before;
}

/** The header that goes with every request; none while nobody is signed in. */
export function authorization() {
  const { accessToken } = known.get();
  return accessToken && { Authorization: `Bearer ${accessToken}` };
}

/** Fills in another name where there is a mary from another day, unless an account is known already. */
export async function begin(send) {
  if (known.get().hasAccount !== undefined) return;
  const { data } = await send({ query: `{ usernameAvailable(username: ${JSON.stringify(BEGINNING.username)}) }` });
  if (known.get().hasAccount !== undefined) return;
  if (data?.usernameAvailable !== false) return known.set({ ...known.get(), hasAccount: false });
  // what mails have told so far is mary's
  const { resetToken, activationToken, ...rest } = known.get();
  known.set({ ...rest, hasAccount: false, ...anotherBeginning() });
}

/** Takes what an answer told. `newestMail` is the newest of when it was asked for. */
export function take(variables, { data, errors }, newestMail) {
  const { code, reason } = errors?.[0]?.extensions ?? {};
  // an expired session may be refreshed; one that has ended, or never was, may not
  if (code === 'UNAUTHENTICATED' && ['REVOKED', 'INVALID'].includes(reason)) known.set(forgetSession(known.get()));
  known.set(learn(known.get(), variables, data, newestMail));
}

/** Takes what mails told. */
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
