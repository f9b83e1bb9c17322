import { useState } from 'react';
import type { EmailChallengeFragment } from '../../client';
import { Field, PasswordField } from '../form/Field';
import { Form } from '../form/Form';
import { PasswordRules, UsernameRules, type AuthSettings } from '../form/rules';
import { useForm } from '../form/useForm';
import { gatehouse } from '../gatehouse';
import { Page } from '../Page';
import { impossible, NEWER } from '../words';
import { ProviderButtons } from './ProviderButtons';

type SignupProps = { settings: AuthSettings; onChallenge: (challenge: EmailChallengeFragment) => void };

export function Signup({ settings, onChallenge }: SignupProps) {
  const [username, setUsername] = useState('');
  const [password, setPassword] = useState('');
  const form = useForm(async ({ email, name }) => {
    const outcome = await gatehouse.signup({ email: email || null, username: username || null, name: name || null, password });
    switch (outcome.kind) {
      case 'AuthPayload':
        return outcome.emailChallenge ? onChallenge(outcome.emailChallenge) : undefined;
      case 'EmailChallenge':
        return onChallenge(outcome);
      case 'UserError':
        return outcome;
      case 'SecondFactorChallenge':
      case 'unknown':
        return NEWER;
      default:
        return impossible(outcome);
    }
  });
  return (
    <Page title="Sign up">
      <Form form={form} action="Sign up">
        <Field name="email" type="email" label={settings.emailRequired ? 'Email address' : 'Email address (optional)'} autoComplete="email" />
        <Field
          name="username"
          label={settings.emailRequired ? 'Username (optional)' : 'Username'}
          autoComplete="username"
          autoCapitalize="none"
          spellCheck={false}
          value={username}
          onChange={({ target }) => setUsername(target.value)}
          hint={username && <UsernameRules username={username} settings={settings} />}
        />
        <Field name="name" label="Name (optional)" autoComplete="name" />
        <PasswordField
          name="password"
          label="Password"
          autoComplete="new-password"
          value={password}
          onChange={({ target }) => setPassword(target.value)}
          hint={<PasswordRules password={password} settings={settings} />}
        />
      </Form>
      <ProviderButtons providers={settings.providers} purpose="login" />
      <p className="ways"><a href="#/login">I already have an account</a></p>
    </Page>
  );
}
