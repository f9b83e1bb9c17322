import type { StartTotpEnrolmentMutation, UserFragment } from '../../client';
import { secondFactors } from '../../client/second_factors';
import { CodeField } from '../form/Field';
import { Form } from '../form/Form';
import { useForm } from '../form/useForm';
import { gatehouse } from '../gatehouse';
import { Page } from '../Page';
import { onlyBy } from '../reauthentication/request';
import { atSecondFactor, impossible, NEWER } from '../words';
import { CopyButton } from './CopyButton';
import type { OnCodes } from './RecoveryCodes';

export type Enrolment = Extract<StartTotpEnrolmentMutation['answer'], { kind: 'TotpEnrolment' }>;

const factors = secondFactors(gatehouse);

type AppProps = { user: UserFragment; onStarted: (enrolment: Enrolment) => void };

export function NoApp({ user, onStarted }: AppProps) {
  return (
    <>
      <p><span className="tag">not set up</span></p>
      <p className="hint">
        {user.secondFactors.length
          ? 'With a code from the app, you can also sign in where your passkey does not work.'
          : 'Once you set up an authenticator app, your password or access to your email is no longer enough to sign in.'}
      </p>
      {user.email && !user.emailVerified
        ? <p>To set one up, first <a href="#/profile">confirm your email address</a>.</p>
        : <StartForm user={user} onStarted={onStarted} action="Set up an authenticator app" />}
    </>
  );
}

export function AppSetUp({ user, onStarted }: AppProps) {
  const remove = useForm(async () => {
    const outcome = await factors.removeTotp();
    switch (outcome.kind) {
      case 'User':
        return; // the page already shows that no app is set up
      case 'UserError':
        return outcome;
      case 'unknown':
        return NEWER;
      default:
        return impossible(outcome);
    }
  });
  return (
    <>
      <p><span className="tag good">set up</span></p>
      <p className="hint">When you sign in, we ask for a code from the app{user.secondFactors.includes('PASSKEY') && ' or for your passkey'}.</p>
      <details>
        <summary>Use another app or phone</summary>
        <StartForm user={user} onStarted={onStarted} action="Set up another app" />
      </details>
      <details>
        <summary>Remove the app</summary>
        <Form form={remove} action="Remove the authenticator app">
          <p className="hint">
            {user.secondFactors.includes('PASSKEY')
              ? 'You keep your passkeys and recovery codes.'
              : 'Your recovery codes are removed too. After that, you no longer need a code from the app to sign in.'}
          </p>
        </Form>
      </details>
    </>
  );
}

function StartForm({ user, onStarted, action }: AppProps & { action: string }) {
  const start = useForm(async () => {
    // for the first app, the server requires an emailed code, because a thief may know the password
    const isByEmail = user.email && !user.secondFactors.length;
    const outcome = await (isByEmail ? onlyBy('EMAIL_CODE', factors.startTotpEnrolment) : factors.startTotpEnrolment());
    switch (outcome.kind) {
      case 'TotpEnrolment':
        return onStarted(outcome);
      case 'UserError':
        return outcome;
      case 'unknown':
        return NEWER;
      default:
        return impossible(outcome);
    }
  });
  return <Form form={start} action={action}>{null}</Form>;
}

type SetUpProps = { enrolment: Enrolment; onCodes: OnCodes; onCancel: () => void };

/** The step that connects the app to the account. */
export function SetUp({ enrolment, onCodes, onCancel }: SetUpProps) {
  const { id, secret, uri, qrSvg } = enrolment;
  const form = useForm(async ({ otp = '' }) => {
    const outcome = await factors.finishTotpEnrolment(id, otp);
    switch (outcome.kind) {
      case 'SecondFactorsEnabled':
        return onCodes(outcome.recoveryCodes);
      case 'UserError':
        return outcome.code === 'INVALID_TOKEN' ? onCancel() : atSecondFactor(outcome, 'otp');
      case 'unknown':
        return NEWER;
      default:
        return impossible(outcome);
    }
  });
  return (
    <Page title="Set up an authenticator app" lead="Scan this QR code with an authenticator app on your phone.">
      <img className="qr" src={`data:image/svg+xml,${encodeURIComponent(qrSvg)}`} alt="A QR code with the key below" />
      <div className="key">
        <p className="hint">Or <a href={uri}>open an app on this device</a>, or type this key into the app:</p>
        <p><code>{secret.match(/.{1,4}/g)?.join(' ')}</code></p>
        <CopyButton text={secret} label="Copy the key" />
      </div>
      <Form form={form} action="Continue">
        <CodeField label="6-digit code" hint="Enter the code that the app shows now." />
      </Form>
      <button type="button" className="plain" onClick={onCancel}>Cancel</button>
    </Page>
  );
}
