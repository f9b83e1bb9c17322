import { useState } from 'react';
import { PasswordField } from '../form/Field';
import { Form } from '../form/Form';
import { PasswordRules, type AuthSettings } from '../form/rules';
import { useForm } from '../form/useForm';
import { gatehouse } from '../gatehouse';
import { Page } from '../Page';
import { impossible, NEWER } from '../words';

/** The page that the emailed link opens if `PASSWORD_RESET_URL` is `…/demo#/reset-password?token={token}`. */
export function ResetPassword({ token, settings }: { token: string; settings: AuthSettings }) {
  const [newPassword, setNewPassword] = useState('');
  const form = useForm(async () => {
    const outcome = await gatehouse.resetPassword({ token, newPassword });
    switch (outcome.kind) {
      case 'PasswordChanged':
        return 'Your new password is set. You are signed out everywhere. Sign in with the new password.';
      case 'UserError':
        return outcome;
      case 'unknown':
        return NEWER;
      default:
        return impossible(outcome);
    }
  });
  return (
    <Page title="Choose a new password">
      <Form form={form} action="Set password">
        <PasswordField
          name="newPassword"
          label="New password"
          autoComplete="new-password"
          value={newPassword}
          onChange={({ target }) => setNewPassword(target.value)}
          hint={<PasswordRules password={newPassword} settings={settings} />}
        />
      </Form>
      <p className="ways">
        <a href="#/login">Sign in</a>
        <a href="#/forgotten-password">Send me another link</a>
      </p>
    </Page>
  );
}
