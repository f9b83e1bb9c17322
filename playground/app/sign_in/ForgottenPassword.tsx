import { Field } from '../form/Field';
import { Form } from '../form/Form';
import { useForm } from '../form/useForm';
import { gatehouse } from '../gatehouse';
import { Page } from '../Page';
import { impossible, NEWER } from '../words';

export function ForgottenPassword() {
  const form = useForm(async ({ email = '' }) => {
    const outcome = await gatehouse.requestPasswordReset(email);
    switch (outcome.kind) {
      case 'EmailChallenge':
        return `If there is an account with the address ${outcome.email}, a link is on its way to it.`;
      case 'UserError':
        return outcome;
      case 'unknown':
        return NEWER;
      default:
        return impossible(outcome);
    }
  });
  return (
    <Page title="Forgotten your password?" lead="Tell us your address, and we send you a link by which you choose a new one.">
      <Form form={form} action="Send me a link">
        <Field name="email" type="email" label="Email address" autoComplete="email" />
      </Form>
      <p className="ways"><a href="#/login">Back</a></p>
    </Page>
  );
}
