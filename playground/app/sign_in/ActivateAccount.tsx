import { Form } from '../form/Form';
import { useForm } from '../form/useForm';
import { gatehouse } from '../gatehouse';
import { Page } from '../Page';
import { go } from '../route';
import { impossible, NEWER } from '../words';

/**
 * Where the link in a mail leads to, if `ACTIVATION_URL` says so: `…/demo#/activate?token={token}`. It waits for a press of
 * the button, for programs that look through mails follow links too.
 */
export function ActivateAccount({ token }: { token: string }) {
  const form = useForm(async () => {
    const outcome = await gatehouse.activateAccount(token);
    switch (outcome.kind) {
      case 'AuthPayload':
        return go('/profile');
      case 'UserError':
        return outcome;
      case 'EmailChallenge':
      case 'unknown':
        return NEWER;
      default:
        return impossible(outcome);
    }
  });
  return (
    <Page title="Confirm your address">
      <Form form={form} action="Confirm my address">{null}</Form>
      <p className="ways"><a href="#/login">Log in</a></p>
    </Page>
  );
}
