import { useEffect, useState } from 'react';
import type { StartTotpEnrolmentMutation, UserFragment } from '../../client';
import { secondFactors } from '../../client/second_factors';
import { CodeField } from '../form/Field';
import { Form, Notice } from '../form/Form';
import { useForm } from '../form/useForm';
import { gatehouse } from '../gatehouse';
import { Page } from '../Page';
import { onlyBy } from '../reauthentication/request';
import { atSecondFactor, impossible, NEWER } from '../words';

type Enrolment = Extract<StartTotpEnrolmentMutation['answer'], { kind: 'TotpEnrolment' }>;
type OnCodes = (codes: readonly string[]) => void;
type SecurityProps = { user: UserFragment; isRequired: boolean };

const factors = secondFactors(gatehouse);

/** The page for the authenticator app and the recovery codes. `isRequired` tells that the server does not allow anything else first. */
export function Security({ user, isRequired }: SecurityProps) {
  const [enrolment, setEnrolment] = useState<Enrolment>();
  const [codes, setCodes] = useState<readonly string[]>();
  // a recovery code may have been used since the user was loaded
  useEffect(() => { gatehouse.me().catch(() => {}); }, []);

  if (codes) return <RecoveryCodes codes={codes} onSaved={() => setCodes(undefined)} />;
  if (enrolment) {
    const onCodes = (codes: readonly string[]) => {
      setEnrolment(undefined);
      setCodes(codes);
    };
    return <SetUp enrolment={enrolment} onCodes={onCodes} onCancel={() => setEnrolment(undefined)} />;
  }
  const isSetUp = user.secondFactors.includes('TOTP');
  const lead = isRequired && !isSetUp && 'Set up an authenticator app first. You can use the rest of this app afterwards.';
  return (
    <Page title="Security" lead={lead}>
      <section aria-labelledby="app">
        <h2 id="app">Authenticator app</h2>
        {isSetUp ? <AppSetUp user={user} onStarted={setEnrolment} /> : <NoApp user={user} onStarted={setEnrolment} />}
      </section>
      {isSetUp && (
        <section aria-labelledby="codes">
          <h2 id="codes">Recovery codes</h2>
          <CodesLeft left={user.recoveryCodesLeft} onCodes={setCodes} />
        </section>
      )}
    </Page>
  );
}

type AppProps = { user: UserFragment; onStarted: (enrolment: Enrolment) => void };

function NoApp({ user, onStarted }: AppProps) {
  return (
    <>
      <p><span className="tag">not set up</span></p>
      <p className="hint">Once you set up an authenticator app, your password or access to your email is no longer enough to sign in.</p>
      {user.email && !user.emailVerified
        ? <p>To set one up, first <a href="#/profile">confirm your email address</a>.</p>
        : <StartForm user={user} onStarted={onStarted} action="Set up an authenticator app" />}
    </>
  );
}

function AppSetUp({ user, onStarted }: AppProps) {
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
      <p className="hint">When you sign in, we ask for a code from the app.</p>
      <details>
        <summary>Use another app or phone</summary>
        <StartForm user={user} onStarted={onStarted} action="Set up another app" />
      </details>
      <details>
        <summary>Remove the app</summary>
        <Form form={remove} action="Remove the authenticator app">
          <p className="hint">Your recovery codes are removed too. After that, you no longer need a code from the app to sign in.</p>
        </Form>
      </details>
    </>
  );
}

function StartForm({ user, onStarted, action }: AppProps & { action: string }) {
  const start = useForm(async () => {
    // for the first app, the server requires an emailed code: a thief may know the password
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

function CodesLeft({ left, onCodes }: { left: number; onCodes: OnCodes }) {
  const replace = useForm(async () => {
    const outcome = await factors.regenerateRecoveryCodes();
    switch (outcome.kind) {
      case 'SecondFactorsEnabled':
        return onCodes(outcome.recoveryCodes);
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
      <p>You have <strong>{left === 1 ? '1 code' : `${left} codes`}</strong> left.</p>
      <p className="hint">If you lose your phone, you can sign in with a recovery code. Each code works once.</p>
      <details>
        <summary>Get new codes</summary>
        <Form form={replace} action="Replace the recovery codes">
          <p className="hint">Your current codes stop working.</p>
        </Form>
      </details>
    </>
  );
}

type SetUpProps = { enrolment: Enrolment; onCodes: OnCodes; onCancel: () => void };

/** The step that connects the app with the account. */
function SetUp({ enrolment, onCodes, onCancel }: SetUpProps) {
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

/** The step that shows the recovery codes, once, until the user has saved them. */
function RecoveryCodes({ codes, onSaved }: { codes: readonly string[]; onSaved: () => void }) {
  const [isSaved, setSaved] = useState(false);
  const text = `${codes.join('\n')}\n`;
  return (
    <Page
      title="Save your recovery codes"
      lead="If you lose your phone, you can sign in with one of these codes. Each code works once. Save them now: they are not shown again."
    >
      <ul className="codes">
        {codes.map((code) => <li key={code}><code>{code}</code></li>)}
      </ul>
      <div className="save">
        <CopyButton text={text} label="Copy" />
        <a className="button plain" href={`data:text/plain,${encodeURIComponent(text)}`} download="recovery-codes.txt">Download</a>
      </div>
      <label className="check">
        <input type="checkbox" checked={isSaved} onChange={({ target }) => setSaved(target.checked)} />
        I have saved these codes
      </label>
      <button type="button" disabled={!isSaved} onClick={onSaved}>Continue</button>
    </Page>
  );
}

function CopyButton({ text, label }: { text: string; label: string }) {
  const [notice, setNotice] = useState<{ done?: string; fault?: string }>({});
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
      setNotice({ done: 'Copied.' });
    } catch {
      setNotice({ fault: 'Your browser does not allow this. Select the text and copy it yourself.' });
    }
  };
  return (
    <>
      <button type="button" className="plain" onClick={copy}>{label}</button>
      <Notice {...notice} />
    </>
  );
}
