import type { SecondFactorChallengeFragment } from '../../client';
import { go } from '../route';

/** A sign-in that waits for a second factor. */
export type Waiting = SecondFactorChallengeFragment & Afterwards & { expiresAt: number };

/** What happens once the user is signed in. */
type Afterwards = {
  /** The page to show. Default: the profile, or the page to set a password for users who have none. */
  path?: string;
  /** The only account that may be signed in to. */
  account?: string;
};

const KEY = 'demo second factor';

/** The page that asks for the second factor. */
export const SECOND_FACTOR = '/second-factor';

/** Stores the challenge in this tab, where it survives reloads. */
export function keepSecondFactor(challenge: SecondFactorChallengeFragment, afterwards: Afterwards = {}) {
  const waiting: Waiting = { ...challenge, ...afterwards, expiresAt: Date.now() + challenge.expiresIn * 1000 };
  sessionStorage.setItem(KEY, JSON.stringify(waiting));
}

/** Asks the user for the second factor. */
export function askForSecondFactor(challenge: SecondFactorChallengeFragment, afterwards?: Afterwards) {
  keepSecondFactor(challenge, afterwards);
  go(SECOND_FACTOR);
}

export const keptSecondFactor = () => JSON.parse(sessionStorage.getItem(KEY) ?? 'null') as Waiting | null;

export const forgetSecondFactor = () => sessionStorage.removeItem(KEY);
