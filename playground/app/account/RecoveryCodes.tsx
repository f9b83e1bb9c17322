import { useState } from 'react';
import { secondFactors } from '../../client/second_factors';
import { Form, Notice } from '../form/Form';
import { useForm } from '../form/useForm';
import { gatehouse } from '../gatehouse';
import { Page } from '../Page';
import { impossible, NEWER } from '../words';
import { CopyButton } from './CopyButton';

export type OnCodes = (codes: readonly string[]) => void;

const factors = secondFactors(gatehouse);

/** The number of codes that are left, and the form to replace them. */
export function CodesLeft({ left, onCodes }: { left: number; onCodes: OnCodes }) {
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
  if (left === 0) {
    return (
      <>
        <Notice fault="You have no recovery codes. If you lose your device, you can no longer sign in." />
        <Form form={replace} action="Create recovery codes">
          <p className="hint">Each code works once, in place of your passkey or authenticator app.</p>
        </Form>
      </>
    );
  }
  return (
    <>
      <p>You have <strong>{left === 1 ? '1 code' : `${left} codes`}</strong> left.</p>
      <p className="hint">If you lose your device, you can sign in with a recovery code. Each code works once.</p>
      <details>
        <summary>Get new codes</summary>
        <Form form={replace} action="Replace the recovery codes">
          <p className="hint">Your current codes stop working.</p>
        </Form>
      </details>
    </>
  );
}

/** The step that shows the recovery codes until the user has saved them. They are never shown again. */
export function RecoveryCodes({ codes, onSaved }: { codes: readonly string[]; onSaved: () => void }) {
  const [isSaved, setSaved] = useState(false);
  const text = `${codes.join('\n')}\n`;
  return (
    <Page
      title="Save your recovery codes"
      lead="If you lose your device, you can sign in with one of these codes. Each code works once. Save them now: they are not shown again."
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
