import { gatehouse } from '../gatehouse';
import type { UserError } from '../../client';
import { impossible, NEWER } from '../words';

/** What a sign-in with Google is for. */
export type Purpose = 'login' | 'link' | 'reauthenticate';

/** What this tab remembers while the person is at Google's. */
type Begun = { purpose: Purpose; path: string; state: string; codeVerifier: string };

const KEY = 'demo google';

/** Sends the person to Google's, or says why not. */
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

/** What Google has sent the person back with. It leaves the address at once: nobody shall find it in the history. */
const answer = new URLSearchParams(location.search);
if (answer.has('state')) history.replaceState(null, '', location.pathname + location.hash);
let finished: ReturnType<typeof finish> | undefined;

/** Whether the person has just come back, and what they brought is yet to be used. */
export const isBackFromGoogle = () => answer.has('state');

/** Signs in, links, or confirms that it is the person, with what the person has come back with; once, however often it is asked. */
export const finishGoogle = () => (finished ??= finish());

/** The person goes on. */
export const leaveGoogle = () => answer.delete('state');

/** What it was for, the page it was begun on, and why it did not work, if it did not. */
type Finished = { purpose?: Purpose; path?: string; refusal?: UserError | string | undefined };

async function finish(): Promise<Finished> {
  const begun = JSON.parse(sessionStorage.getItem(KEY) ?? 'null') as Begun | null;
  sessionStorage.removeItem(KEY);
  const [code, state] = [answer.get('code'), answer.get('state')];
  if (!begun || begun.state !== state) return { refusal: 'This sign-in was not started in this tab. Start again.' };
  const { purpose, path, codeVerifier } = begun;
  if (!code) return { purpose, path, refusal: 'Google did not sign you in. Start again if you want to.' };
  return { purpose, path, refusal: await use(purpose, { code, state, codeVerifier }) };
}

type Code = { code: string; state: string; codeVerifier: string };

/** Says why it did not work, if it did not. */
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
