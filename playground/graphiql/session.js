// Who is signed in here, and all that is known besides. It is gone when the browser tab is.
import { BEGINNING, forgetSession, learn, learnMails } from './known.js';
import { createStore } from './store.js';

export const known = createStore(BEGINNING, 'gatehouse:known');

/** The header that goes with every request; none while nobody is signed in. */
export function authorization() {
  const { accessToken } = known.get();
  return accessToken && { Authorization: `Bearer ${accessToken}` };
}

/** Takes what an answer told. */
export function take(variables, { data, errors }) {
  const { code, reason } = errors?.[0]?.extensions ?? {};
  // an expired session may be refreshed; one that has ended, or never was, may not
  if (code === 'UNAUTHENTICATED' && ['REVOKED', 'INVALID'].includes(reason)) known.set(forgetSession(known.get()));
  known.set(learn(known.get(), variables, data));
}

/** Takes what mails told. */
export function takeMails(mails) {
  known.set(learnMails(known.get(), mails));
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
