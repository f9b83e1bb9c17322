import { useEffect, useState } from 'react';
import type { LoginLinkFragment } from '../../client';
import { loginLinks } from '../../client/login_link';
import { Form, Notice } from '../form/Form';
import { useForm } from '../form/useForm';
import { gatehouse, url } from '../gatehouse';
import { impossible, NEWER, wordsForFault } from '../words';
import type { Challenge } from './challenge';

export const links = loginLinks(url, gatehouse);

/** The outcome of signing in with the code of a challenge. */
export type SignInOutcome = Awaited<ReturnType<typeof gatehouse.verifyOtp>>;

/**
 * Waits, on the device that requested a link, until the link is confirmed on another device. Meanwhile, shows the number to compare. Then
 * `follow` handles the outcome of the sign-in, and returns a message if the sign-in failed.
 */
export function Waiting({ challenge, follow }: { challenge: Challenge; follow: (outcome: SignInOutcome) => string | undefined }) {
  const [fault, setFault] = useState<string>();
  useEffect(() => {
    const leaving = new AbortController();
    links.signInOnceConfirmed(challenge, leaving.signal).then(
      (outcome) => { if (outcome && !leaving.signal.aborted) setFault(follow(outcome)); },
      (fault: unknown) => setFault(wordsForFault(fault)),
    );
    return () => leaving.abort();
  }, [challenge.id]);
  return (
    <section aria-label="Open the link on another device">
      <p className="hint">
        You can also open the link on another device to sign in here. That device shows a number, which must match this one:
      </p>
      <p className="number">{challenge.confirmationNumber}</p>
      <Notice fault={fault} />
    </section>
  );
}

/** The part of a sign-in link's page that is shown if the link was requested elsewhere. Calls `onConfirmed` once the link is confirmed. */
export function Elsewhere({ token, link, onConfirmed }: { token: string; link: LoginLinkFragment; onConfirmed: () => void }) {
  const form = useForm(async () => {
    const outcome = await links.confirmLoginLink(token, link.confirmationNumber);
    switch (outcome.kind) {
      case 'LoginLink':
        return onConfirmed();
      case 'UserError':
        return outcome;
      case 'unknown':
        return NEWER;
      default:
        return impossible(outcome);
    }
  });
  return (
    <section aria-label="Sign in on the other screen">
      <p>This link was requested elsewhere: on another device, or in another browser. To sign in there, enter this code:</p>
      <p className="number">{link.otp}</p>
      <p>Or compare this number with the number shown there:</p>
      <p className="number">{link.confirmationNumber}</p>
      <Form form={form} action="The numbers match. Sign in there">
        <p className="hint">
          If a different number is shown, or if you didn’t request this email, someone else may be trying to sign in to your account. In
          that case, don’t continue, and don’t share the code with anyone.
        </p>
      </Form>
    </section>
  );
}
