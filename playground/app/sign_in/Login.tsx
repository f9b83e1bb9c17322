import type { EmailChallengeFragment } from '../../client';
import { Field, PasswordField } from '../form/Field';
import { Form } from '../form/Form';
import type { AuthSettings } from '../form/rules';
import { useForm } from '../form/useForm';
import { gatehouse } from '../gatehouse';
import { Page } from '../Page';
import { passkeySupport, PasskeysElsewhere } from '../passkeys';
import { useRoute } from '../route';
import { impossible, NEWER } from '../words';
import { useSignInElsewhere } from './EmailCode';
import { PasskeyLogin } from './PasskeyLogin';
import { ProviderButtons } from './ProviderButtons';
import { askForSecondFactor } from './second_factor';

type LoginProps = { settings: AuthSettings; onChallenge: (challenge: EmailChallengeFragment) => void };

export function Login({ settings, onChallenge }: LoginProps) {
  const { path, parameters } = useRoute();
  useSignInElsewhere();
  const support = passkeySupport(settings);
  const form = useForm(async ({ identifier = '', password = '' }) => {
    const outcome = await gatehouse.login({ identifier, password });
    switch (outcome.kind) {
      case 'AuthPayload':
        return; // the app shows the account pages
      case 'EmailChallenge':
        return onChallenge(outcome);
      case 'SecondFactorChallenge':
        return askForSecondFactor(outcome, { path });
      case 'UserError':
        return outcome;
      case 'unknown':
        return NEWER;
      default:
        return impossible(outcome);
    }
  });
  return (
    <Page title="Sign in" lead={parameters.has('expired') && 'Your sign-in has expired. Start again.'}>
      <Form form={form} action="Sign in">
        <Field name="identifier" label="Username or email address" autoComplete="username webauthn" autoCapitalize="none" spellCheck={false} />
        <PasswordField name="password" label="Password" autoComplete="current-password" />
      </Form>
      {support === 'here' && <PasskeyLogin />}
      {support === 'elsewhere' && <PasskeysElsewhere />}
      <ProviderButtons providers={settings.providers} purpose="login" />
      <p className="ways">
        <a href="#/email-code">Email me a code</a>
        <a href="#/forgotten-password">Forgot your password?</a>
        {settings.signupEnabled && <a href="#/signup">Sign up</a>}
      </p>
    </Page>
  );
}
