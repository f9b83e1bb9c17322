import { PasswordField } from '../form/Field';
import { Form } from '../form/Form';
import { useForm } from '../form/useForm';
import { gatehouse } from '../gatehouse';
import { Page } from '../Page';
import { go } from '../route';
import { impossible, NEWER } from '../words';

/**
 * Where the link in a mail leads to, if `ACTIVATION_URL` says so: `…/demo#/activate?token={token}`. It waits for a press of
 * a button, for programs that look through mails follow links too.
 *
 * Anybody may have signed up with the address: the password shows that it was the person who reads the mail.
 */
export function ActivateAccount({ token }: { token: string }) {
  const activate = async (password?: string) => {
    const outcome = await gatehouse.activateAccount({ token, password });
    switch (outcome.kind) {
      case 'AuthPayload':
        return go(outcome.user.hasPassword ? '/profile' : '/password');
      case 'UserError':
        return outcome;
      case 'EmailChallenge':
      case 'unknown':
        return NEWER;
      default:
        return impossible(outcome);
    }
  };
  const form = useForm(async ({ password }) => activate(password));
  const without = useForm(async () => activate());
  return (
    <Page title="Confirm your email address" lead="Enter the password that you chose when you signed up.">
      <Form form={form} action="Confirm">
        <PasswordField name="password" label="Password" autoComplete="current-password" />
      </Form>
      <section aria-label="Without a password">
        <p className="hint">If you do not know it, you can confirm without a password and then choose a new one.</p>
        <Form form={without} action="Confirm without a password">{null}</Form>
      </section>
      <p className="ways"><a href="#/login">Sign in</a></p>
    </Page>
  );
}
