import { useEffect } from 'react';
import type { EmailChallengeFragment } from '../../client';
import { Field } from '../form/Field';
import { Form } from '../form/Form';
import { useForm } from '../form/useForm';
import { gatehouse } from '../gatehouse';
import { Page } from '../Page';
import { impossible, NEWER } from '../words';

/** The page to sign in without a password. */
export function EmailCode({ onChallenge }: { onChallenge: (challenge: EmailChallengeFragment) => void }) {
  const form = useForm(async ({ email = '' }) => {
    const outcome = await gatehouse.requestLoginCode(email);
    switch (outcome.kind) {
      case 'EmailChallenge':
        return onChallenge(outcome);
      case 'UserError':
        return outcome;
      case 'unknown':
        return NEWER;
      default:
        return impossible(outcome);
    }
  });
  return (
    <Page title="Sign in with a code" lead="Enter your email address, and we’ll send you a code.">
      <Form form={form} action="Email me a code">
        <Field name="email" type="email" label="Email address" autoComplete="email" />
      </Form>
      <p className="ways"><a href="#/login">Back</a></p>
    </Page>
  );
}

/** Adopts the session if the user has signed in with the emailed link, which opens another tab. */
export function useSignInElsewhere() {
  useEffect(() => {
    const look = () => {
      if (!document.hidden) gatehouse.adopt().catch(() => {});
    };
    look();
    document.addEventListener('visibilitychange', look);
    return () => document.removeEventListener('visibilitychange', look);
  }, []);
}
