import { sleep } from './alone';
import type { Gatehouse } from './gatehouse';
import { confirmLoginLinkDocument, loginLinkConfirmedDocument, type LoginLinkConfirmedSubscription } from './generated';
import { outcome } from './outcome';

/** The maximum wait between two connections, in seconds. */
const LONGEST_WAIT = 32;

/**
 * Creates the functions that sign in on one device with a link that is opened on another. They are not part of {@link Gatehouse}, because only
 * the pages that sign users in need them. `url` must be the URL that the client was created with.
 */
export function loginLinks(url: string, { run, challenges, verifyOtp }: Pick<Gatehouse, 'run' | 'challenges' | 'verifyOtp'>) {
  return {
    /**
     * Reads the token of a sign-in link, for the page that the link opens. Changes nothing. If `isRequestedHere` is false, show the
     * `otp` and the `confirmationNumber`.
     */
    readLoginLink: async (token: string) =>
      outcome((await run(confirmLoginLinkDocument, { token, challengeId: challenges.of('SIGN_IN') })).answer),
    /** Signs in the client that requested the link. Call this once the user has seen the same number there. */
    confirmLoginLink: async (token: string, confirmationNumber: string) =>
      outcome((await run(confirmLoginLinkDocument, { token, confirmationNumber })).answer),
    /**
     * Waits until the link of a `SIGN_IN` challenge is confirmed elsewhere, then signs in, as `gatehouse.verifyOtp` does.
     * Reconnects until `signal` aborts, and then returns `undefined`. Abort the signal when the user signs in another way, requests another
     * email, or leaves the page.
     */
    async signInOnceConfirmed({ id, email }: { id: string; email: string }, signal: AbortSignal) {
      for (let failures = 0; !signal.aborted; failures += 1) {
        const otp = await confirmation(url, id, signal).catch(() => undefined);
        if (otp && !signal.aborted) return verifyOtp({ email, otp, challengeId: id });
        await sleep(Math.random() * Math.min(2 ** failures, LONGEST_WAIT) * 1000);
      }
      return undefined;
    },
  };
}

/** Returns the code that the server sends once the link is confirmed, or `undefined` if the stream ends without one. */
async function confirmation(url: string, challengeId: string, signal: AbortSignal) {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'text/event-stream' },
    body: JSON.stringify({ query: loginLinkConfirmedDocument.toString(), variables: { challengeId } }),
    credentials: 'omit',
    signal,
  });
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
  for (let text = ''; ; ) {
    const { value, done } = await reader.read();
    if (done) return undefined;
    text += value;
    const events = text.split('\n\n');
    text = events.pop()!;
    for (const event of events) {
      const [, json] = /^event: next\ndata: (.*)$/.exec(event) ?? [];
      const data = json && (JSON.parse(json).data as LoginLinkConfirmedSubscription | null);
      if (data) {
        void reader.cancel();
        return data.answer.otp;
      }
    }
  }
}
