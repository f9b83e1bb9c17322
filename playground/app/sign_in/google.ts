import { gatehouse } from '../gatehouse';
import type { UserError } from '../../client';
import { impossible, NEWER } from '../words';

/** The purpose of a sign-in with Google. */
export type Purpose = 'login' | 'link' | 'reauthenticate';

/** The data that this tab keeps while the user is at Google. */
type Begun = { purpose: Purpose; path: string; state: string; codeVerifier: string };

const KEY = 'demo google';

/** Sends the user to Google, or returns the refusal. */
export async function goToGoogle(purpose: Purpose): Promise<UserError | string | void> {
  const outcome = await gatehouse.startGoogleLogin(location.origin + location.pathname);
  switch (outcome.kind) {
    case 'GoogleAuthorization': {
      const { state, codeVerifier, authorizationUrl } = outcome;
      sessionStorage.setItem(KEY, JSON.stringify({ purpose, path: location.hash.slice(1), state, codeVerifier } satisfies Begun));
      return location.assign(authorizationUrl);
    }
    case 'UserError':
      return outcome;
    case 'unknown':
      return NEWER;
    default:
      return impossible(outcome);
  }
}

/** The parameters that Google added to the URL. They are removed from it at once, so that the history does not keep the code. */
const answer = new URLSearchParams(location.search);
if (answer.has('state')) history.replaceState(null, '', location.pathname + location.hash);
let finished: ReturnType<typeof finish> | undefined;

/** Returns whether Google has sent the user back and the page that handles this is still open. */
export const isBackFromGoogle = () => answer.has('state');

/** Signs in, links or reauthenticates with the code from Google. Does so once, however often it is called. */
export const finishGoogle = () => (finished ??= finish());

/** Closes the page that handles the return from Google. */
export const leaveGoogle = () => answer.delete('state');

/** The purpose of the sign-in, the page that it was started on, and the refusal, if any. */
type Finished = { purpose?: Purpose; path?: string; refusal?: UserError | string | undefined };

async function finish(): Promise<Finished> {
  const begun = JSON.parse(sessionStorage.getItem(KEY) ?? 'null') as Begun | null;
  sessionStorage.removeItem(KEY);
  const [code, state] = [answer.get('code'), answer.get('state')];
  if (!begun || begun.state !== state) return { refusal: 'This sign-in was not started in this tab. Start again.' };
  const { purpose, path, codeVerifier } = begun;
  if (!code) return { purpose, path, refusal: 'You did not allow Google to confirm your identity. Try again.' };
  return { purpose, path, refusal: await use(purpose, { code, state, codeVerifier }) };
}

type Code = { code: string; state: string; codeVerifier: string };

/** Uses the code, and returns the refusal, if any. */
async function use(purpose: Purpose, authorizationCode: Code): Promise<UserError | string | undefined> {
  const outcome = await outcomeOf(purpose, authorizationCode);
  switch (outcome.kind) {
    case 'AuthPayload':
    case 'User':
    case 'Reauthenticated':
      return undefined;
    case 'UserError':
      return outcome;
    case 'EmailChallenge':
    case 'unknown':
      return NEWER;
    default:
      return impossible(outcome);
  }
}

async function outcomeOf(purpose: Purpose, authorizationCode: Code) {
  if (purpose === 'login') return gatehouse.googleLogin({ authorizationCode });
  if (purpose === 'link') return gatehouse.linkGoogle({ authorizationCode });
  const begun = await gatehouse.startReauthentication();
  if (begun.kind !== 'Reauthentication') return begun;
  return gatehouse.reauthenticate(begun.id, { identity: { provider: 'google', proof: { authorizationCode } } });
}
