import { useEffect } from 'react';
import { CodeField } from '../form/Field';
import { Form, Notice } from '../form/Form';
import type { AuthSettings } from '../form/rules';
import { useForm } from '../form/useForm';
import { gatehouse } from '../gatehouse';
import { useCountdown, useSession } from '../hooks';
import { Page } from '../Page';
import { go } from '../route';
import { duration, impossible, NEWER } from '../words';
import type { Challenge, Pending } from './challenge';
import { useSignInElsewhere } from './EmailCode';
import { askForSecondFactor } from './second_factor';

/** The page that waits for an emailed code or link to be used. */
export function Verify({ pending, settings }: { pending: Pending; settings: AuthSettings }) {
  const challenge = pending.challenge!;
  const isCode = challenge.method === 'OTP';
  const isSignedIn = useSession().status === 'signedIn';
  useSignInElsewhere();
  const isOver = isSignedIn && challenge.purpose === 'SIGN_IN';
  useEffect(() => {
    if (!isOver) return;
    pending.forget();
    go('/profile');
  }, [isOver]);
  const sent = isCode ? 'We sent a code to' : 'We sent a link to';
  // the page must not reveal whether the account exists
  const lead = <>{challenge.purpose === 'SIGN_IN' ? 'If an account exists, we’ve sent a code and a link to' : sent} <strong>{challenge.email}</strong>.</>;
  return (
    <Page title="Check your email" lead={lead}>
      {isCode && <CodeForm challenge={challenge} length={settings.otpLength} onDone={pending.forget} />}
      <ResendButton key={challenge.id} challenge={challenge} onSent={pending.await} />
      <p className="ways">
        {isSignedIn ? <a href="#/profile">Later</a> : <a href="#/login">Back</a>}
      </p>
    </Page>
  );
}

function CodeForm({ challenge, length, onDone }: { challenge: Challenge; length: number; onDone: () => void }) {
  const form = useForm(async ({ otp = '' }) => {
    const outcome = await gatehouse.verifyOtp({ email: challenge.email, otp, challengeId: challenge.id });
    switch (outcome.kind) {
      case 'AuthPayload':
        onDone();
        return go(outcome.user.hasPassword || challenge.purpose === 'CHANGE_EMAIL' ? '/profile' : '/password');
      case 'UserError':
        return outcome;
      case 'SecondFactorChallenge':
        onDone();
        return askForSecondFactor(outcome);
      case 'EmailChallenge':
      case 'unknown':
        return NEWER;
      default:
        return impossible(outcome);
    }
  });
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
