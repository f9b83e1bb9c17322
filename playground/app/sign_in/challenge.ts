import { useState } from 'react';
import type { EmailChallengeFragment } from '../../client';

/** An email challenge. Another email can be requested from `resendAt` on. */
export type Challenge = EmailChallengeFragment & { resendAt: number };

const KEY = 'demo challenge';

function kept(): Challenge | undefined {
  return JSON.parse(sessionStorage.getItem(KEY) ?? 'null') ?? undefined;
}

export type Pending = ReturnType<typeof usePending>;

/** The pending challenge of this tab. It is stored so that it survives reloads. Without its ID, others could use up the attempts. */
export function usePending() {
  const [challenge, setChallenge] = useState(kept);
  const keep = (next?: Challenge) => {
    if (next) sessionStorage.setItem(KEY, JSON.stringify(next));
    else sessionStorage.removeItem(KEY);
    setChallenge(next);
  };
  return {
    challenge,
    await(mailed: EmailChallengeFragment) {
      keep({ ...mailed, resendAt: Date.now() + mailed.resendIn * 1000 });
      location.hash = '/verify';
    },
    forget: () => keep(undefined),
  };
}
