import { useEffect, useState } from 'react';
import { CodeField, RecoveryCodeField } from '../form/Field';
import { Form } from '../form/Form';
import { useForm } from '../form/useForm';
import { gatehouse } from '../gatehouse';
import { useCountdown } from '../hooks';
import { Page } from '../Page';
import { go } from '../route';
import { atSecondFactor, impossible, NEWER } from '../words';
import { forgetSecondFactor, keptSecondFactor, SECOND_FACTOR, type Waiting } from './second_factor';
import { ForeignLink, isAccountOf } from './SignInLink';

/** The page that asks for a second factor, in the middle of a sign-in. */
export function SecondFactor({ byRecoveryCode }: { byRecoveryCode: boolean }) {
  const [waiting] = useState(keptSecondFactor);
  const [isForeign, setForeign] = useState(false);
  const isOver = useCountdown(waiting?.expiresAt ?? 0) === 0;
  useEffect(() => { if (isOver) startAgain(); }, [isOver]);

  if (!waiting) return <Page title="One moment…" />;
  if (isForeign) return <ForeignLink account={waiting.account ?? ''} />;
  // the key drops an error of the other way
  return <Proof key={String(byRecoveryCode)} waiting={waiting} byRecoveryCode={byRecoveryCode} onForeign={() => setForeign(true)} />;
}

function Proof({ waiting, byRecoveryCode, onForeign }: { waiting: Waiting; byRecoveryCode: boolean; onForeign: () => void }) {
  const { id, methods, path, account } = waiting;
  const form = useForm(async ({ otp = '', recoveryCode = '' }) => {
    const outcome = await gatehouse.verifySecondFactor(id, byRecoveryCode ? { recoveryCode } : { totp: otp });
    switch (outcome.kind) {
      case 'AuthPayload':
        forgetSecondFactor();
        if (account === undefined || isAccountOf(outcome.user, account)) {
          return go(path ?? (outcome.user.hasPassword ? '/profile' : '/password'));
        }
        await gatehouse.logout();
        return onForeign();
      case 'UserError':
        return outcome.code === 'INVALID_TOKEN' ? startAgain() : atSecondFactor(outcome, byRecoveryCode ? 'recoveryCode' : 'otp');
      case 'EmailChallenge':
      case 'SecondFactorChallenge':
      case 'unknown':
        return NEWER;
      default:
        return impossible(outcome);
    }
  });
  const otherWay = byRecoveryCode
    ? <a href={`#${SECOND_FACTOR}`}>Use your authenticator app instead</a>
    : methods.includes('RECOVERY_CODE') && <a href={`#${SECOND_FACTOR}?recovery-code`}>Use a recovery code instead</a>;
  return (
    <Page title={byRecoveryCode ? 'Enter a recovery code' : 'Enter the code from your authenticator app'}>
      <Form form={form} action="Sign in">
        {byRecoveryCode
          ? <RecoveryCodeField hint="You saved these codes when you set up the app. Each works once." />
          : <CodeField label="6-digit code" hint="The app shows a new code every 30 seconds." />}
      </Form>
      <p className="ways">
        {otherWay}
        <a href="#/login">Back</a>
      </p>
    </Page>
  );
}

/** Leads back to the start, with words, because the challenge has expired. */
function startAgain() {
  forgetSecondFactor();
  go('/login?expired');
}
