import { useEffect, useRef } from 'react';
import type { UserError } from '../../client';
import { CodeField, PasswordField, RecoveryCodeField } from '../form/Field';
import { Form, Notice } from '../form/Form';
import { useForm } from '../form/useForm';
import { gatehouse } from '../gatehouse';
import { useLoad } from '../hooks';
import { keys, passkeySupport, PasskeysElsewhere, wordsForNoPasskey, WRONG_PASSKEY } from '../passkeys';
import { ProviderButtons } from '../sign_in/ProviderButtons';
import { impossible, INCORRECT_PASSWORD, NEWER, wordsFor, WRONG_SECOND_FACTOR } from '../words';
import { isMailed, useAsked, type Asked } from './request';

/** The dialog for reauthentication. It is shown while a request waits for a proof. */
export function Reauthentication() {
  const asked = useAsked();
  return asked && <Dialog asked={asked} />;
}

function Dialog({ asked }: { asked: Asked }) {
  const { request, mailed, answer } = asked;
  const { methods, refusal } = request;
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    dialog.current?.showModal();
    // React puts the focus elsewhere before the dialog is open
    dialog.current?.querySelector<HTMLElement>('input, button')?.focus();
  }, []);
  return (
    <dialog ref={dialog} className="card" aria-labelledby="reauthentication" onCancel={() => answer(null)}>
      <h1 id="reauthentication">Confirm that it’s you</h1>
      <p className="lead">This change affects how you sign in, so we need to make sure that it’s you.</p>
      {refusal && <Notice fault={wordsForRefusal(refusal, asked)} />}
      {methods.includes('PASSKEY') && <PasskeyForm asked={asked} />}
      {methods.includes('TOTP') && <TotpForm asked={asked} />}
      {methods.includes('RECOVERY_CODE') && <RecoveryCodeForm asked={asked} />}
      {mailed && <CodeForm asked={asked} />}
      {!mailed && methods.includes('PASSWORD') && <PasswordForm asked={asked} />}
      {!mailed && methods.includes('EMAIL_CODE') && <MailButton asked={asked} />}
      {methods.includes('IDENTITY') && <LinkedProviders />}
      <button type="button" className="plain" onClick={() => answer(null)}>Cancel</button>
    </dialog>
  );
}

function wordsForRefusal(refusal: UserError, { refused, request: { methods } }: Asked) {
  if (refused?.passkey) return WRONG_PASSKEY;
  if (refusal.code === 'INVALID_CREDENTIALS') return INCORRECT_PASSWORD;
  if (refusal.code === 'INVALID_OTP' && methods.includes('TOTP')) return WRONG_SECOND_FACTOR;
  return wordsFor(refusal);
}

/** The buttons for the providers at which the user has a linked account. */
function LinkedProviders() {
  const { data } = useLoad(loadLinked);
  return data && <ProviderButtons providers={data} purpose="reauthenticate" />;
}

async function loadLinked() {
  const [settings, identities] = await Promise.all([gatehouse.authSettings(), gatehouse.identities()]);
  return settings.providers.filter(({ id }) => identities.some(({ providerId }) => providerId === id));
}

function PasskeyForm({ asked }: { asked: Asked }) {
  const { data: settings } = useLoad(gatehouse.authSettings);
  const form = useForm(async () => {
    const used = await keys.prove(asked.request.passkeyOptions);
    if (used.kind === 'NoPasskey') return { fault: wordsForNoPasskey(used) };
    return asked.answer({ passkey: used.credential });
  });
  const support = settings ? passkeySupport(settings) : 'here';
  if (support === 'none') return null;
  if (support === 'elsewhere') return <PasskeysElsewhere />;
  return <Form form={form} action="Confirm with your passkey">{null}</Form>;
}

function TotpForm({ asked }: { asked: Asked }) {
  const form = useForm(async ({ otp = '' }) => asked.answer({ totp: otp }));
  return (
    <Form form={form} action="Confirm">
      <CodeField label="Code from your authenticator app" hint="The app shows a new code every 30 seconds." />
    </Form>
  );
}

function RecoveryCodeForm({ asked }: { asked: Asked }) {
  const form = useForm(async ({ recoveryCode = '' }) => asked.answer({ recoveryCode }));
  return (
    <details>
      <summary>Use a recovery code</summary>
      <Form form={form} action="Confirm with the recovery code">
        <RecoveryCodeField hint="Each code works once." />
      </Form>
    </details>
  );
}

function PasswordForm({ asked }: { asked: Asked }) {
  const form = useForm(async ({ password = '' }) => asked.answer({ password }));
  return (
    <Form form={form} action="Confirm">
      <PasswordField name="password" label="Password" autoComplete="current-password" />
    </Form>
  );
}

function CodeForm({ asked }: { asked: Asked }) {
  const form = useForm(async ({ otp = '' }) => asked.answer({ emailCode: otp }));
  return (
    <Form form={form} action="Confirm">
      <CodeField label="Code" hint={<>We sent it to <strong>{asked.mailed?.email}</strong>.</>} />
    </Form>
  );
}

function MailButton({ asked }: { asked: Asked }) {
  const form = useForm(async () => {
    const outcome = await asked.request.sendCode();
    switch (outcome.kind) {
      case 'EmailChallenge':
        return isMailed(outcome);
      case 'UserError':
        return outcome;
      case 'unknown':
        return NEWER;
      default:
        return impossible(outcome);
    }
  });
  return (
    <form {...form.props}>
      <Notice {...form.verdict} />
      <button type="submit" className="plain" aria-disabled={form.isBusy || undefined}>Email me a code</button>
    </form>
  );
}
