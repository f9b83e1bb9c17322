import { useState } from 'react';
import type { EmailChallengeFragment, PasskeySignupInput } from '../../client';
import { Field, PasswordField } from '../form/Field';
import { Form } from '../form/Form';
import { PasswordRules, UsernameRules, type AuthSettings } from '../form/rules';
import { useForm } from '../form/useForm';
import { gatehouse } from '../gatehouse';
import { Page } from '../Page';
import { keys, passkeyRefusal, passkeySupport, PasskeysElsewhere, wordsForNoPasskey } from '../passkeys';
import { go } from '../route';
import { impossible, NEWER } from '../words';
import { homeOf } from './home';
import { ProviderButtons } from './ProviderButtons';

type SignupProps = { settings: AuthSettings; onChallenge: (challenge: EmailChallengeFragment) => void };

export function Signup({ settings, onChallenge }: SignupProps) {
  const [username, setUsername] = useState('');
  const [password, setPassword] = useState('');
  const [isByPasskey, setByPasskey] = useState(false);
  const support = passkeySupport(settings);
  const signUp = (details: PasskeySignupInput) => (isByPasskey ? keys.signup(details) : gatehouse.signup({ ...details, password }));
  const form = useForm(async ({ email, name }) => {
    const outcome = await signUp({ email: email || null, username: username || null, name: name || null });
    switch (outcome.kind) {
      case 'AuthPayload':
        return outcome.emailChallenge ? onChallenge(outcome.emailChallenge) : go(homeOf(outcome.user));
      case 'EmailChallenge':
        return onChallenge(outcome);
      case 'NoPasskey':
        return { fault: wordsForNoPasskey(outcome, 'create') };
      case 'UserError':
        return isByPasskey ? passkeyRefusal(outcome) : outcome;
      case 'SecondFactorChallenge':
      case 'unknown':
        return NEWER;
      default:
        return impossible(outcome);
    }
  });
  return (
    <Page title="Sign up">
      <Form form={form} action={isByPasskey ? 'Sign up with a passkey' : 'Sign up'}>
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
        {support === 'here' && <Choice isByPasskey={isByPasskey} onChange={setByPasskey} />}
        {!isByPasskey && (
          <PasswordField
            name="password"
            label="Password"
            autoComplete="new-password"
            value={password}
            onChange={({ target }) => setPassword(target.value)}
            hint={<PasswordRules password={password} settings={settings} />}
          />
        )}
      </Form>
      {support === 'elsewhere' && <PasskeysElsewhere />}
      <ProviderButtons providers={settings.providers} purpose="login" />
      <p className="ways"><a href="#/login">I already have an account</a></p>
    </Page>
  );
}

function Choice({ isByPasskey, onChange }: { isByPasskey: boolean; onChange: (isByPasskey: boolean) => void }) {
  return (
    <fieldset className="options">
      <legend>How do you want to sign in?</legend>
      <label>
        <input type="radio" name="by" checked={!isByPasskey} onChange={() => onChange(false)} />
        With a password
      </label>
      <label>
        <input type="radio" name="by" checked={isByPasskey} onChange={() => onChange(true)} />
        With a passkey: your fingerprint, your face or your device’s PIN
      </label>
    </fieldset>
  );
}
