import { createGatehouse, type Keep } from '../client';
import { askForProof } from './reauthentication/request';

/** The ways to keep the refresh token. An app of yours chooses one; this demonstration has them all. */
export const KEEPS: readonly Keep[] = ['cookie', 'localStorage', 'memory'];

const CHOICE = 'demo keep';

export const keep = KEEPS.find((one) => one === localStorage.getItem(CHOICE)) ?? 'cookie';

/** Each way has a session of its own, so the page begins anew. */
export function chooseKeep(choice: Keep) {
  localStorage.setItem(CHOICE, choice);
  location.reload();
}

/** The client that the whole app uses. */
export const gatehouse = createGatehouse({ url: 'graphql', keep, onReauthenticationRequired: askForProof });
