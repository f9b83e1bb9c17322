import { useSyncExternalStore } from 'react';
import type { AskForProof, EmailChallengeFragment, ReauthenticationProof, ReauthenticationRequest } from '../../client';

/** A proof that the person is asked for. `mailed` is the code that is on its way, if there is one. */
export type Asked = {
  request: ReauthenticationRequest;
  mailed?: EmailChallengeFragment | undefined;
  answer: (proof: ReauthenticationProof | null) => void;
};

let asked: Asked | undefined;
/** The code of a request outlives a wrong proof, after which the person is asked again. */
let codes: { id?: string; mailed?: EmailChallengeFragment } = {};
const listeners = new Set<() => void>();

function show(next: Asked | undefined) {
  asked = next;
  for (const listener of listeners) listener();
}

/** Asks the person in a dialog. The client calls this when the server demands a proof. */
export const askForProof: AskForProof = (request) =>
  new Promise((give) => {
    const answer = (proof: ReauthenticationProof | null) => {
      show(undefined);
      give(proof);
    };
    show({ request, answer, mailed: codes.id === request.id ? codes.mailed : undefined });
  });

/** A code is on its way to the person. */
export function isMailed(mailed: EmailChallengeFragment) {
  if (!asked) return;
  codes = { id: asked.request.id, mailed };
  show({ ...asked, mailed });
}

const subscribe = (listener: () => void) => {
  listeners.add(listener);
  return () => void listeners.delete(listener);
};

export const useAsked = () => useSyncExternalStore(subscribe, () => asked);
