import { createGatehouse, type Keep } from '../client';
import { askForProof } from './reauthentication/request';

/** The ways to keep the refresh token. Your app chooses one; this demo offers all of them. */
export const KEEPS: readonly Keep[] = ['cookie', 'localStorage', 'memory'];

const CHOICE = 'demo keep';

export const keep = KEEPS.find((one) => one === localStorage.getItem(CHOICE)) ?? 'cookie';

/** Switches to another way to keep the refresh token. Each way has its own session, so the page reloads. */
export function chooseKeep(choice: Keep) {
  localStorage.setItem(CHOICE, choice);
  location.reload();
}

/** The URL of the server, relative to this page. */
export const url = 'graphql';

/** The client that the whole app uses. */
export const gatehouse = createGatehouse({ url, keep, onReauthenticationRequired: askForProof });
