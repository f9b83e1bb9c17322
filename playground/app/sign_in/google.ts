import { gatehouse } from '../gatehouse';
import type { UserError } from '../../client';
import { impossible, NEWER } from '../words';

/** What a sign-in with Google is for. */
export type Purpose = 'login' | 'link';

/** What this tab remembers while the person is at Google's. */
type Begun = { purpose: Purpose; state: string; codeVerifier: string };

const KEY = 'demo google';

/** Sends the person to Google's, or says why not. */
export async function goToGoogle(purpose: Purpose): Promise<UserError | string | void> {
  const outcome = await gatehouse.startGoogleLogin(location.origin + location.pathname);
  switch (outcome.kind) {
    case 'GoogleAuthorization': {
      const { state, codeVerifier, authorizationUrl } = outcome;
      sessionStorage.setItem(KEY, JSON.stringify({ purpose, state, codeVerifier } satisfies Begun));
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

/** Signs in, or links, with what the person has come back with; once, however often it is asked. */
export const finishGoogle = () => (finished ??= finish());

/** The person goes on. */
export const leaveGoogle = () => answer.delete('state');

/** Says why it did not work, if it did not. */
async function finish(): Promise<UserError | string | undefined> {
  const begun = JSON.parse(sessionStorage.getItem(KEY) ?? 'null') as Begun | null;
  sessionStorage.removeItem(KEY);
  const [code, state] = [answer.get('code'), answer.get('state')];
  if (!begun || begun.state !== state) return 'This sign-in was not begun in this tab. Begin again.';
  if (!code) return 'Google has signed nobody in. Begin again if you want to.';
  const input = { authorizationCode: { code, state, codeVerifier: begun.codeVerifier } };
  const outcome = await (begun.purpose === 'link' ? gatehouse.linkGoogle(input) : gatehouse.googleLogin(input));
  switch (outcome.kind) {
    case 'AuthPayload':
    case 'User':
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
