import { useEffect } from 'react';
import type { UserError } from '../../client';
import { CodeField } from '../form/Field';
import { Form, Notice } from '../form/Form';
import type { AuthSettings } from '../form/rules';
import { useForm } from '../form/useForm';
import { gatehouse } from '../gatehouse';
import { useCountdown, useSession } from '../hooks';
import { Page } from '../Page';
import { go } from '../route';
import { duration, impossible, NEWER, wordsFor } from '../words';
import type { Challenge, Pending } from './challenge';
import { useSignInElsewhere } from './EmailCode';
import { Waiting, type SignInOutcome } from './Elsewhere';
import { homeOf } from './home';
import { askForSecondFactor } from './second_factor';

/** The page that waits for an emailed code or link to be used. */
export function Verify({ pending, settings }: { pending: Pending; settings: AuthSettings }) {
  const challenge = pending.challenge!;
  const isCode = challenge.method === 'OTP';
  const session = useSession();
  const isSignedIn = session.status === 'signedIn';
  useSignInElsewhere();
  const isOver = isSignedIn && challenge.purpose === 'SIGN_IN';
  useEffect(() => {
    if (!isOver) return;
    pending.forget();
    go('/profile');
  }, [isOver]);
  const sent = isCode ? 'We sent a code to' : 'We sent a link to';
  // the page must not reveal whether the account exists
  const toSignIn = settings.signupEnabled ? 'We’ve sent a code and a link to' : 'If an account exists, we’ve sent a code and a link to';
  const lead = <>{challenge.purpose === 'SIGN_IN' ? toSignIn : sent} <strong>{challenge.email}</strong>.</>;
  const follow = (outcome: SignInOutcome) => {
    switch (outcome.kind) {
      case 'AuthPayload':
        pending.forget();
        return go(challenge.purpose === 'CHANGE_EMAIL' ? '/profile' : homeOf(outcome.user));
      case 'UserError':
        return outcome;
      case 'SecondFactorChallenge':
        pending.forget();
        return askForSecondFactor(outcome);
      case 'EmailChallenge':
      case 'unknown':
        return NEWER;
      default:
        return impossible(outcome);
    }
  };
  const followElsewhere = (outcome: SignInOutcome) => {
    const refused = follow(outcome);
    return typeof refused === 'object' ? wordsFor(refused) : refused ?? undefined;
  };
  return (
    <Page title="Check your email" lead={lead}>
      {isCode && <CodeForm challenge={challenge} length={settings.otpLength} follow={follow} />}
      {challenge.confirmationNumber && <Waiting key={challenge.id} challenge={challenge} follow={followElsewhere} />}
      <ResendButton key={`resend ${challenge.id}`} challenge={challenge} onSent={pending.await} />
      <p className="ways">
        {session.status === 'signedIn' ? <a href={`#${homeOf(session.user)}`}>Later</a> : <a href="#/login">Back</a>}
      </p>
    </Page>
  );
}

type CodeFormProps = { challenge: Challenge; length: number; follow: (outcome: SignInOutcome) => UserError | string | void };

function CodeForm({ challenge, length, follow }: CodeFormProps) {
  const form = useForm(async ({ otp = '' }) =>
    follow(await gatehouse.verifyOtp({ email: challenge.email, otp, challengeId: challenge.id })));
  return (
    <Form form={form} action={challenge.purpose === 'SIGN_IN' ? 'Sign in' : 'Confirm my email address'}>
      <CodeField label={`${length}-digit code`} />
    </Form>
  );
}

function ResendButton({ challenge, onSent }: { challenge: Challenge; onSent: Pending['await'] }) {
  const wait = useCountdown(challenge.resendAt);
  const form = useForm(async () => {
    const { email, id: challengeId, method } = challenge;
    const outcome = await (method === 'OTP'
      ? gatehouse.resendOtp({ email, challengeId })
      : gatehouse.resendActivationEmail({ email, challengeId }));
    switch (outcome.kind) {
      case 'EmailChallenge':
        return onSent(outcome);
      case 'UserError':
        return outcome;
      case 'unknown':
        return NEWER;
      default:
        return impossible(outcome);
    }
  });
  return (
    <form {...form.props} className="resend">
      <Notice {...form.verdict} />
      {wait > 0
        ? <p className="hint">Didn’t get it? Resend in {duration(wait)}.</p>
        : <button type="submit" className="plain">Resend</button>}
    </form>
  );
}
