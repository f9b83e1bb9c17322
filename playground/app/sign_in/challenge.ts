import { useState } from 'react';
import type { EmailChallengeFragment } from '../../client';

/** A challenge that was mailed. Another mail may be asked for from `resendAt` on. */
export type Challenge = EmailChallengeFragment & { resendAt: number };

const KEY = 'demo challenge';

function kept(): Challenge | undefined {
  return JSON.parse(sessionStorage.getItem(KEY) ?? 'null') ?? undefined;
}

export type Pending = ReturnType<typeof usePending>;

/** The challenge that this tab waits for an answer to. It outlives a reload, for its id makes that nobody can use up its tries. */
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
