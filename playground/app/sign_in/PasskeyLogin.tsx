import { useEffect } from 'react';
import type { PasskeyLogin as Outcome } from '../../client/passkeys';
import { Notice } from '../form/Form';
import { useForm } from '../form/useForm';
import { keys, passkeyRefusal, wordsForNoPasskey } from '../passkeys';
import { impossible, NEWER } from '../words';

/** The button to sign in with a passkey. Passkeys also appear in the autofill suggestions of the username field. */
export function PasskeyLogin() {
  const form = useForm(async () => refusalOf(await keys.login()));
  useEffect(() => keys.autofill((login) => void form.show(login.then(refusalOf))), []);
  return (
    <form {...form.props}>
      <Notice {...form.verdict} />
      <button type="submit" className="plain" aria-disabled={form.isBusy || undefined}>Sign in with a passkey</button>
    </form>
  );
}

function refusalOf(outcome: Outcome) {
  switch (outcome.kind) {
    case 'AuthPayload':
      return; // the app shows the account pages
    case 'NoPasskey':
      return { fault: wordsForNoPasskey(outcome) };
    case 'UserError':
      return passkeyRefusal(outcome);
    case 'EmailChallenge':
    case 'SecondFactorChallenge':
    case 'unknown':
      return NEWER;
    default:
      return impossible(outcome);
  }
}
