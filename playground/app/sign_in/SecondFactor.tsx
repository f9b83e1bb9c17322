import { useEffect, useState } from 'react';
import type { SecondFactorMethod } from '../../client';
import { CodeField, RecoveryCodeField } from '../form/Field';
import { Form } from '../form/Form';
import type { AuthSettings } from '../form/rules';
import { useForm } from '../form/useForm';
import { gatehouse } from '../gatehouse';
import { useCountdown } from '../hooks';
import { Page } from '../Page';
import { keys, passkeyRefusal, passkeySupport, PasskeysElsewhere, wordsForNoPasskey } from '../passkeys';
import { go } from '../route';
import { atSecondFactor, impossible, NEWER } from '../words';
import { homeOf } from './home';
import { forgetSecondFactor, keptSecondFactor, SECOND_FACTOR, type Waiting } from './second_factor';
import { ForeignLink, isAccountOf } from './SignInLink';

/** The ways to prove a second factor, best first, and their names in the URL. */
const WAYS = { PASSKEY: 'passkey', TOTP: 'app', RECOVERY_CODE: 'recovery-code' } as const;

const INSTEAD: Record<SecondFactorMethod, string> = {
  PASSKEY: 'Use your passkey instead',
  TOTP: 'Use your authenticator app instead',
  RECOVERY_CODE: 'Use a recovery code instead',
};

/** The page that asks for a second factor, in the middle of a sign-in. The parameters name the way, if the user has chosen one. */
export function SecondFactor({ parameters, settings }: { parameters: URLSearchParams; settings: AuthSettings }) {
  const [waiting] = useState(keptSecondFactor);
  const [isForeign, setForeign] = useState(false);
  const isOver = useCountdown(waiting?.expiresAt ?? 0) === 0;
  useEffect(() => { if (isOver) startAgain(); }, [isOver]);

  if (!waiting) return <Page title="One moment…" />;
  if (isForeign) return <ForeignLink account={waiting.account ?? ''} />;
  const support = passkeySupport(settings);
  const known = (Object.keys(WAYS) as SecondFactorMethod[]).filter((way) => waiting.methods.includes(way));
  const usable = known.filter((way) => way !== 'PASSKEY' || support === 'here');
  const way = usable.find((way) => parameters.has(WAYS[way])) ?? usable[0];
  const props = { waiting, onForeign: () => setForeign(true) };
  return (
    <Page title={way ? TITLES[way] : 'Your passkey does not work here'} lead={!way && 'Sign in on a device and in a browser that support passkeys.'}>
      {way === 'PASSKEY' && <PasskeyProof {...props} />}
      {/* the key clears the error of another way */}
      {way && way !== 'PASSKEY' && <CodeProof key={way} way={way} {...props} />}
      {support === 'elsewhere' && waiting.methods.includes('PASSKEY') && <PasskeysElsewhere />}
      <p className="ways">
        {usable.filter((other) => other !== way).map((other) => <a key={other} href={`#${SECOND_FACTOR}?${WAYS[other]}`}>{INSTEAD[other]}</a>)}
        <a href="#/login">Back</a>
      </p>
    </Page>
  );
}

const TITLES: Record<SecondFactorMethod, string> = {
  PASSKEY: 'Confirm with your passkey',
  TOTP: 'Enter the code from your authenticator app',
  RECOVERY_CODE: 'Enter a recovery code',
};

type ProofProps = { waiting: Waiting; onForeign: () => void };

function PasskeyProof({ waiting, onForeign }: ProofProps) {
  const form = useForm(async () => {
    const outcome = await keys.verifySecondFactor(waiting);
    if (outcome.kind === 'NoPasskey') return { fault: wordsForNoPasskey(outcome) };
    return finish(outcome, waiting, onForeign);
  });
  return (
    <Form form={form} action="Use your passkey">
      <p className="hint">Your device asks for your fingerprint, your face or its PIN.</p>
    </Form>
  );
}

function CodeProof({ waiting, onForeign, way }: ProofProps & { way: 'TOTP' | 'RECOVERY_CODE' }) {
  const isApp = way === 'TOTP';
  const form = useForm(async ({ otp = '', recoveryCode = '' }) => {
    const outcome = await gatehouse.verifySecondFactor(waiting.id, isApp ? { totp: otp } : { recoveryCode });
    return finish(outcome, waiting, onForeign, isApp ? 'otp' : 'recoveryCode');
  });
  return (
    <Form form={form} action="Sign in">
      {isApp
        ? <CodeField label="6-digit code" hint="The app shows a new code every 30 seconds." />
        : <RecoveryCodeField hint="You saved these codes earlier. Each works once." />}
    </Form>
  );
}

type Outcome = Awaited<ReturnType<typeof gatehouse.verifySecondFactor>>;

/** Continues after the proof, or returns the refusal. `field` is the field of the proof. */
async function finish(outcome: Outcome, { path, account }: Waiting, onForeign: () => void, field?: 'otp' | 'recoveryCode') {
  switch (outcome.kind) {
    case 'AuthPayload':
      forgetSecondFactor();
      if (account === undefined || isAccountOf(outcome.user, account)) return go(path ?? homeOf(outcome.user));
      await gatehouse.logout();
      return onForeign();
    case 'UserError':
      if (outcome.code === 'INVALID_TOKEN') return startAgain();
      return field ? atSecondFactor(outcome, field) : passkeyRefusal(outcome);
    case 'EmailChallenge':
    case 'SecondFactorChallenge':
    case 'unknown':
      return NEWER;
    default:
      return impossible(outcome);
  }
}

/** Returns to the sign-in page with an explanation, because the challenge has expired. */
function startAgain() {
  forgetSecondFactor();
  go('/login?expired');
}
