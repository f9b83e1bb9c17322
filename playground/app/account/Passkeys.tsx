import { useCallback } from 'react';
import type { PasskeyFragment, UserFragment } from '../../client';
import { Field } from '../form/Field';
import { Form } from '../form/Form';
import type { AuthSettings } from '../form/rules';
import { useForm } from '../form/useForm';
import { useLoad } from '../hooks';
import { keys, passkeyRefusal, passkeySupport, PasskeysElsewhere, wordsForNoPasskey } from '../passkeys';
import { onlyBy } from '../reauthentication/request';
import { dateAndTime, impossible, NEWER } from '../words';
import type { OnCodes } from './RecoveryCodes';

type PasskeysProps = { user: UserFragment; settings: AuthSettings; onCodes: OnCodes };

/** The passkeys of the user, and the form to add one. */
export function Passkeys({ user, settings, onCodes }: PasskeysProps) {
  const { data: passkeys, reload } = useLoad(useCallback(() => keys.list(), []));
  const support = passkeySupport(settings);
  return (
    <>
      <p className="hint">With a passkey, you sign in without a password: you use your fingerprint, your face or your device’s PIN.</p>
      {passkeys && passkeys.length > 0 && (
        <ul className="list">
          {passkeys.map((passkey) => <Item key={passkey.id} passkey={passkey} onChanged={reload} />)}
        </ul>
      )}
      {support === 'here' && <AddPasskey user={user} onAdded={reload} onCodes={onCodes} />}
      {support === 'elsewhere' && <PasskeysElsewhere />}
      {support === 'none' && <p>Your browser cannot add passkeys here.</p>}
    </>
  );
}

function AddPasskey({ user, onAdded, onCodes }: { user: UserFragment; onAdded: () => void; onCodes: OnCodes }) {
  const form = useForm(async ({ name }) => {
    const add = () => keys.add(name?.trim() || undefined);
    // for the first factor, the server requires an emailed code, because a thief may know the password
    const outcome = await (user.email && !user.secondFactors.length ? onlyBy('EMAIL_CODE', add) : add());
    switch (outcome.kind) {
      case 'PasskeyEnrolled':
        onAdded();
        if (outcome.recoveryCodes) return onCodes(outcome.recoveryCodes);
        return 'Your passkey was added. You have been signed out on all other devices.';
      case 'NoPasskey':
        return { fault: wordsForNoPasskey(outcome, 'create') };
      case 'UserError':
        return passkeyRefusal(outcome);
      case 'unknown':
        return NEWER;
      default:
        return impossible(outcome);
    }
  });
  if (user.email && !user.emailVerified) return <p>To add one, first <a href="#/profile">confirm your email address</a>.</p>;
  return (
    <Form form={form} action="Add a passkey">
      <Field name="name" label="Passkey name (optional)" hint="To tell your passkeys apart, for example “Work laptop”" autoComplete="off" />
      {!user.secondFactors.length && (
        <p className="hint">Once you add a passkey, your password or access to your email is no longer enough to sign in.</p>
      )}
    </Form>
  );
}

function Item({ passkey, onChanged }: { passkey: PasskeyFragment; onChanged: () => void }) {
  const { name, isSynced, createdAt, lastUsedAt } = passkey;
  return (
    <li>
      <div>
        <strong>{name}</strong> <span className="tag">{isSynced ? 'synced' : 'on one device'}</span>
        <p className="hint">added {dateAndTime(createdAt)} · {lastUsedAt ? <>last used {dateAndTime(lastUsedAt)}</> : 'never used'}</p>
        <details>
          <summary aria-label={`Rename ${name}`}>Rename</summary>
          <Rename passkey={passkey} onChanged={onChanged} />
        </details>
        <details>
          <summary aria-label={`Remove ${name}`}>Remove</summary>
          <Remove passkey={passkey} onChanged={onChanged} />
        </details>
      </div>
    </li>
  );
}

type ChangeProps = { passkey: PasskeyFragment; onChanged: () => void };

function Rename({ passkey, onChanged }: ChangeProps) {
  const form = useForm(async ({ name = '' }) => {
    const outcome = await keys.rename(passkey.id, name);
    switch (outcome.kind) {
      case 'Passkey':
        onChanged();
        return 'The new name was saved.';
      case 'UserError':
        return outcome.code === 'NOT_FOUND' ? onChanged() : outcome;
      case 'unknown':
        return NEWER;
      default:
        return impossible(outcome);
    }
  });
  return (
    <Form form={form} action="Save the name">
      <Field name="name" label="New name" defaultValue={passkey.name} autoComplete="off" />
    </Form>
  );
}

function Remove({ passkey, onChanged }: ChangeProps) {
  const form = useForm(async () => {
    const outcome = await keys.remove(passkey);
    switch (outcome.kind) {
      case 'User':
        return onChanged();
      case 'UserError':
        return outcome;
      case 'unknown':
        return NEWER;
      default:
        return impossible(outcome);
    }
  });
  return (
    <Form form={form} action="Remove the passkey">
      <p className="hint">You will no longer be able to sign in with it. If your password manager still has it, delete it there too.</p>
    </Form>
  );
}
