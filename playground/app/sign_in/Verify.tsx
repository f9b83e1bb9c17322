import { Field } from '../form/Field';
import { Form, Notice } from '../form/Form';
import type { AuthSettings } from '../form/rules';
import { useForm } from '../form/useForm';
import { gatehouse } from '../gatehouse';
import { useCountdown, useSession } from '../hooks';
import { Page } from '../Page';
import { go } from '../route';
import { duration, impossible, NEWER } from '../words';
import type { Challenge, Pending } from './challenge';

/** Waits for what was mailed: a code to be typed in, or a link to be followed. */
export function Verify({ pending, settings }: { pending: Pending; settings: AuthSettings }) {
  const challenge = pending.challenge!;
  const isCode = challenge.method === 'OTP';
  const isSignedIn = useSession().status === 'signedIn';
  const lead = <>{isCode ? 'We have sent a code to' : 'We have sent a link to'} <strong>{challenge.email}</strong>.</>;
  return (
    <Page title="Look into your mailbox" lead={lead}>
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
        return go('/profile');
      case 'UserError':
        return outcome;
      case 'EmailChallenge':
      case 'unknown':
        return NEWER;
      default:
        return impossible(outcome);
    }
  });
  return (
    <Form form={form} action="Confirm my address">
      <Field name="otp" label={`Code of ${length} digits`} className="code" inputMode="numeric" autoComplete="one-time-code" />
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
        ? <p className="hint">Nothing there? In {duration(wait)} you can have another.</p>
        : <button type="submit" className="plain">Send another</button>}
    </form>
  );
}
