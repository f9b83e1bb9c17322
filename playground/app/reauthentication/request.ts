import { useSyncExternalStore } from 'react';
import type { AskForProof, AuthenticationMethod, EmailChallengeFragment, ReauthenticationProof, ReauthenticationRequest } from '../../client';

/** A pending request for a proof. `mailed` is the challenge of the emailed code, if one was sent. */
export type Asked = {
  request: ReauthenticationRequest;
  mailed?: EmailChallengeFragment | undefined;
  /** The proof that was refused, if the user is asked again. */
  refused?: ReauthenticationProof | null | undefined;
  answer: (proof: ReauthenticationProof | null) => void;
};

let asked: Asked | undefined;
/** The emailed code of a request. It stays valid after a wrong proof, when the user is asked again. */
let codes: { id?: string; mailed?: EmailChallengeFragment } = {};
/** The last proof. */
let given: ReauthenticationProof | null = null;
/** The only method that counts for the current request. Unset if every method counts. */
let only: AuthenticationMethod | undefined;
const listeners = new Set<() => void>();

function show(next: Asked | undefined) {
  asked = next;
  for (const listener of listeners) listener();
}

/** Asks the user for a proof in a dialog. The client calls this when the server requires one. */
export const askForProof: AskForProof = (request) =>
  new Promise((give) => {
    const answer = (proof: ReauthenticationProof | null) => {
      given = proof;
      show(undefined);
      give(proof);
    };
    const methods = request.methods.filter((method) => !only || method === only);
    show({ request: { ...request, methods }, answer, mailed: codes.id === request.id ? codes.mailed : undefined, refused: request.refusal && given });
  });

/** Runs a request for which only one method counts. The server does not name the method, because a proof is not tied to one request. */
export async function onlyBy<Answer>(method: AuthenticationMethod, run: () => Promise<Answer>): Promise<Answer> {
  only = method;
  return run().finally(() => { only = undefined; });
}

/** Records that a code was emailed to the user. */
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
