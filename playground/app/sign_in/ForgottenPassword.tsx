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
        return `If an account with the email address ${outcome.email} exists, a link is on its way.`;
      case 'UserError':
        return outcome;
      case 'unknown':
        return NEWER;
      default:
        return impossible(outcome);
    }
  });
  return (
    <Page title="Forgot your password?" lead="Enter your email address, and we’ll send you a reset link.">
      <Form form={form} action="Send reset link">
        <Field name="email" type="email" label="Email address" autoComplete="email" />
      </Form>
      <p className="ways"><a href="#/login">Back</a></p>
    </Page>
  );
}
