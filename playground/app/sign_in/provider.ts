import { gatehouse } from '../gatehouse';
import type { ProviderLoginInput, UserError } from '../../client';
import { impossible, NEWER } from '../words';
import { keepSecondFactor, SECOND_FACTOR } from './second_factor';

/** A sign-in provider. */
export type Provider = { id: string; name: string };

/** The purpose of a sign-in with a provider. */
export type Purpose = 'login' | 'link' | 'reauthenticate';

/** The data that this tab keeps while the user is at the provider. */
type Begun = { provider: Provider; purpose: Purpose; path: string; state: string; codeVerifier: string };

const KEY = 'demo provider';

/** Sends the user to a provider, or returns the refusal. */
export async function goTo({ id, name }: Provider, purpose: Purpose): Promise<UserError | string | void> {
  const outcome = await gatehouse.startProviderLogin(id, location.origin + location.pathname);
  switch (outcome.kind) {
    case 'ProviderAuthorization': {
      const { state, codeVerifier, authorizationUrl } = outcome;
      const begun: Begun = { provider: { id, name }, purpose, path: location.hash.slice(1), state, codeVerifier };
      sessionStorage.setItem(KEY, JSON.stringify(begun));
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

/** The parameters that the provider added to the URL. They are removed from the URL immediately, so that the history does not keep the code. */
const answer = new URLSearchParams(location.search);
if (answer.has('state')) history.replaceState(null, '', location.pathname + location.hash);
let finished: ReturnType<typeof finish> | undefined;

/** Returns whether a provider has sent the user back and the page that handles this is still open. */
export const isBackFromProvider = () => answer.has('state');

/** Signs in, links or reauthenticates with the code from the provider. Does so once, however often it is called. */
export const finishSignIn = () => (finished ??= finish());

/** Closes the page that handles the return from a provider. */
export const leaveReturn = () => answer.delete('state');

/** The purpose of the sign-in, the page to continue with, and the refusal, if any. */
type Finished = { purpose?: Purpose; path?: string; refusal?: UserError | string | undefined };

async function finish(): Promise<Finished> {
  const begun = JSON.parse(sessionStorage.getItem(KEY) ?? 'null') as Begun | null;
  sessionStorage.removeItem(KEY);
  const [code, state] = [answer.get('code'), answer.get('state')];
  if (!begun || begun.state !== state) return { refusal: 'This sign-in was not started in this tab. Start again.' };
  const { provider, purpose, path, codeVerifier } = begun;
  if (!code) return { purpose, path, refusal: `You did not allow ${provider.name} to confirm your identity. Try again.` };
  const input = { provider: provider.id, proof: { authorizationCode: { code, state, codeVerifier } } };
  return { purpose, path, ...(await use(purpose, path, input)) };
}

/** Uses the code. Returns the refusal, if any, or the page that asks for a second factor. */
async function use(purpose: Purpose, path: string, input: ProviderLoginInput): Promise<Finished> {
  const outcome = await outcomeOf(purpose, input);
  switch (outcome.kind) {
    case 'AuthPayload':
    case 'User':
    case 'Reauthenticated':
      return {};
    case 'SecondFactorChallenge':
      keepSecondFactor(outcome, { path });
      return { path: SECOND_FACTOR };
    case 'UserError':
      return { refusal: outcome };
    case 'EmailChallenge':
    case 'unknown':
      return { refusal: NEWER };
    default:
      return impossible(outcome);
  }
}

async function outcomeOf(purpose: Purpose, input: ProviderLoginInput) {
  if (purpose === 'login') return gatehouse.providerLogin(input);
  if (purpose === 'link') return gatehouse.linkIdentity(input);
  const begun = await gatehouse.startReauthentication();
  if (begun.kind !== 'Reauthentication') return begun;
  return gatehouse.reauthenticate(begun.id, { identity: input });
}
