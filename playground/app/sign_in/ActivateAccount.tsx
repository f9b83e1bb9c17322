import { PasswordField } from '../form/Field';
import { Form } from '../form/Form';
import { useForm } from '../form/useForm';
import { gatehouse } from '../gatehouse';
import { Page } from '../Page';
import { go } from '../route';
import { impossible, NEWER } from '../words';
import { homeOf } from './home';
import { askForSecondFactor } from './second_factor';

/**
 * The page that the emailed link opens if `ACTIVATION_URL` is `…/demo#/activate?token={token}`. It waits for the user to press a
 * button, because programs that scan emails follow links too.
 *
 * Anybody may have signed up with the email address. The password proves that the reader of the email is the person who signed up.
 */
export function ActivateAccount({ token }: { token: string }) {
  const activate = async (password?: string) => {
    const outcome = await gatehouse.activateAccount({ token, password });
    switch (outcome.kind) {
      case 'AuthPayload':
        return go(homeOf(outcome.user));
      case 'UserError':
        return outcome;
      case 'SecondFactorChallenge':
        return askForSecondFactor(outcome);
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
    <Page title="Confirm your email address" lead="Enter the password that you chose at sign-up.">
      <Form form={form} action="Confirm">
        <PasswordField name="password" label="Password" autoComplete="current-password" />
      </Form>
      <section aria-label="Without a password">
        <p className="hint">Don’t know the password? Confirm without it, then choose a new one.</p>
        <Form form={without} action="Confirm without a password">{null}</Form>
      </section>
      <p className="ways"><a href="#/login">Sign in</a></p>
    </Page>
  );
}
