import { useState } from 'react';
import { Form } from '../form/Form';
import { useForm } from '../form/useForm';
import { gatehouse } from '../gatehouse';
import { Page } from '../Page';
import { go } from '../route';
import { impossible, NEWER } from '../words';

/**
 * The page that the emailed link opens if `LOGIN_URL` is `…/demo#/sign-in?token={token}&account={account}`. It waits for the user
 * to press a button that names the account: an attacker may send a link to the attacker's own account, to watch what others do there.
 */
export function SignInLink({ token, account }: { token: string; account: string }) {
  const [isForeign, setForeign] = useState(false);
  const form = useForm(async () => {
    const outcome = await gatehouse.activateAccount({ token });
    switch (outcome.kind) {
      case 'AuthPayload': {
        const { email, username, hasPassword } = outcome.user;
        if ([email, username].some((name) => name?.toLowerCase() === account.toLowerCase())) {
          return go(hasPassword ? '/profile' : '/password');
        }
        await gatehouse.logout();
        return setForeign(true);
      }
      case 'UserError':
        return outcome;
      case 'EmailChallenge':
      case 'unknown':
        return NEWER;
      default:
        return impossible(outcome);
    }
  });
  if (isForeign) {
    return <Page title="Do not trust this link" lead={`This link belongs to another account, not to ${account}. You are not signed in.`} />;
  }
  return (
    <Page title="Sign in" lead="Continue only if this is your account and you requested this email.">
      <Form form={form} action={`Sign in as ${account}`}>{null}</Form>
      <p className="ways"><a href="#/email-code">Send me another link</a></p>
    </Page>
  );
}
