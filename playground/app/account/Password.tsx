import { useState } from 'react';
import type { UserFragment } from '../../client';
import { PasswordField } from '../form/Field';
import { Form } from '../form/Form';
import { PasswordRules, type AuthSettings } from '../form/rules';
import { useForm } from '../form/useForm';
import { gatehouse } from '../gatehouse';
import { Page } from '../Page';
import { atCurrentPassword, impossible, NEWER } from '../words';

export function Password({ user, settings }: { user: UserFragment; settings: AuthSettings }) {
  const [newPassword, setNewPassword] = useState('');
  const form = useForm(async ({ currentPassword }) => {
    const outcome = await gatehouse.changePassword({ currentPassword, newPassword });
    switch (outcome.kind) {
      case 'PasswordChanged':
        setNewPassword('');
        // updates `hasPassword`
        await gatehouse.me();
        return 'Your new password is set. You are signed out on all other devices.';
      case 'UserError':
        return atCurrentPassword(outcome);
      case 'unknown':
        return NEWER;
      default:
        return impossible(outcome);
    }
  });
  return (
    <Page
      title={user.hasPassword ? 'Change your password' : 'Set a password'}
      lead={user.hasPassword ? undefined : lead(user)}
    >
      <Form form={form} action="Set password">
        {/* tells password managers which account the password belongs to */}
        <input hidden readOnly autoComplete="username" value={user.email ?? user.username ?? ''} />
        {user.hasPassword && <PasswordField name="currentPassword" label="Current password" autoComplete="current-password" />}
        <PasswordField
          name="newPassword"
          label="New password"
          autoComplete="new-password"
          value={newPassword}
          onChange={({ target }) => setNewPassword(target.value)}
          hint={<PasswordRules password={newPassword} settings={settings} />}
        />
      </Form>
    </Page>
  );
}

function lead({ secondFactors }: UserFragment) {
  if (secondFactors.includes('PASSKEY')) return 'Your account has no password. It does not need one, because you sign in with a passkey.';
  return 'Your account has no password yet. With a password, you can sign in without an emailed code.';
}
